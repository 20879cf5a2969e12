"""SCIM 2.0 (RFC 7644) under ``/scim/v2/``: what every address of it has in common, and what it says about itself.

A door of its own beside the API: other tokens, other errors and other media types, because directories know only what
the RFC says. It is no part of the OpenAPI document. Views translate; rules are the services'.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, Final

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions as drf
from rest_framework.authentication import BaseAuthentication
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView, set_rollback

from governance.access import rights_of
from governance.domain.scim_schema import RESOURCES, Attribute, Resource
from governance.services.scim_tokens import SCOPE, scim_authenticate, scim_refusal_keep
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import InvalidInput, NotFound, NotSignedIn, SlipwayError, Transient
from portal.api.authentication import actor_of
from portal.api.endpoint import AlwaysJSON
from portal.api.faults import BadRequest
from portal.api.parsers import read_json
from portal.api.problems import http_status, log, translate
from portal.api.throttling import PerPrincipal
from portal.api.wrong_tokens import wrong_tokens_counted
from portal.origin import origin_of
from portal.scim_problem import MEDIA, scim_problem

LIST_URN: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_CORE: Final = "urn:ietf:params:scim:schemas:core:2.0"
MOST: Final = 200
"""Resources on one page of a list."""
CHALLENGE: Final = 'Bearer realm="slipway-scim"'


class ScimAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` with a token of SCIM; sessions and tokens of the API are nobody here."""

    def authenticate(self, request: Request) -> tuple[Actor, Actor]:
        plain = request._request
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not credentials.strip():
            plain.actor = Actor(None, "", via="scim", address=origin_of(plain))  # type: ignore[attr-defined]
            raise NotSignedIn(
                "SCIM needs a token of its own.", remedy="A platform admin makes one on the page Provisioning."
            )
        known = {"request_id": getattr(plain, "request_id", ""), "address": origin_of(plain)}
        with wrong_tokens_counted(known["address"]):
            actor = scim_authenticate(credentials.strip(), clock.now(), **known)
        plain.actor, plain.rights = actor, rights_of(actor)  # type: ignore[attr-defined]  # as portal.middleware does
        return actor, actor

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class Provisions(BasePermission):
    def has_permission(self, request: Request, view: object) -> bool:
        return actor_of(request).scopes == frozenset({SCOPE})


class PerDirectory(PerPrincipal):
    """The rate of the API, for all that directories ask together."""

    def principal(self, request: Request) -> str:
        return "scim"


class ScimParser(BaseParser):
    media_type = MEDIA

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        try:
            return read_json(stream.read())
        except BadRequest as error:
            raise InvalidInput(error.message, code="invalidSyntax") from None


class PlainParser(ScimParser):
    """Directories send plain JSON too."""

    media_type = "application/json"


class ScimEndpoint(APIView):
    """One address of SCIM. ``self.sent`` is the object that was sent, ``self.expected`` the version in ``If-Match``."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    authentication_classes = [ScimAuthentication]
    permission_classes = [Provisions]
    throttle_classes = [PerDirectory]
    parser_classes = [ScimParser, PlainParser]
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    schema = None

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)

    @property
    def sent(self) -> dict[str, Any]:
        data = self.request.data if self.request._request.body else {}
        if not isinstance(data, dict):
            raise InvalidInput("The body is an object.", code="invalidSyntax")
        return data

    @property
    def expected(self) -> int | None:
        """The version that ``If-Match`` names; None without one. Another tag than ours matches nothing."""
        header = self.request.headers.get("If-Match", "").strip()
        if header in ("", "*"):
            return None
        number = header.removeprefix("W/").strip('"')
        return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        request._request.body  # noqa: B018 - kept by Django once it was read
        super().initial(request, *args, **kwargs)
        if any("\x00" in str(part) for part in kwargs.values()):
            raise NotFound("There is nothing at this address.")

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], HttpResponse]:
        return refused


def refused(fault: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """``fault`` as SCIM says it, kept for the page on which administrators look. Rolls back what is open."""
    set_rollback()
    request: HttpRequest = context["request"]._request
    error = translate(fault)
    if error is None:
        log.error("scim_fault", request_id=getattr(request, "request_id", ""), path=request.path, exc_info=fault)
        error = SlipwayError("Something went wrong on our side.", remedy="Tell the platform team the request id.")
    if isinstance(fault, drf.UnsupportedMediaType):
        error.remedy = f"Send {MEDIA} or application/json."
    response = scim_error(error)
    request.refusal = error  # type: ignore[attr-defined]  # read by portal.middleware.Refusals
    if isinstance(fault, drf.Throttled):
        response["Retry-After"] = str(max(1, math.ceil(getattr(fault, "wait", None) or 1)))
    if isinstance(fault, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if response.status_code != 401:
        _keep(request, response.status_code, error)
    return response


def scim_error(error: SlipwayError) -> HttpResponse:
    """``error`` as an answer."""
    status = 400 if isinstance(error, InvalidInput) else http_status(error)
    response = scim_answer(scim_problem(error, status), status)
    if status == 401:
        response["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, Transient):
        response["Retry-After"] = str(max(1, math.ceil(error.delay)))
    return response


def scim_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return HttpResponse(text, status=status, content_type=MEDIA, headers=dict(headers or {}))


def scim_list(total: int, start: int, resources: list[dict[str, Any]]) -> HttpResponse:
    body = {"schemas": [LIST_URN], "totalResults": total, "startIndex": start, "itemsPerPage": len(resources)}
    return scim_answer(body | {"Resources": resources})


def address(*parts: str) -> str:
    """The whole address of a resource."""
    return "/".join((f"{settings.BASE_URL}/scim/v2", *parts))


def _keep(request: HttpRequest, status: int, error: SlipwayError) -> None:
    try:
        scim_refusal_keep(
            request=f"{request.method} {request.get_full_path()}",
            status=status,
            detail=f"{error.message} {error.remedy}".strip(),
            now=clock.now(),
        )
    except DatabaseError as away:
        # The answer stands without its note: the database is away.
        log.error("scim_refusal_not_kept", error=type(away).__name__)


class Config(ScimEndpoint):
    def get(self, request: Request) -> HttpResponse:
        return scim_answer(CONFIG | {"meta": _meta("ServiceProviderConfig", "ServiceProviderConfig")})


class ResourceTypes(ScimEndpoint):
    def get(self, request: Request) -> HttpResponse:
        return _all([_resource_type(one) for one in RESOURCES])


class OneResourceType(ScimEndpoint):
    def get(self, request: Request, name: str) -> HttpResponse:
        return _one(_resource_type(one) for one in RESOURCES if one.name == name)


class Schemas(ScimEndpoint):
    def get(self, request: Request) -> HttpResponse:
        return _all([_schema(one) for one in RESOURCES])


class OneSchema(ScimEndpoint):
    def get(self, request: Request, urn: str) -> HttpResponse:
        return _one(_schema(one) for one in RESOURCES if one.urn.lower() == urn.lower())


class Nothing(ScimEndpoint):
    """Any other address below ``/scim/v2/``, in SCIM's own words."""

    def get(self, request: Request, rest: str) -> HttpResponse:
        raise NotFound("There is nothing at this address; Slipway has Users and Groups.")

    post = put = patch = delete = get


CONFIG: Final[dict[str, Any]] = {
    "schemas": [f"{_CORE}:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
    "filter": {"supported": True, "maxResults": MOST},
    "changePassword": {"supported": False},
    "sort": {"supported": False},
    "etag": {"supported": True},
    "authenticationSchemes": [
        {
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of SCIM, made by a platform admin on the page Provisioning.",
            "primary": True,
        }
    ],
}


def _all(found: list[dict[str, Any]]) -> HttpResponse:
    return scim_list(len(found), 1, found)


def _one(found: Iterable[dict[str, Any]]) -> HttpResponse:
    body = next(iter(found), None)
    if body is None:
        raise NotFound("There is no such thing; Slipway has User and Group.")
    return scim_answer(body)


def _resource_type(one: Resource) -> dict[str, Any]:
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": one.name,
        "name": one.name,
        "endpoint": f"/{one.path}",
        "description": one.about,
        "schema": one.urn,
        "schemaExtensions": [],
        "meta": _meta("ResourceType", "ResourceTypes", one.name),
    }


def _schema(one: Resource) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": one.urn,
        "name": one.name,
        "description": one.about,
        "attributes": [_attribute(attribute) for attribute in one.attributes],
        "meta": _meta("Schema", "Schemas", one.urn),
    }


def _attribute(one: Attribute) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "type": one.kind,
        "multiValued": one.several,
        "description": one.about,
        "required": one.required,
        "mutability": "readWrite" if one.writable else "readOnly",
        "returned": "default",
        "uniqueness": "server" if one.unique else "none",
    }
    if one.kind == "string":
        found["caseExact"] = one.exact
    if one.kind == "reference":
        found |= {"caseExact": True, "referenceTypes": ["User" if "person" in one.about else "Group"]}
    if one.words:
        found["canonicalValues"] = list(one.words)
    if one.parts:
        found["subAttributes"] = [_attribute(part) for part in one.parts]
    return found


def _meta(kind: str, *parts: str) -> dict[str, str]:
    return {"resourceType": kind, "location": address(*parts)}

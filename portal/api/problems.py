"""Every fault of the API as RFC 9457 problem JSON: ours by the shared table, Django's and DRF's by translation.

A fault that nobody foresaw is logged with the request's id and answered without a word about the inside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from rest_framework import exceptions as drf
from rest_framework.views import set_rollback

from idp.kernel import errors
from idp.kernel.database_faults import database_fault
from portal.api.authentication import CHALLENGE
from portal.api.faults import HTTP_ONLY, BadRequest, UnsupportedFormat
from portal.problems import TITLES, WrongMethod, problem_of, status_of

log = structlog.get_logger(__name__)
CONTENT_TYPE = "application/problem+json"


def handle(fault: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """DRF's exception handler. Rolls back a transaction of the request, if one is open."""
    set_rollback()
    request = context["request"]._request
    return answer_problem(request, fault, headers=_headers_of(fault, context))


def answer_problem(request: HttpRequest, fault: Exception, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """``fault`` as an answer."""
    error = translate(fault)
    request_id = getattr(request, "request_id", "")
    if error is None:
        log.error("api_fault", request_id=request_id, path=request.path, exc_info=fault)
        got_request_exception.send(sender=None, request=request)
        error = errors.PlatformFault(
            "Something went wrong on our side.",
            code="internal",
            remedy="Try again; if it stays, tell the platform team the request id.",
        )
    status = http_status(error)
    request.refusal = error  # type: ignore[attr-defined]  # read by portal.middleware.Refusals
    body = problem_of(error, request_id) | {"status": status}
    body.setdefault("request_id", request_id)
    body["title"] = TITLES.get(status, "The request failed")
    response = HttpResponse(json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), status=status)
    response["Content-Type"] = CONTENT_TYPE
    for name, value in {**_standing_headers(error, status), **(headers or {})}.items():
        response[name] = value
    return response


def translate(fault: Exception) -> errors.SlipwayError | None:
    """``fault`` as one of ours; None for what nobody foresaw."""
    if isinstance(fault, errors.SlipwayError):
        return fault
    if isinstance(fault, drf.APIException):
        return _of_drf(fault)
    if isinstance(fault, RequestDataTooBig):
        most = settings.MAX_BODY_BYTES // 1_000_000
        return errors.TooLarge(f"The body is larger than {most} MB.", remedy="Send a smaller document.")
    if isinstance(fault, Http404):
        return errors.NotFound("There is nothing at this address.")
    if isinstance(fault, PermissionDenied):
        return errors.Forbidden("This is not allowed.")
    if isinstance(fault, (SuspiciousOperation, UnreadablePostError)):
        return BadRequest("The request cannot be read.")
    return database_fault(fault)


def http_status(error: errors.SlipwayError) -> int:
    """The status of ``error``: those that only HTTP knows first, then the shared table."""
    return next((status for kind, status in HTTP_ONLY if isinstance(error, kind)), 0) or status_of(error)


def _of_drf(fault: drf.APIException) -> errors.SlipwayError:
    detail = str(fault.detail)
    if isinstance(fault, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        return errors.NotSignedIn("This address needs an identity.")
    if isinstance(fault, drf.PermissionDenied):
        if detail.startswith("CSRF"):
            return errors.Forbidden(
                "The CSRF token is missing or wrong.",
                code="csrf",
                remedy="Send the csrftoken cookie's value as X-CSRFToken, or use a bearer token.",
            )
        return errors.Forbidden("This is not allowed.")
    if isinstance(fault, drf.MethodNotAllowed):
        return WrongMethod(detail.replace('"', "") + " The Allow header lists those that are.")
    if isinstance(fault, drf.UnsupportedMediaType):
        return UnsupportedFormat("The Content-Type of the body is not one that this address reads.")
    if isinstance(fault, drf.Throttled):
        return errors.RateLimited(
            "Too many requests at once.", remedy="Wait as long as Retry-After says, then go on more slowly."
        )
    if isinstance(fault, drf.NotFound):
        return errors.NotFound("There is nothing at this address.")
    return BadRequest("The request cannot be read.")


def _headers_of(fault: Exception, context: Mapping[str, Any]) -> dict[str, str]:
    if isinstance(fault, drf.Throttled):
        return {"Retry-After": str(max(1, math.ceil(getattr(fault, "wait", None) or 1)))}
    if isinstance(fault, drf.MethodNotAllowed):
        return {"Allow": ", ".join(context["view"].allowed_methods)}
    return {}


def _standing_headers(error: errors.SlipwayError, status: int) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": CHALLENGE}
    if isinstance(error, errors.Transient):
        return {"Retry-After": str(max(1, math.ceil(error.delay)))}
    return {"Retry-After": "1"} if status == 429 else {}

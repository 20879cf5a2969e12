"""The base of every view of the API: the order in which a request is checked.

Identity and rate (DRF), the token's scope, the query, the body, then the method; a POST with an Idempotency-Key
passes ``portal.api.repeats`` on the way. Views hold no rule of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from governance.access import Rights
from idp.kernel.actor import Actor
from idp.kernel.errors import InvalidInput, NotFound
from portal.api.authentication import actor_of, rights_in
from portal.api.bodies import check_body, read_query
from portal.api.operation import Operation
from portal.api.repeats import once


class AlwaysJSON(BaseContentNegotiation):
    """Answers in JSON whatever ``Accept`` says: a browser that follows a link reads it too."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        sent = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == sent), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        first = next(iter(renderers))
        return first, first.media_type


class Endpoint(APIView):
    """One address. Its methods are declared with ``@operation``; ``self.query`` and ``self.sent`` are checked."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    content_negotiation_class = AlwaysJSON
    metadata_class = None
    query: dict[str, Any]
    sent: Any

    @property
    def actor(self) -> Actor:
        return actor_of(self.request)

    @property
    def rights(self) -> Rights:
        return rights_in(self.request)

    @property
    def allowed_methods(self) -> list[str]:
        return [name.upper() for name in self.http_method_names if hasattr(self, name)]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Read the body first: looking for a CSRF token in a form would leave nothing to read."""
        request._request.body  # noqa: B018 - kept by Django once it was read
        super().initial(request, *args, **kwargs)

    def carry_out(
        self, declared: Operation, method: Callable[..., HttpResponse], request: Request, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Check the request against ``declared``, then run ``method``. Called by the ``operation`` decorator."""
        if declared.scope and not self.actor.has_scope(declared.scope):
            self.rights.require_scope(declared.scope)
        if any("\x00" in str(part) for part in kwargs.values()):
            raise NotFound("There is nothing at this address.")
        self.query = read_query(request.query_params, declared.query)
        if declared.body is None:
            return self._run(method, request, *args, **kwargs)
        raw = request._request.body
        if not declared.kept:
            return self._with_body(declared, method, raw, request, *args, **kwargs)
        return once(request, raw, lambda: self._with_body(declared, method, raw, request, *args, **kwargs))

    def _with_body(
        self,
        declared: Operation,
        method: Callable[..., HttpResponse],
        raw: bytes,
        request: Request,
        *args: Any,
        **kwargs: Any,
    ) -> HttpResponse:
        self.sent = request.data if raw else {}
        if not isinstance(self.sent, dict):
            raise InvalidInput("The body must be an object.")
        check_body(self.sent, declared.body or "")
        return self._run(method, request, *args, **kwargs)

    def _run(self, method: Callable[..., HttpResponse], request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return method(self, request, *args, **kwargs)


class PublicEndpoint(Endpoint):
    """Needs no identity; a token that is sent all the same must be right."""

    permission_classes = [AllowAny]

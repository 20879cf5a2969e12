"""The OpenAPI document, a page to read it, and a page for each problem code. All public, none holds data."""

from __future__ import annotations

import json
from functools import lru_cache
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.request import Request

from portal.api.codes import CODES
from portal.api.endpoint import PublicEndpoint
from portal.api.operation import operation
from portal.api.outline import outline_of
from portal.api.shapes.capabilities import OPENAPI_DOCUMENT

_writing = Lock()


class OpenAPI(PublicEndpoint):
    @operation(
        "openapi",
        "Read the OpenAPI document",
        area="Start",
        answers={200: OPENAPI_DOCUMENT},
        scope=None,
        about="OpenAPI 3.1.",
    )
    def get(self, request: Request) -> HttpResponse:
        response = HttpResponse(document_text(), content_type="application/json")
        response["Cache-Control"] = "no-cache"
        return response


def document() -> dict[str, Any]:
    """The OpenAPI document; written once per process."""
    with _writing:
        return _document()


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    return SchemaGenerator(urlconf="idp.urls").get_schema(request=None, public=True)


@lru_cache(maxsize=1)
def document_text() -> bytes:
    return json.dumps(document(), ensure_ascii=False, indent=1).encode()


@lru_cache(maxsize=1)
def _outline() -> dict[str, Any]:
    return outline_of(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page to read, without script."""
    return render(request, "api/reference.html", {"api": _outline(), "theme": request.COOKIES.get("theme", "")})


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """What one problem code means. A code that has no words here is explained by its own problem."""
    context = {
        "code": code,
        "meaning": CODES.get(code, ""),
        "codes": sorted(CODES.items()),
        "theme": request.COOKIES.get("theme", ""),
    }
    return render(request, "api/problem.html", context, status=200 if code in CODES else 404)

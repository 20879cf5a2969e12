"""What answers at an address under the API that does not exist."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import Resolver404, resolve
from rest_framework.request import Request

from idp.kernel.errors import NotFound
from portal.api.endpoint import PublicEndpoint


class Unknown(PublicEndpoint):
    """Every method, so that a wrong address is 404 rather than 405."""

    schema = None

    def get(self, request: Request, path: str) -> HttpResponse:
        raise NotFound("There is nothing at this address.", remedy=_remedy(request.path))

    post = put = patch = delete = get


def _remedy(path: str) -> str:
    if not path.endswith("/"):
        try:
            found = resolve(f"{path}/")
        except Resolver404:
            found = None
        if found is not None and getattr(found.func, "cls", None) is not Unknown:
            return f"Did you mean {path}/ ?"
    return "GET /api/v1/ lists the areas, /api/v1/openapi.json all addresses."

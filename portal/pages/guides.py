"""The guides: how is it done? What ``docs/`` of this very version says, for everybody who is signed in."""

from __future__ import annotations

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import guides as reading
from provisioning.selectors.guides import picture_file

PICTURE_KEPT = 3_600


@page("guides")
def guides(request: PageRequest) -> HttpResponse:
    request.rights.require_scope("read")
    return render(request, "guides/list.html", {"groups": reading.groups()})


@page("guides")
def guide(request: PageRequest, name: str) -> HttpResponse:
    request.rights.require_scope("read")
    return render(request, "guides/guide.html", {"guide": reading.page_of(name)})


@page("guides")
def picture(request: PageRequest, picture: str) -> HttpResponseBase:
    """A picture of a guide; kept by the browser for an hour, as a newer version may show another one."""
    request.rights.require_scope("read")
    headers = {"Cache-Control": f"private, max-age={PICTURE_KEPT}"}
    return FileResponse(picture_file(f"{picture}.png").open("rb"), content_type="image/png", headers=headers)

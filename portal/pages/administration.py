"""Administration: which page do I need to change how the platform is run?"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading.administration import sections


@page("administration")
def administration(request: PageRequest) -> HttpResponse:
    return render(request, "administration/administration.html", {"groups": sections(request.rights)})

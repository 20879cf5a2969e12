"""Administration: which page do I need to change how the platform is run?"""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading.administration import sections
from portal.reading.people import edits_recent


@page("administration")
def administration(request: PageRequest) -> HttpResponse:
    edits = edits_recent() if request.rights.may_administer() else []
    return render(request, "administration/administration.html", {"groups": sections(request.rights), "edits": edits})

"""Search: a page of its own, and the answers in the palette of every page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render

from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import search as reading

PALETTE_EACH = 4
PALETTE = 12


@page()
def search(request: PageRequest) -> HttpResponse:
    typed = request.GET.get("q", "").strip()[: reading.LONGEST]
    rights = request.rights
    if request.htmx:
        found = reading.search(rights, typed, each=PALETTE_EACH)
        context = {"query": typed, "results": found.hits[:PALETTE], "instead": found.instead}
        return render(request, "components/_palette_results.html", context)
    found = reading.search(rights, typed)
    return render(request, "search/search.html", {"query": typed, "results": found.hits, "instead": found.instead})

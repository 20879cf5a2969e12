"""“Was this easy?”: takes the answer of who asked for a run. Works without script; nobody must answer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from idp.kernel import clock
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from provisioning.domain.feedback import DISMISSED, LONGEST_WORDS
from provisioning.services.feedback import feedback_give


@page("changes", methods=POST)
def run_feedback(request: PageRequest, run: int) -> HttpResponse:
    """Stores it and goes back to where it was asked."""
    answer = request.POST.get("answer", "")[:20]
    words = "" if answer == DISMISSED else request.POST.get("words", "")[:LONGEST_WORDS]
    row = feedback_give(request.actor, run, answer=answer, words=words, now=clock.now())
    if answer != DISMISSED:
        messages.success(request, "Thank you\nThe owners of what it was about read it.")
    if request.POST.get("back") == "environment":
        environment = row.run.environment
        return redirect("environment", environment.system.slug, environment.name)
    return redirect("run", run)

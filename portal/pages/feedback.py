"""“Was this easy?”: takes the answer of who asked for a run, and shows answers to who owns what it was about."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from provisioning.domain.feedback import DISMISSED, LONGEST_WORDS
from provisioning.selectors.capabilities import capability_get
from provisioning.selectors.feedback import feedback_list, feedback_tally, require_words
from provisioning.services.feedback import feedback_give

PAGE = 50


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


@page("capabilities")
def capability_feedback(request: PageRequest, name: str) -> HttpResponse:
    capability = capability_get(name)
    require_words(request.rights, capability)
    listed = keyset.page(
        feedback_list(request.rights, capability),
        order=("-changed_at", "-id"),
        cursor=request.GET.get("cursor"),
        limit=PAGE,
    )
    context = {
        "capability": capability,
        "tally": feedback_tally(capability),
        "answers": listed.items,
        "next": listed.next,
    }
    return render(request, "capabilities/feedback.html", context)

"""Letting go of a place that an environment cannot leave: how it stands, what would be left behind, and the question.

For admins, when the old cluster of a move never answers again. Asks that cluster while a person waits.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput
from portal.forms.confirming import EMPTY, Confirmed
from portal.pages.environments import frame
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.services.letting_go import let_go_wait, place_let_go, place_stranded

SHOWN = 50


@never_cache
@page("environments", methods=FORM)
def environment_let_go(request: PageRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)
    if request.method != "POST":
        return _ask(request, found)
    typed = Confirmed.of(request.POST)
    try:
        told = place_let_go(request.actor, found, confirm=typed.name, reason=typed.reason, now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _ask(request, found, typed.refused(error), status=422)
    rest = "Its last change goes on." if told.resumed else "What was left behind is listed with the orphans."
    messages.success(request, f"{told.cluster} is let go of\n{rest}")
    return redirect("environment", system, name)


def _ask(request: PageRequest, found: Environment, typed: Confirmed = EMPTY, *, status: int = 200) -> HttpResponse:
    """The question before it, with how it stands now."""
    stranded = place_stranded(request.actor, found)
    context = {
        **frame(request, found, "settings"),
        "stranded": stranded,
        "early": stranded.may_from is not None and stranded.may_from > clock.now(),
        "wait": let_go_wait(),
        "losses": [str(ref) for ref in stranded.left[:SHOWN]],
        "more": max(0, len(stranded.left) - SHOWN),
        "typed": typed,
    }
    return render(request, "environments/let_go.html", context, status=status)

"""What does this environment lend, to whom, and what does it use of others? Lending, ending and taking back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.forms.sharing import SharingForm
from portal.pages.environments import frame
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import sharing as reading
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.selectors.lending import grants_given, grants_to_system, lendable_names
from provisioning.services import lending as services


@page("environments", methods=FORM)
def environment_sharing(request: PageRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)
    if found.deleted_at is not None:
        raise NotFound(f"{system} / {name} is gone.")
    if request.method == "POST":
        request.rights.require_manage_system(found.system)
    form = SharingForm(request.POST or None, giver=found, names=lendable_names(found))
    told = _told(request, form)
    if told and was_looked_at(request.POST) and _given(request, form):
        return redirect("environment-sharing", system, name)
    context = _context(request, found) | {
        "form": form,
        "told": told if not form.errors else [],
        "looked_at": fingerprint(request.POST) if told and not form.errors else "",
    }
    return render(request, "environments/sharing.html", context, status=422 if form.errors else 200)


@page("environments", methods=POST)
def grant_act(request: PageRequest, system: str, name: str, grant: int, act: str) -> HttpResponse:
    """One click: nobody else begins to use it, others may again, or it is taken back."""
    giver = services.grant_managed(request.actor, grant).environment
    if (giver.system.slug, giver.name) != (system, name):
        raise NotFound(f"{system}/{name} has no grant {grant}.")
    now = clock.now()
    try:
        if act == "take-back":
            services.grant_take_back(request.actor, grant, now=now)
            messages.success(request, "It is shared no longer\nNobody used it.")
        elif act in ("close", "open"):
            services.grant_end_set(request.actor, grant, ends_at=now if act == "close" else None, now=now)
            told = "Nobody else begins to use it\nWho uses it goes on." if act == "close" else "It is shared again"
            messages.success(request, told)
        else:
            raise NotFound("There is no such thing to do.")
    except Conflict as error:
        messages.error(request, f"It stays shared\n{error.message} {error.remedy}".strip())
    return redirect("environment-sharing", system, name)


def _told(request: PageRequest, form: SharingForm) -> list[str]:
    """What giving it would mean; nothing when the form is not right, which then says why."""
    if request.method != "POST" or not form.is_valid():
        return []
    wish = form.wish()
    plan = services.grant_plan(request.actor, wish, now=clock.now())
    if plan.problems:
        add_errors(form, InvalidInput(plan.problems[0].message, errors=plan.problems))
        return []
    return reading.effects(plan, wish.to_environment)


def _given(request: PageRequest, form: SharingForm) -> bool:
    try:
        row = services.grant_give(request.actor, form.wish(), now=clock.now())
    except (InvalidInput, Conflict) as error:
        add_errors(form, error)
        return False
    messages.success(request, f"{row.resource} is shared\nWho may use it asks for that as for any change.")
    return True


def _context(request: PageRequest, found: Environment) -> dict[str, Any]:
    now, rights = clock.now(), request.rights
    offers = grants_to_system(found.system, found.name) if rights.may_request(found.system) else ()
    return {
        **frame(request, found, "sharing"),
        "given": reading.given_lines(grants_given(found), rights, now),
        "taken": reading.taken_lines(found),
        "offers": reading.offer_lines(offers, found, now),
        "may_share": rights.may_manage(found.system.team),
    }

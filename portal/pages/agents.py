"""Agents: one's own and those that one manages, what they may and what they did, and signing beside them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from portal.forms.agents import AgentForm, AgentRulesForm, DaysForm, initial_of
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import agents as reading
from provisioning.models import Agent
from provisioning.selectors.agents import agent_get, agent_session_get
from provisioning.services import agent_rules as rules
from provisioning.services import agents as services
from provisioning.services.cosigning import change_cosign

DID = {
    "pause": "{0} is paused\nIt is refused from now on; what it asked for goes its way.",
    "resume": "{0} may call again",
    "remove": "{0} is removed\nWhat it did can still be read in the audit log.",
}


@page("administration")
def agents(request: PageRequest) -> HttpResponse:
    found = reading.agents_seen(request.rights, clock.now())
    return render(request, "agents/list.html", {"lines": found, "admin": request.rights.may_administer()})


@page("administration", methods=FORM)
def agent_new(request: PageRequest) -> HttpResponse:
    form = AgentForm(request.POST or None, rights=request.rights)
    if request.method != "POST" or not form.is_valid():
        return _form(request, form)
    given = form.cleaned_data
    try:
        made, plaintext = services.agent_create(
            request.actor, name=given["name"], wish=form.wish(), days=given["days"], now=clock.now()
        )
    except InvalidInput as error:
        add_errors(form, error)
        return _form(request, form)
    return _page(request, made, plaintext=plaintext)


@page("administration")
def agent(request: PageRequest, name: str) -> HttpResponse:
    return _page(request, agent_get(request.rights, name))


@page("administration", methods=FORM)
def agent_edit(request: PageRequest, name: str) -> HttpResponse:
    """Its owner's: what it may from the next call on."""
    row = agent_get(request.rights, name)
    if row.owner_id != request.user.pk:
        raise Forbidden(f"Only {row.owner.username} edits this agent: it acts for them.")
    if request.method != "POST":
        return _form(request, AgentForm(initial=initial_of(row), rights=request.rights, agent=row), row)
    form = AgentForm(request.POST, rights=request.rights, agent=row)
    if form.is_valid():
        try:
            services.agent_update(
                request.actor,
                name=name,
                wish=form.wish(),
                expected_version=_number(request, "version"),
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{name} is saved\nIt counts from its next call on.")
            return redirect("agent", name)
    return _form(request, form, row)


@page("administration", methods=POST)
def agent_act(request: PageRequest, name: str) -> HttpResponse:
    """Pause, resume, remove, take the last edit back, or give it another token, which is shown this once."""
    row, do, now = agent_get(request.rights, name), request.POST.get("do", ""), clock.now()
    if do == "rotate":
        form = DaysForm(request.POST)
        if not form.is_valid():
            raise InvalidInput("Choose how long its token lasts.")
        made, plaintext = services.agent_rotate(request.actor, name=name, days=form.cleaned_data["days"], now=now)
        return _page(request, made, plaintext=plaintext)
    if do == "take-back":
        services.agent_take_back(request.actor, name=name, now=now)
        messages.success(request, f"The last edit of {name} is taken back")
        return redirect("agent", name)
    services.agent_act(request.actor, name=row.name, act=do, now=now)
    messages.success(request, DID[do].format(name))
    return redirect("agents") if do == "remove" else redirect("agent", name)


@page("administration")
def agent_session(request: PageRequest, name: str, session: int) -> HttpResponse:
    row = agent_get(request.rights, name)
    found = agent_session_get(row, session)
    lines = reading.call_lines(found)
    context = {"agent": row, "session": found, "lines": lines, "more": max(found.calls - len(lines), 0)}
    return render(request, "agents/session.html", context)


@page("administration", methods=FORM)
def agents_rules(request: PageRequest) -> HttpResponse:
    """A look says whose changes are affected; only “save” keeps it."""
    request.rights.require_admin()
    row, do = rules.agent_rules_now(), request.POST.get("do", "")
    if do == "take-back":
        rules.agent_rules_take_back(request.actor, now=clock.now())
        messages.success(request, "The last edit is taken back")
        return redirect("agents-rules")
    form = AgentRulesForm(request.POST) if do else AgentRulesForm(initial={"unsigned": row.unsigned})
    affected: list[dict[str, Any]] = []
    if do and form.is_valid():
        chosen = form.cleaned_data["unsigned"]
        if do == "save":
            rules.agent_rules_save(
                request.actor, unsigned=chosen, expected_version=_number(request, "version"), now=clock.now()
            )
            messages.success(request, "Saved\nIt counts for what agents ask for from now on.")
            return redirect("agents-rules")
        affected = rules.agents_affected(chosen)
    context = {"row": row, "form": form, "looked": bool(do), "affected": reading.affected_words(affected)}
    return render(request, "agents/rules.html", context, status=422 if form.errors else 200)


@page("changes", methods=POST)
def change_signed(request: PageRequest, change: int) -> HttpResponse:
    """Sign the plan that was read beside the agent that asked for it."""
    try:
        signed = change_cosign(request.actor, change, plan_digest=request.POST.get("plan_digest", ""), now=clock.now())
    except Conflict as error:
        messages.error(request, f"Not signed\n{error.message} {error.remedy}".strip())
        return redirect("change", change)
    if signed.state == "denied":
        messages.error(request, f"You signed #{change}, and it may not start\nIts history says why.")
        return redirect("change", change)
    goes = "It goes on." if signed.state != "pending" else "Others still have to agree."
    messages.success(request, f"You signed #{change}\n{goes}")
    return redirect("change", change)


def _page(request: PageRequest, row: Agent, *, plaintext: str = "") -> HttpResponse:
    context = reading.agent_context(request.rights, row, clock.now())
    response = render(request, "agents/agent.html", {**context, "plaintext": plaintext, "days": DaysForm()})
    if plaintext:
        response["Cache-Control"] = "no-store"
    return response


def _form(request: PageRequest, form: AgentForm, row: Agent | None = None) -> HttpResponse:
    may_make = bool(form.fields["team"].choices)  # type: ignore[attr-defined]
    context = {"form": form, "row": row, "may_make": may_make}
    return render(request, "agents/form.html", context, status=422 if form.errors else 200)


def _number(request: PageRequest, name: str) -> int | None:
    seen = request.POST.get(name, "")
    return int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None

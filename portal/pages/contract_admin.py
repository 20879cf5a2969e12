"""Where platform admins publish a version of a capability, and move published ones from state to state."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, UserFault
from portal.forms.contracts import ContractDraftForm, ContractStateForm
from portal.pages.capabilities import capability_page, listed_versions, state_form
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import contract_draft as reading
from portal.reading.capabilities import best_version
from provisioning.domain.version import parse_version
from provisioning.models import Capability, Contract
from provisioning.selectors import capabilities as selectors
from provisioning.services.blast_reports import blast_of_draft
from provisioning.services.contract_states import contract_state_set, preview_join, preview_leave
from provisioning.services.contracts import contract_publish
from provisioning.services.default_versions import default_version_clear, default_version_set


@page("capabilities", methods=FORM)
def contract_new(request: PageRequest, name: str = "") -> HttpResponse:
    """A draft, its checks and its preview; ``name`` is the capability that it must be of, nothing for a new one."""
    request.rights.require_admin()
    capability = selectors.capability_get(name) if name else None
    if request.method != "POST":
        return _page(request, capability, ContractDraftForm(initial={"text": _start(capability)}), _start(capability))
    form = ContractDraftForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, capability, form, request.POST.get("text", ""), status=422)
    text = form.cleaned_data["text"]
    draft = reading.draft_of(request.actor, text, capability=name)
    if request.POST.get("do") == "blast" and draft.is_sound:
        report = blast_of_draft(request.actor, text=text, now=clock.now())
        return redirect("blast-report", report.pk)
    if request.POST.get("do") != "publish" or draft.refused:
        return _page(request, capability, form, text, draft, status=422 if draft.refused else 200)
    try:
        made = contract_publish(request.actor, text=text, now=clock.now())
    except (InvalidInput, Conflict) as error:
        refused = reading.Draft(refused=True, found=reading.refusal(error, text), reference=draft.reference)
        return _page(request, capability, form, text, refused, status=422)
    messages.success(request, f"{made.capability.name} {made.version} is published\nTeams can use it from now on.")
    return redirect(_version(made.capability.name, made.version))


@page("capabilities", methods=POST)
def contract_state(request: PageRequest, name: str, version: str) -> HttpResponse:
    """Moves one version; what is wrong is shown on the capability's page."""
    request.rights.require_admin()
    capability = selectors.capability_for_page(name)
    versions = listed_versions(capability)
    row = next((one for one in versions if one.version == version), None)
    if row is None:
        return redirect("capability", name)
    form = state_form(row, versions, request.POST)
    if form.is_valid():
        try:
            _move(request, capability, row, form)
        except UserFault as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{name} {version} is {form.cleaned_data['state']}")
            return redirect(_version(name, version))
    return capability_page(request, capability, versions, row, form=form)


@page("capabilities", methods=POST)
def contract_default(request: PageRequest, name: str, version: str) -> HttpResponse:
    """Makes a version the default of its major, or lets the newest be it again."""
    request.rights.require_admin()
    if request.POST.get("do") == "clear":
        major = parse_version(version).major
        default_version_clear(request.actor, capability=name, major=major, now=clock.now())
        messages.success(request, f"{name}@{major} leads to the newest stable version again")
    else:
        default_version_set(request.actor, capability=name, version=version, now=clock.now())
        messages.success(request, f"{name}@{parse_version(version).major} leads to {version} from now on")
    return redirect(_version(name, version))


@page("capabilities", methods=POST)
def capability_previews(request: PageRequest, name: str) -> HttpResponse:
    """A team joins the previews of a capability, or leaves them; its maintainers decide."""
    team = request.POST.get("team", "")[:60]
    if request.POST.get("do") == "leave":
        preview_leave(request.actor, capability=name, team=team, now=clock.now())
        messages.info(request, f"{team} left the previews of {name}\nWhat uses one already may stay.")
    else:
        preview_join(request.actor, capability=name, team=team, now=clock.now())
        messages.success(request, f"{team} sees the previews of {name}\nName one exactly to use it.")
    return redirect(reverse("capability", args=[name]) + "#previews-head")


def _move(request: PageRequest, capability: Capability, row: Contract, form: ContractStateForm) -> None:
    seen = request.POST.get("version", "")
    contract_state_set(
        request.actor,
        capability=capability.name,
        version=row.version,
        now=clock.now(),
        expected_version=int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 10 else None,
        **form.cleaned_data,
    )


def _page(
    request: PageRequest,
    capability: Capability | None,
    form: ContractDraftForm,
    text: str,
    draft: reading.Draft | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"capability": capability, "form": form, "text": text, "draft": draft}
    return render(request, "capabilities/publish.html", context, status=status)


def _start(capability: Capability | None) -> str:
    """The best published version to go on from, else a small contract that passes its checks."""
    rows = list(selectors.contracts_of(capability)) if capability else []
    return reading.as_text(best_version(rows).document) if rows else reading.START


def _version(name: str, version: str) -> str:
    return f"{reverse('capability', args=[name])}?{urlencode({'version': version})}"

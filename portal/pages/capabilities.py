"""Capabilities: what can I have, how, at what cost, and who uses which version?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from portal.forms.contracts import ContractStateForm
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import availability, feedback, previews, readme, schema_table, version_history
from portal.reading import capabilities as reading
from portal.reading import capability_cost as cost
from provisioning.domain.contract_states import EXPLAINED, may_become
from provisioning.models import Capability, Contract
from provisioning.selectors import capabilities as selectors
from provisioning.selectors.availability import availability_of
from provisioning.selectors.blast import may_judge
from provisioning.selectors.campaigns import may_conduct


@page("capabilities")
def capabilities(request: PageRequest) -> HttpResponse:
    filters = {
        "query": request.GET.get("q", "").strip()[:80],
        "category": request.GET.get("category", "")[:40],
    }
    cards = reading.cards()
    shown = reading.fitting(cards, **filters)
    context = {
        "groups": reading.by_category(shown),
        "shown": len(shown),
        "all": len(cards),
        "categories": sorted({card.capability.category for card in cards}),
        "filters": filters,
        "currency": settings.CURRENCY,
        "may_publish": request.rights.may_administer(),
    }
    return render(request, "capabilities/capabilities.html", context)


@page("capabilities")
def capability(request: PageRequest, name: str) -> HttpResponse:
    capability, asked = selectors.capability_for_page(name), request.GET.get("version", "")[:40]
    versions = listed_versions(capability)
    shown = reading.shown_version(versions, asked)
    if shown is None:
        raise NotFound(f"{name} has no version {asked or 'yet'}.", remedy=f"Open {name} to see its versions.")
    return capability_page(request, capability, versions, shown)


def listed_versions(capability: Capability) -> list[Contract]:
    """All versions without their documents, newest first, each knowing its capability; one query."""
    versions = _versions(capability=capability.pk)
    for row in versions:
        row.capability = capability
    return versions


@Prepared
def _versions(capability: int) -> QuerySet[Contract]:
    return selectors.contracts_of(capability).defer("document")


def state_form(row: Contract, versions: Sequence[Contract], posted: QueryDict | None = None) -> ContractStateForm:
    """The form that moves ``row`` to another state, filled with what is said about it now."""
    said = {
        "state": row.state if row.state in EXPLAINED else "",
        "reason": row.state_reason,
        "sunset": row.sunset_at.date() if row.sunset_at else None,
        "replacement": row.replacement,
    }
    others = [one.version for one in versions if one.state == "stable" and one.pk != row.pk]
    return ContractStateForm(posted, now=row.state, others=others, initial=said)


def capability_page(
    request: PageRequest,
    capability: Capability,
    versions: Sequence[Contract],
    shown: Contract,
    *,
    form: ContractStateForm | None = None,
) -> HttpResponse:
    """``capability`` with the version ``shown``; ``form`` is the one that an admin sent and that is wrong."""
    rights = request.rights
    if rights.may_administer() and form is None and may_become(shown.state):
        form = state_form(shown, versions)
    uses = selectors.uses_of(capability, rights)
    history = version_history.page_of(versions, _number(request, "history"), also=shown)
    context: dict[str, Any] = {
        "capability": capability,
        "contract": shown,
        "newest": versions[0],
        "spec": shown.document.get("spec", {}),
        "versions": reading.versions(history, selectors.defaults_of(versions), uses.used),
        "history": history,
        "count": len(versions),
        "form": form,
        "previews": previews.panel(rights, capability, versions),
        "in_use": uses.used.total(),
        "in_use_unseen": uses.unseen,
        "currency": settings.CURRENCY,
        "availability": availability.lines(availability_of(capability.name, shown.version)) if _requires(shown) else (),
        "said": feedback.said_of(rights, capability),
        "campaigns": reading.open_campaigns(capability),
        "may_publish": rights.may_administer(),
        "may_judge": may_judge(rights, capability),
        "may_conduct": may_conduct(rights, capability),
        **_documentation(shown, capability),
        **_default_choice(shown, versions),
        **_usage(request, capability, versions),
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "capabilities/capability.html", context, status=status)


def _requires(shown: Contract) -> bool:
    """Whether the version needs something of a cluster, so that it is worth saying where it can be had."""
    return bool(shown.document.get("spec", {}).get("requires"))


def _documentation(shown: Contract, capability: Capability) -> dict[str, Any]:
    """What the contract says of itself, and what it costs."""
    costs = cost.cost_table(cost.taken_by(shown))
    purpose, rest = reading.split_readme(readme.blocks(capability.readme))
    return {
        "inputs": schema_table.rows(shown.document.get("spec", {}).get("inputs", {})),
        "outputs": reading.outputs(shown),
        "examples": reading.examples(shown, settings.BASE_URL),
        "costs": costs,
        "price": cost.price_of(cost.taken_by(shown), cost.lowest(costs.columns)),
        "purpose": purpose,
        "readme": rest,
    }


def _default_choice(shown: Contract, versions: Sequence[Contract]) -> dict[str, Any]:
    """Whether ``shown`` is what its major leads to, and whether an admin could make it so."""
    leading = selectors.defaults_of(versions).get(shown.major)
    leads = leading is not None and leading.pk == shown.pk
    return {
        "leads": leads,
        "chosen": selectors.is_chosen(shown),
        "may_lead": not leads and shown.state == "stable" and "-" not in shown.version,
    }


def _usage(request: PageRequest, capability: Capability, versions: Sequence[Contract]) -> dict[str, Any]:
    """Who uses which, of what the reader may see."""
    number = _number(request, "using")
    found = selectors.usage_page(capability, request.rights, versions, page=number)
    return {"usage": reading.usage_matrix(found.uses, more=found.more, page=number), "next_using": number + 1}


def _number(request: PageRequest, name: str) -> int:
    """A page's number from the address; 1 for anything else."""
    given = request.GET.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and 0 < len(given) < 5 and int(given) else 1

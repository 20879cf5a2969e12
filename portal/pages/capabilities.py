"""Capabilities: what can I have, how, at what cost, and who uses which version?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse, QueryDict
from django.shortcuts import render

from idp.kernel.errors import NotFound
from portal.forms.contracts import ContractStateForm
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import capabilities as reading
from portal.reading import readme, schema_table
from provisioning.domain.contract_states import EXPLAINED, may_become
from provisioning.models import Capability, Contract
from provisioning.selectors import capabilities as selectors
from provisioning.selectors.blast import may_judge


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
    capability, asked = selectors.capability_get(name), request.GET.get("version", "")[:40]
    versions = list(selectors.contracts_of(capability))
    shown = reading.shown_version(versions, asked)
    if shown is None:
        raise NotFound(f"{name} has no version {asked or 'yet'}.", remedy=f"Open {name} to see its versions.")
    return capability_page(request, capability, versions, shown)


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
    may_publish = request.rights.may_administer()
    if may_publish and form is None and may_become(shown.state):
        form = state_form(shown, versions)
    used = reading.in_use()
    systems = selectors.systems_using(capability, request.rights)
    uses = selectors.usage_by_place(capability, systems[: selectors.SYSTEMS_SHOWN])
    context: dict[str, Any] = {
        "capability": capability,
        "contract": shown,
        "is_newest": shown.pk == versions[0].pk,
        "spec": shown.document.get("spec", {}),
        "inputs": schema_table.rows(shown.document.get("spec", {}).get("inputs", {})),
        "outputs": reading.outputs(shown),
        "examples": reading.examples(shown, settings.BASE_URL),
        "price": reading.price_words(shown, reading.cheapest_prices()),
        "versions": reading.versions(versions, used),
        "may_publish": may_publish,
        "may_judge": may_judge(request.rights, capability),
        "form": form,
        "usage": reading.usage_matrix(uses, more=len(systems) > selectors.SYSTEMS_SHOWN),
        "in_use": sum(used.get(row.pk, 0) for row in versions),
        "readme": readme.blocks(capability.readme),
        "currency": settings.CURRENCY,
    }
    status = 422 if form is not None and form.errors else 200
    return render(request, "capabilities/capability.html", context, status=status)

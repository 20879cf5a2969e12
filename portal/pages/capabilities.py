"""Capabilities: what can I have, how, at what cost, and who uses which version?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render

from idp.kernel.errors import NotFound
from portal.pages.request import PageRequest
from portal.pages.shell import page
from portal.reading import capabilities as reading
from portal.reading import readme, schema_table
from provisioning.selectors import capabilities as selectors


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
    }
    return render(request, "capabilities/capabilities.html", context)


@page("capabilities")
def capability(request: PageRequest, name: str) -> HttpResponse:
    capability, asked = selectors.capability_get(name), request.GET.get("version", "")[:40]
    versions = list(selectors.contracts_of(capability))
    shown = reading.shown_version(versions, asked)
    if shown is None:
        raise NotFound(f"{name} has no version {asked or 'yet'}.", remedy=f"Open {name} to see its versions.")
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
        "usage": reading.usage_matrix(uses, more=len(systems) > selectors.SYSTEMS_SHOWN),
        "in_use": sum(used.get(row.pk, 0) for row in versions),
        "readme": readme.blocks(capability.readme),
        "currency": settings.CURRENCY,
    }
    return render(request, "capabilities/capability.html", context)

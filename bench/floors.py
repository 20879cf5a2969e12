"""The floors of pages and of the API: what Django itself costs for an answer of the same kind, and nothing of ours.

They run behind the same middleware, with the same session, in the same process, between the requests they are
compared with.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from governance.access import Rights
from provisioning.models import Environment
from provisioning.selectors.environments import environment_list

ROWS = 50
rights_of_lists: list[Rights] = []
"""The rights whose queryset ``plain_list`` answers with; set by the measurement, so that the floor asks for none."""


@login_required
def page(request: HttpRequest) -> HttpResponse:
    """A template with one indexed query: the fifty environments that changed last, as a table of links."""
    rows = Environment.objects.filter(deleted_at=None).select_related("system", "stage").order_by("-changed_at", "-id")
    return render(request, "bench/floor.html", {"rows": rows[:ROWS]})


def plain_list(request: HttpRequest) -> HttpResponse:
    """The queryset of the API's list with the same fields, as JsonResponse makes it."""
    rows = environment_list(rights_of_lists[-1]).defer("conditions", "desired__document", "observed__document")
    return JsonResponse({"items": [_row(one) for one in rows[:ROWS]]})


def _row(one: Environment) -> dict[str, Any]:
    return {
        "system": one.system.slug,
        "name": one.name,
        "team": one.system.team.slug,
        "stage": one.stage.name,
        "state": one.state,
        "namespace": one.namespace,
        "cluster": one.cluster.name,
        "sandbox": one.cluster.driver == "sandbox",
        "revision": one.desired.number if one.desired else None,
        "observed_revision": one.observed.number if one.observed else None,
        "usage": {"cpu": one.cpu, "memory_gib": one.memory_gib, "storage_gib": one.storage_gib},
        "monthly_cost": one.monthly_cost,
        "currency": "EUR",
        "expires_at": one.expires_at,
        "created_at": one.created_at,
        "changed_at": one.changed_at,
        "deleted_at": one.deleted_at,
        "url": f"/api/v1/environments/{one.system.slug}/{one.name}/",
    }

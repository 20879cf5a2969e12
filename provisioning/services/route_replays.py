"""Asks whom an approval route would have asked at the changes that were recorded. Admins only, as they write routes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.access import rights_of
from governance.models import ApprovalRoute, Policy, RouteVersion
from governance.services.routes import policies_asking, route_checked
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.errors import NotFound
from provisioning.models import PolicyReplay
from provisioning.services.policy_replays import DAYS, Subject, replay_ask, version_asked


def replay_of_route(
    actor: Actor, *, name: str, number: int | None = None, days: int = DAYS, now: datetime
) -> PolicyReplay:
    """What the route, or a version of it, would have done in the last ``days``: the report there is, or a new one."""
    rights_of(actor).require_admin()
    route = ApprovalRoute.objects.filter(name=name).first()
    if route is None:
        raise NotFound(f"There is no approval route “{name}”.")
    rows = RouteVersion.objects.filter(route=route)
    what = f"The approval route “{name}”"
    document, version = version_asked(route, lambda asked: rows.filter(version=asked), number, what)
    return _ask(actor, document, version, days, now=now)


def replay_of_route_draft(
    actor: Actor, *, document: Mapping[str, Any], days: int = DAYS, now: datetime
) -> PolicyReplay:
    """The same of a draft, which is stored nowhere else. InvalidInput names each place that is wrong."""
    rights_of(actor).require_admin()
    route_checked(document)
    return _ask(actor, canonical(document), None, days, now=now)


def _ask(actor: Actor, document: Mapping[str, Any], version: int | None, days: int, *, now: datetime) -> PolicyReplay:
    """Policies that ask for the route, also those that only observe, are kept with the question: they decide too."""
    name = document["metadata"]["name"]
    asking = Policy.objects.filter(name__in=policies_asking(name)).order_by("name")
    kept = {"route": dict(document), "policies": list(asking.values_list("document", flat=True))}
    return replay_ask(actor, Subject("route", name, version, kept, digest(kept)), days, now=now)

"""Which teams own what a change touches: the capabilities in its plan, and the systems that its own depends on.

For routes of approvals that ask the owners. The owning team of the changed system itself is left out of the systems,
for it is asked by its own name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from idp.catalog.models import Dependency, System
from provisioning.models import Capability


def owners_of(system: System, plan: Mapping[str, Any]) -> Callable[[str], Sequence[str]]:
    """Slugs of teams by what is asked for: ``capabilities``, ``capability:<name>`` or ``dependencies``. A query each.

    An empty slug stands for a capability that nobody owns, or that is not there.
    """

    def owners(asked: str) -> Sequence[str]:
        if asked == "dependencies":
            return _depended_on(system)
        names = [asked.removeprefix("capability:")] if asked.startswith("capability:") else _touched(plan)
        owned = dict(Capability.objects.filter(name__in=names).values_list("name", "owner__slug"))
        return sorted({owned.get(name) or "" for name in names})

    return owners


def owners_at_hand() -> Callable[[int, int, Mapping[str, Any]], Callable[[str], Sequence[str]]]:
    """The same for many changes in two queries: called with a change's system, its team and its plan."""
    capabilities = dict(Capability.objects.values_list("name", "owner__slug"))
    rows = Dependency.objects.order_by("needs__system__team__slug").values_list(
        "component__system", "needs__system", "needs__system__team", "needs__system__team__slug"
    )
    needs = list(rows.distinct())

    def owners_of_change(system: int, team: int, plan: Mapping[str, Any]) -> Callable[[str], Sequence[str]]:
        def owners(asked: str) -> Sequence[str]:
            if asked == "dependencies":
                found = (slug for of, other, its, slug in needs if of == system and other != system and its != team)
                return list(dict.fromkeys(found))
            names = [asked.removeprefix("capability:")] if asked.startswith("capability:") else _touched(plan)
            return sorted({capabilities.get(name) or "" for name in names})

        return owners

    return owners_of_change


def _touched(plan: Mapping[str, Any]) -> list[str]:
    changed = (one for one in plan.get("resources", ()) if one["action"] != "unchanged")
    return sorted({one["capability"] for one in changed})


def _depended_on(system: System) -> list[str]:
    rows = Dependency.objects.filter(component__system=system).exclude(needs__system=system)
    others = rows.exclude(needs__system__team=system.team_id).order_by("needs__system__team__slug")
    return list(others.values_list("needs__system__team__slug", flat=True).distinct())

"""Opens the routes that policies ask for up into the decisions of their stages. Called by the gate; writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from governance.access import PLATFORM_ADMINS
from governance.domain.approval import ApprovalNeed
from governance.domain.facts import NAMES
from governance.domain.route import Owners, Route, compiled, route_named, route_needs
from governance.models import ApprovalRoute
from idp.kernel import cel


def needs_routed(
    needs: Sequence[ApprovalNeed], *, team: str, facts: Mapping[str, Any], digest: str, owners: Owners
) -> tuple[tuple[ApprovalNeed, ...], tuple[ApprovalNeed, ...]]:
    """What must be agreed to, and what a condition of a route left out. One query, none where no route is asked.

    ``team`` is the owning team's slug and ``digest`` the plan's. A route that is not in force asks the platform admins
    instead: what nobody may agree to must not start, nor may it wait for ever.
    """
    names = {name for need in needs if (name := route_named(need.source)) is not None}
    if not names:
        return tuple(needs), ()
    rows = ApprovalRoute.objects.filter(name__in=names, state="active").values_list("name", "document")
    routes = {name: compiled(document) for name, document in rows}
    prepared = cel.Facts({name: facts[name] for name in NAMES})
    found: list[ApprovalNeed] = []
    for need in needs:
        name = route_named(need.source)
        if name is None:
            found.append(need)
        elif name in routes:
            found += _of(routes[name], need, team=team, facts=prepared, digest=digest, owners=owners)
        else:
            found.append(_instead(need, name))
    return tuple(one for one in found if not one.skipped), tuple(one for one in found if one.skipped)


def _of(
    route: Route, need: ApprovalNeed, *, team: str, facts: cel.Facts, digest: str, owners: Owners
) -> list[ApprovalNeed]:
    return route_needs(
        route, team=team, facts=facts, digest=digest, owners=owners, reason=need.reason, policy=need.policy
    )


def _instead(need: ApprovalNeed, name: str) -> ApprovalNeed:
    why = f"The approval route “{name}” is not in force, so platform admins decide. {need.reason}"
    return replace(need, source=f"group:{PLATFORM_ADMINS}", reason=why[:400])

"""What lending means to a change: whether what it borrows is lent, and whether what it would take away is used.

Called by the gate when a change is planned, and by ``starts`` when it begins, because a grant may have ended or
somebody may have begun to use something in between. A start locks the givers' environments, so that what is borrowed
and what is taken away at the same moment see each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from governance.access import Rights
from idp.kernel.errors import FieldError, UserFault
from provisioning.domain.lending import Origin, borrowed, changed_for_takers, is_borrowed
from provisioning.domain.targets import resources_of
from provisioning.models import Borrowing, Change, Environment, Resource
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.desired import Desired, desired_at, desired_of
from provisioning.selectors.lending import (
    Taker,
    all_lenders,
    as_users,
    borrowings_from,
    capabilities_lent,
    grant_for,
    lend_source,
    told_users,
)
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_states import change_move
from provisioning.services.moved_changes import Moved, Moves, stand_of
from provisioning.services.requests import ChangeRequest

if TYPE_CHECKING:
    from provisioning.services.gate import Planned


def request_completed(request: ChangeRequest) -> ChangeRequest:
    """``request`` with the capability of each resource that is written as borrowed alone, as readers of a spec expect.

    One query when there is any.
    """
    written = resources_of(request.spec or {})
    bare = {name: one for name, one in written.items() if isinstance(one, Mapping) and _is_bare(one)}
    if not bare:
        return request
    known = capabilities_lent(Origin.of(one["from"]) for one in bare.values())
    filled = {
        name: {**one, "capability": known[origin]}
        for name, one in bare.items()
        if (origin := Origin.of(one["from"])) in known
    }
    return replace(request, spec={**(request.spec or {}), "resources": {**written, **filled}})


def lender_checked(planned: Planned, rights: Rights) -> Planned:
    """``planned`` with a problem for each resource that others use and that it would take from them; and with a note
    where they will not reach it for a while. One query where others use anything, two more when outputs are compared.
    """
    environment = planned.environment
    if environment is None or planned.base is None or not getattr(environment, "lends", False):
        return planned
    using = borrowings_from(environment)
    if not using or planned.kind in ("extend", "wake"):
        return planned
    if planned.kind == "sleep":
        names = sorted({one.grant.resource for one in using})
        told = f"{_listed(names)} is lent: {told_users(rights, as_users(using))} cannot reach it meanwhile."
        planned.plan["notes"] = [*planned.plan.get("notes", ()), told]
        return planned
    found = _taken_away(planned, environment, using, rights)
    return replace(planned, problems=(*planned.problems, *found)) if found else planned


def lending_holds(
    change: Change, environment: Environment, *, judged: bool = False, moves: Moves, now: datetime
) -> bool:
    """Whether what the approved, locked ``change`` borrows is lent as it was agreed to, and nobody uses what it takes
    away; one of which that does not hold is denied. Locks the givers' environments.

    ``judged``: the gate has looked at the latter in this transaction, after ``environment`` was locked; then there is
    no query where nothing is borrowed.
    """
    told = _not_lent(change, environment, now=now) or ("" if judged else _still_used(change, environment))
    if not told:
        return True
    before = stand_of(change)
    change_move(change, "deny", actor_name="slipway", now=now, text=told[:400], finished_at=now)
    change_dropped(change, now=now)
    moves.append(Moved(change, before, stand_of(change), told))
    return False


def borrowings_begin(environment: Environment, document: Mapping[str, Any], *, now: datetime) -> None:
    """Write down what ``environment`` uses of others from here on. Inside the transaction of the start, after
    ``lending_holds``.
    """
    for name, origin in borrowed(document).items():
        grant = grant_for(environment, name, origin, now=now)
        assert grant is not None  # it was looked at under the same lock
        Borrowing.objects.update_or_create(
            environment=environment,
            name=name,
            defaults={"grant": grant},
            create_defaults={"grant": grant, "since": now},
        )


def borrowings_settle(environment: Environment, document: Mapping[str, Any]) -> None:
    """Forget what ``environment`` used and a run has taken away; one query."""
    Borrowing.objects.filter(environment=environment).exclude(name__in=list(borrowed(document))).delete()


def _is_bare(one: Mapping[str, Any]) -> bool:
    return is_borrowed(one) and not one.get("capability") and {"system", "environment", "resource"} <= set(one["from"])


def _taken_away(
    planned: Planned, environment: Environment, using: Sequence[Borrowing], rights: Rights
) -> list[FieldError]:
    if planned.kind in ("delete", "move"):
        path = "metadata.name" if planned.kind == "delete" else "cluster"
        names = sorted({one.grant.resource for one in using})
        told = f"{_listed(names)} is lent to {told_users(rights, as_users(using))}"
        return [FieldError(path, f"{told}. They must give it back first.")]
    if planned.target is None or planned.stage is None:
        return []
    wanted = desired_at(
        planned.target,
        system=planned.system,
        stage=planned.stage,
        name=environment.name,
        namespace=environment.namespace,
        isolation=environment.isolation,
        catalogue=planned.catalogue,
    )
    lost = _lost(environment, wanted, using)
    return [
        FieldError(
            f"spec.resources.{name}",
            f"is lent to {told_users(rights, as_users(_of(using, name)))}, {why}; they must give it back first",
        )
        for name, why in lost.items()
        if name not in planned.left_out
    ]


def _lost(environment: Environment, wanted: Desired, using: Sequence[Borrowing]) -> dict[str, str]:
    """By resource that others use, why ``wanted`` would break them."""
    names = sorted({one.grant.resource for one in using})
    rows = {row.name: row for row in Resource.objects.filter(environment=environment, name__in=names)}
    found = {}
    for name in names:
        if name not in wanted.names:
            found[name] = "and would be gone"
        elif name in rows and (changed := _changed(rows[name], wanted, name)):
            found[name] = f"and its {_listed(list(changed))} would be another one"
    return found


def _changed(row: Resource, wanted: Desired, name: str) -> tuple[str, ...]:
    """Outputs that borrowers have and that are known to become others."""
    expected = wanted.expected_outputs.get(name, {})
    known = {key: value for key, value in row.outputs.items() if key in expected}
    return changed_for_takers(known, {key: expected[key] for key in known}, wanted.contract(name))


def _not_lent(change: Change, environment: Environment, *, now: datetime) -> str:
    """Why what the change borrows is not lent as it was agreed to; empty when it is."""
    origins = borrowed(change.target)
    if not origins or change.target is None:
        return ""
    _lock(origins.values())
    base = environment.desired.document if environment.desired else None
    to = change.plan.get("move", {}).get("to", {}).get("cluster", "") if change.plan.get("move") else ""
    if to and to != environment.cluster.name:
        return "What it borrows stays on the cluster that it leaves."
    taker = Taker(environment.system, environment.name, environment.stage, environment.cluster, environment)
    lend = lend_source(taker, base, now=now)
    for name, origin in origins.items():
        try:
            lent = lend(origin, name)
        except UserFault as error:
            return f"{error.message} {error.remedy}".strip()
        if lent.as_data() != change.target["resources"][name]["lent"]:
            return f"{origin} is not what it was any more; ask again, so that the plan shows what is lent now."
    return ""


def _lock(origins: Collection[Origin]) -> None:
    """The givers' environments and those that these use something of, in the order of their keys: no two that begin
    to use something at the same moment close a circle, however many are in it.
    """
    places = Q()
    for one in set(origins):
        places |= Q(system__slug=one.system, name=one.environment)
    givers = list(Environment.objects.filter(places, deleted_at=None).values_list("pk", flat=True))
    held: set[int] = set()
    while (wanted := all_lenders(givers)) - held:
        rows = Environment.objects.select_for_update(of=("self",)).filter(pk__in=wanted)
        list(rows.order_by("pk").values_list("pk"))
        held |= wanted


def _still_used(change: Change, environment: Environment) -> str:
    """Why the change would break others; nobody is named, as who reads this may not see them."""
    if change.kind in ("sleep", "wake", "extend") or environment.desired is None:
        return ""
    using = borrowings_from(environment)
    if not using:
        return ""
    if change.target is None or change.plan.get("move"):
        names = sorted({one.grant.resource for one in using})
        return f"{_listed(names)} is lent to {told_users(None, as_users(using))}; they must give it back first."
    wanted = desired_of(environment, change.target, revision=0, catalogue=Catalogue(_capabilities(change.target)))
    lost = _lost(environment, wanted, using)
    if not lost:
        return ""
    name, why = next(iter(lost.items()))
    return f"{name} is lent to {told_users(None, as_users(_of(using, name)))}, {why}; they must give it back first."


def _capabilities(document: Mapping[str, Any]) -> set[str]:
    return {one["capability"] for one in document["resources"].values()}


def _of(using: Sequence[Borrowing], name: str) -> list[Borrowing]:
    return [one for one in using if one.grant.resource == name]


def _listed(names: Sequence[str]) -> str:
    *before, last = names
    return f"{', '.join(before)} and {last}" if before else last

"""What teams may use, use and hold. Quotas are no secret inside an organisation; labels of holders are filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from governance.domain.ceilings import Part, ceilings_of, summed
from governance.domain.quota import NAMES, Amounts
from governance.domain.quota_state import QuotaState
from governance.models import Quota, QuotaTally, Reservation
from idp.kernel.prepared import Prepared
from idp.kernel.tallies import total

LIVE = ("held", "used")
KEPT = (*NAMES, "ceilings", "owed", "budgeted")


def quota_state(team_id: int) -> QuotaState:
    """A team's limits, use and holds now. One query; a team without a quota may use nothing."""
    return quota_states([team_id])[team_id]


def quota_states(team_ids: Iterable[int]) -> dict[int, QuotaState]:
    """The same for several teams, in one query however many."""
    wanted = list(team_ids)
    rows = _with_sums(teams=wanted)
    nothing = Amounts()
    found = {team_id: QuotaState(nothing, nothing, nothing) for team_id in wanted}
    for _, team_id, *figures in rows:
        kept, (state, stage, *sums) = figures[: len(KEPT)], figures[len(KEPT) :]
        known = found[team_id]
        parts = (*known.parts, _part(state, stage, sums)) if state and any(sums) else known.parts
        found[team_id] = _state(kept, parts)
    return found


@Prepared
def _with_sums(teams: list[int]) -> QuerySet[Quota, Any]:
    return (
        Quota.objects.filter(team_id__in=teams)
        .order_by()
        .values_list(
            "pk", "team_id", *KEPT, "team__taken__state", "team__taken__stage"
        )  # with its key, rows are grouped by that alone
        .annotate(**_totals("team__taken__"))
    )


def _totals(of: str = "") -> dict[str, Any]:
    return {f"sum_of_{name}": total(f"{of}{name}") for name in (*NAMES, "monthly_cost")}


def _state(kept: list[Any], parts: tuple[Part, ...]) -> QuotaState:
    *limits, ceilings, owed, budgeted = kept
    return QuotaState(
        _amounts(limits),
        summed(parts, "used"),
        summed(parts, "held"),
        owed=Amounts.of(owed),
        ceilings=ceilings_of(ceilings),
        parts=parts,
        budgeted=budgeted,
    )


def _part(state: str, stage: str, sums: list[Any]) -> Part:
    *amounts, cost = sums
    return Part(state, stage, _amounts(amounts), Decimal(cost or 0))


def _amounts(figures: Iterable[Any]) -> Amounts:
    return Amounts.of(dict(zip(NAMES, figures, strict=True)))


def parts_of(team_id: int) -> tuple[Part, ...]:
    """What a team uses and holds at each stage; from sums, so many environments cost no more."""
    return tuple(_part(state, stage, sums) for state, stage, *sums in _sums(team=team_id) if any(sums))


@Prepared
def _sums(team: int) -> QuerySet[QuotaTally, Any]:
    return QuotaTally.objects.filter(team_id=team).order_by().values_list("state", "stage").annotate(**_totals())


def taken(team_ids: Iterable[int]) -> dict[tuple[int, str], Amounts]:
    """What is used and held, by (team id, state); from sums, so many environments cost no more."""
    rows = (
        QuotaTally.objects.filter(team_id__in=list(team_ids))
        .order_by()
        .values_list("team_id", "state")
        .annotate(**{name: value for name, value in _totals().items() if name != "sum_of_monthly_cost"})
    )
    return {(team_id, state): _amounts(sums) for team_id, state, *sums in rows if any(sums)}


def resources_taken(team_id: int) -> dict[str, int]:
    """The team's resources by capability, used and held. Reads a row for each environment: only where it is limited."""
    rows = Reservation.objects.filter(team_id=team_id, state__in=LIVE).exclude(resources={})
    found: Counter[str] = Counter()
    for resources in rows.values_list("resources", flat=True):
        found.update(resources)
    return dict(found)


def quota_counted(team_id: int, state: QuotaState, resources: Iterable[str]) -> QuotaState:
    """``state`` with the resources of capabilities counted, where one of ``resources`` is limited; else as it is."""
    if state.ceilings.counts(dict.fromkeys(resources, 1)):
        return replace(state, resources=resources_taken(team_id))
    return state


def quota_holders(team_id: int) -> QuerySet[Reservation]:
    """What takes a team's quota, environments first; ``label`` is ``<system>/<environment>``.

    Shows restricted systems' names: for readers of the whole team only, else filter by ``environment_id``.
    """
    return Reservation.objects.filter(team_id=team_id, state__in=LIVE).order_by("-state", "-cpu", "label", "id")

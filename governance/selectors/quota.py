"""What teams may use, use and hold. Quotas are no secret inside an organisation; labels of holders are filtered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.db.models import FilteredRelation, Q, QuerySet, Sum

from governance.domain.quota import NAMES, Amounts, QuotaState
from governance.models import Quota, Reservation

LIVE = ("held", "used")


def quota_state(team_id: int) -> QuotaState:
    """A team's limits, use and holds now. One query; a team without a quota may use nothing."""
    return quota_states([team_id])[team_id]


def quota_states(team_ids: Iterable[int]) -> dict[int, QuotaState]:
    """The same for several teams, in one query however many."""
    wanted = list(team_ids)
    live = FilteredRelation("team__reservations", condition=Q(team__reservations__state__in=LIVE))
    rows = (
        Quota.objects.filter(team_id__in=wanted)
        .annotate(live=live)
        .order_by()
        .values_list("team_id", *NAMES, "live__state")
        .annotate(*(Sum(f"live__{name}") for name in NAMES))
    )
    nothing = Amounts()
    found = {team_id: QuotaState(nothing, nothing, nothing) for team_id in wanted}
    for team_id, *figures in rows:
        limits, state, sums = figures[: len(NAMES)], figures[len(NAMES)], figures[len(NAMES) + 1 :]
        known = replace(found[team_id], limits=_amounts(limits))
        found[team_id] = replace(known, **{state: _amounts(sums)}) if state else known
    return found


def _amounts(figures: Iterable[Any]) -> Amounts:
    return Amounts.of(dict(zip(NAMES, figures, strict=True)))


def taken(team_ids: Iterable[int]) -> dict[tuple[int, str], Amounts]:
    """What is used and held, by (team id, state); summed by the database, so many environments cost no more."""
    rows = (
        Reservation.objects.filter(team_id__in=list(team_ids), state__in=LIVE)
        .order_by()
        .values_list("team_id", "state")
        .annotate(*(Sum(name) for name in NAMES))
    )
    return {(team_id, state): _amounts(sums) for team_id, state, *sums in rows}


def quota_holders(team_id: int) -> QuerySet[Reservation]:
    """What takes a team's quota, environments first; ``label`` is ``<system>/<environment>``.

    Shows restricted systems' names: for readers of the whole team only, else filter by ``environment_id``.
    """
    return Reservation.objects.filter(team_id=team_id, state__in=LIVE).order_by("-state", "-cpu", "label", "id")

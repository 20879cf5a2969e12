"""What teams may use, use and hold. Quotas are no secret inside an organisation; labels of holders are filtered."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import QuerySet, Sum

from governance.domain.quota import NAMES, Amounts, QuotaState
from governance.models import Quota, Reservation

LIVE = ("held", "used")


def quota_state(team_id: int) -> QuotaState:
    """A team's limits, use and holds now. Two queries; a team without a quota may use nothing."""
    return quota_states([team_id])[team_id]


def quota_states(team_ids: Iterable[int]) -> dict[int, QuotaState]:
    """The same for several teams, in two queries however many."""
    wanted = list(team_ids)
    limits = {quota.team_id: Amounts.of(quota) for quota in Quota.objects.filter(team_id__in=wanted)}
    sums = taken(wanted)
    nothing = Amounts()
    return {
        team_id: QuotaState(
            limits.get(team_id, nothing), sums.get((team_id, "used"), nothing), sums.get((team_id, "held"), nothing)
        )
        for team_id in wanted
    }


def taken(team_ids: Iterable[int]) -> dict[tuple[int, str], Amounts]:
    """What is used and held, by (team id, state); summed by the database, so many environments cost no more."""
    rows = (
        Reservation.objects.filter(team_id__in=list(team_ids), state__in=LIVE)
        .order_by()
        .values_list("team_id", "state")
        .annotate(*(Sum(name) for name in NAMES))
    )
    return {(team_id, state): Amounts.of(dict(zip(NAMES, sums, strict=True))) for team_id, state, *sums in rows}


def quota_holders(team_id: int) -> QuerySet[Reservation]:
    """What takes a team's quota, environments first; ``label`` is ``<system>/<environment>``.

    Shows restricted systems' names: for readers of the whole team only, else filter by ``environment_id``.
    """
    return Reservation.objects.filter(team_id=team_id, state__in=LIVE).order_by("-state", "-cpu", "label", "id")

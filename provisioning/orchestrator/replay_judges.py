"""Who judges the changes of a replay: a policy, a team's limits, or an approval route, each with what it must read.

Made anew for each slice by ``provisioning.orchestrator.policy_replay``. What holds for all changes is read once, what
belongs to a chunk once for the chunk; nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from django.db.models import Q

from governance.domain import policy as policies
from governance.domain import route as routes
from governance.domain.ceilings import Extras, ceilings_of
from governance.domain.quota import NAMES, Amounts
from governance.models import Approval, Reservation
from provisioning.domain.quota_replay import Asked, Course, Span, bounds_of, courses_of, peaks_of, quota_replayed
from provisioning.domain.replay import Recorded, Replayed, replayed
from provisioning.domain.route_replay import Decision, Waited, route_replayed
from provisioning.models import PolicyReplay
from provisioning.selectors.amounts import amounts_after, amounts_asked, extras_after
from provisioning.selectors.owners import owners_at_hand

Row = tuple[Any, ...]
PLACE: Final = ("system_id", "system__team_id", "system__team__slug", "system__team__name", "state")


class Judge(Protocol):
    """``reads`` are the columns of a change that ``judged`` expects behind its key and its moment."""

    reads: tuple[str, ...]

    def judged(self, rows: Sequence[Row]) -> Iterator[Replayed]:
        """One answer for each row, in their order."""

    def peaks(self) -> list[dict[str, Any]]:
        """How high each limit was used; empty where no limits are judged."""


def judge_of(report: PolicyReplay) -> Judge:
    if report.subject == "quota":
        return _OfLimits(report.document, report.since)
    if report.subject == "route":
        return _OfRoute(report.document)
    return _OfPolicy(report.document)


class _OfPolicy:
    reads: tuple[str, ...] = (*PLACE, "facts")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._policy = policies.compiled(document)

    def judged(self, rows: Sequence[Row]) -> Iterator[Replayed]:
        for pk, _, *place, facts in rows:
            yield replayed(self._policy, _recorded(pk, place, facts))

    def peaks(self) -> list[dict[str, Any]]:
        return []


class _OfLimits:
    """Reads the team's ledger of the days once; a line of it is small, and one team has some thousands."""

    reads: tuple[str, ...] = (*PLACE, "plan", "verdicts")

    def __init__(self, document: Mapping[str, Any], since: datetime) -> None:
        bounds = bounds_of(Amounts.of(document["limits"]), ceilings_of(document["ceilings"]))
        self._since = since
        self._courses: tuple[Course, ...] = courses_of(bounds, _spans(document["team"], since))

    def judged(self, rows: Sequence[Row]) -> Iterator[Replayed]:
        for pk, at, *place, plan, verdicts in rows:
            recorded = _recorded(pk, place, {})
            yield quota_replayed(self._courses, _asked(recorded, at, plan, verdicts)) if plan else _nothing(recorded)

    def peaks(self) -> list[dict[str, Any]]:
        return peaks_of(self._courses, self._since)


class _OfRoute:
    reads: tuple[str, ...] = (*PLACE, "facts", "plan", "plan_digest", "verdicts")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._route = routes.compiled(document["route"])
        self._policies = tuple(policies.enforced(policies.compiled(one)) for one in document["policies"])
        self._owners = owners_at_hand()

    def judged(self, rows: Sequence[Row]) -> Iterator[Replayed]:
        decisions = _decisions([row[0] for row in rows])
        for pk, _, *place, facts, plan, digest, verdicts in rows:
            waited = Waited(_recorded(pk, place, facts), digest, verdicts, decisions.get((pk, digest), ()))
            yield route_replayed(self._route, self._policies, waited, self._owners(place[0], place[1], plan))

    def peaks(self) -> list[dict[str, Any]]:
        return []


def _recorded(pk: int, place: Sequence[Any], facts: Mapping[str, Any]) -> Recorded:
    system, team, slug, name, state = place
    return Recorded(pk, system, team, slug, name, state == "denied", facts)


def _nothing(recorded: Recorded) -> Replayed:
    return Replayed(recorded, "unrecorded")


def _asked(recorded: Recorded, at: datetime, plan: Mapping[str, Any], verdicts: Iterable[Mapping[str, Any]]) -> Asked:
    more = extras_after(plan, "after").beyond(extras_after(plan, "before"))
    asked = amounts_asked(plan).beyond(amounts_after(plan, "usage_before"))
    refused = recorded.denied and not any(one.get("blocks") for one in verdicts)
    return Asked(recorded, at, asked, more, refused)


def _spans(team: int, since: datetime) -> Iterator[Span]:
    """What the team used and held at any time from ``since`` on."""
    rows = Reservation.objects.filter(Q(released_at=None) | Q(released_at__gte=since), team_id=team)
    columns = ("created_at", "released_at", "stage", "monthly_cost", "resources", *NAMES)
    for begins, ends, stage, cost, resources, *amounts in rows.order_by().values_list(*columns).iterator():
        yield Span(begins, ends, Amounts(*amounts), Extras(stage, cost, resources))


def _decisions(changes: Sequence[int]) -> dict[tuple[int, str], list[Decision]]:
    """What each change waited for, by the change and the digest of its plan; without what was left out. One query."""
    found: dict[tuple[int, str], list[Decision]] = defaultdict(list)
    rows = Approval.objects.filter(change_id__in=changes).exclude(state="skipped").order_by()
    for change, digest, source, count, route in rows.values_list(
        "change_id", "plan_digest", "source", "count", "route"
    ):
        found[change, digest].append(Decision(source, count, route))
    return found

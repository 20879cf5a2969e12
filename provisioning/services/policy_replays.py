"""Replays over the changes that were recorded, of a policy, limits or a route: asked for, worked out in chunks, kept.

The question is what decides in it and the range of changes; the same question has the same report. Limits and routes
are asked about in ``quota_replays`` and ``route_replays``. Nothing but
the report is written, so asking leaves no audit entry. Admins only, as it is they who edit policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from governance.access import rights_of
from governance.domain.policy import parse_policy
from governance.models import ApprovalRoute, Policy, PolicyVersion
from idp.kernel.actor import Actor
from idp.kernel.canonical import canonical, digest
from idp.kernel.errors import FieldError, InvalidInput, NotFound, RateLimited
from idp.kernel.wake import wake_after_commit
from provisioning.domain.replay import RULES, STRUCK, Replayed, by_team, counted, denied_then, question_of
from provisioning.models import Change, PolicyReplay, PolicyReplayItem
from provisioning.selectors.policy_replays import changes_judged
from provisioning.services.report_leases import LONGEST, OPEN, ReportClaim, report_hold, reports_forget

MOST_OPEN: Final = 5
MOST_DAYS: Final = 366
DAYS: Final = 30
"""How far a replay looks back unless somebody asks for more."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is replayed. ``kind`` is one of ``SUBJECTS``; ``decides`` is the digest of what decides in ``document``."""

    kind: str
    name: str
    version: int | None
    document: Mapping[str, Any]
    decides: str


def replay_of_policy(
    actor: Actor, *, name: str, number: int | None = None, days: int = DAYS, now: datetime
) -> PolicyReplay:
    """What the policy, or a version of it, would have done in the last ``days``: the report there is, or a new one."""
    rights_of(actor).require_admin()
    policy = Policy.objects.filter(name=name).first()
    if policy is None:
        raise NotFound(f"There is no policy “{name}”.")
    rows = PolicyVersion.objects.filter(policy=policy)
    document, version = version_asked(policy, lambda asked: rows.filter(number=asked), number, f"The policy “{name}”")
    return replay_ask(actor, _of_policy(document, version), days, now=now)


def version_asked(
    row: Policy | ApprovalRoute, kept: Callable[[int], QuerySet[Any]], number: int | None, what: str
) -> tuple[Mapping[str, Any], int]:
    """The document and version that are meant: the row's own, or its version ``number``, which ``kept`` finds."""
    if number is None or number == row.version:
        return row.document, row.version
    document = kept(number).values_list("document", flat=True).first()
    if document is None:
        raise NotFound(f"{what} has no version {number}.")
    return document, number


def replay_of_draft(actor: Actor, *, document: Mapping[str, Any], days: int = DAYS, now: datetime) -> PolicyReplay:
    """The same of a draft, which is stored nowhere else. InvalidInput names each place that is wrong."""
    rights_of(actor).require_admin()
    parse_policy(document)
    return replay_ask(actor, _of_policy(canonical(document), None), days, now=now)


def replay_again(actor: Actor, replay_id: int, *, now: datetime) -> PolicyReplay:
    """The same over the days until now; the same report as long as no change came."""
    rights_of(actor).require_admin()
    found = PolicyReplay.objects.filter(pk=replay_id).first()
    if found is None:
        raise NotFound("There is no such report.", remedy="It may have been forgotten; ask for it anew.")
    if found.subject == "policy":
        return replay_ask(actor, _of_policy(found.document, found.version), found.days, now=now)
    subject = Subject(found.subject, found.policy, found.version, found.document, digest(found.document))
    return replay_ask(actor, subject, found.days, now=now)


def replay_since(days: int, now: datetime) -> datetime:
    """The range begins with a whole day, so that asking twice in a day is one question."""
    return (now - timedelta(days=days)).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _of_policy(document: Mapping[str, Any], version: int | None) -> Subject:
    return Subject("policy", document["metadata"]["name"], version, document, question_of(document))


@transaction.atomic
def replay_ask(actor: Actor, subject: Subject, days: int, *, now: datetime) -> PolicyReplay:
    """The report there is about ``subject`` over ``days``, or a new one. The caller has asked whether they may."""
    if not 1 <= days <= MOST_DAYS:
        told = FieldError("days", f"Write 1 to {MOST_DAYS} days.")
        raise InvalidInput(told.message, errors=[told])
    since = replay_since(days, now)
    last = Change.objects.order_by("-id").values_list("pk", flat=True).first() or 0
    question = digest({subject.kind: subject.decides, "since": since.isoformat(), "last": last, "rules": RULES})
    found = PolicyReplay.objects.filter(question=question).first()
    if found is None:
        _require_room(actor)
        found, _ = PolicyReplay.objects.get_or_create(
            question=question,
            defaults={
                "subject": subject.kind,
                "policy": subject.name,
                "version": subject.version,
                "document": dict(subject.document),
                "days": days,
                "since": since,
                "last_id": last,
                "total": changes_judged(subject.kind, subject.document, since=since, last_id=last).count(),
                "state": "queued",
                "due_at": now,
                "asked_by_id": actor.user_id,
                "created_at": now,
            },
        )
        wake_after_commit("replay", found.pk)
    elif found.state == "failed":
        PolicyReplay.objects.filter(pk=found.pk, state="failed").update(state="queued", due_at=now, error="")
        found.state, found.error = "queued", ""
        wake_after_commit("replay", found.pk)
    return found


def _require_room(actor: Actor) -> None:
    """Each may look at tens of thousands of changes, so one person has only a few under way."""
    if PolicyReplay.objects.filter(asked_by_id=actor.user_id, state__in=OPEN).count() >= MOST_OPEN:
        raise RateLimited(
            f"{MOST_OPEN} of your reports are still being worked out.", remedy="Ask again when one of them is done."
        )


@transaction.atomic
def replay_settle(claim: ReportClaim, *, found: Sequence[Replayed], cursor: tuple[str, int], now: datetime) -> None:
    """Store one chunk and how far it reaches; both or neither. ``cursor`` is the last change's (created_at, id)."""
    report_hold(claim, lease_until=now + claim.lease)
    held = PolicyReplay.objects.only("done", "counts", "teams", "denied_then").get(pk=claim.report_id)
    struck = [one for one in found if one.outcome in STRUCK]
    position = sum(held.counts.get(outcome, 0) for outcome in STRUCK)
    PolicyReplayItem.objects.bulk_create(
        _item(claim.report_id, place, one) for place, one in enumerate(struck, position)
    )
    PolicyReplay.objects.filter(pk=claim.report_id).update(
        done=held.done + len(found),
        cursor=list(cursor),
        counts=counted(held.counts, found),
        teams=by_team(held.teams, found),
        denied_then=held.denied_then + denied_then(found),
    )


def replays_forget(now: datetime) -> int:
    """Delete the reports that were over a month ago; how many."""
    return reports_forget(PolicyReplay, now)


def _item(replay_id: int, position: int, one: Replayed) -> PolicyReplayItem:
    recorded = one.recorded
    return PolicyReplayItem(
        replay_id=replay_id,
        position=position,
        change_id=recorded.change_id,
        system_id=recorded.system_id,
        team_id=recorded.team_id,
        outcome=one.outcome,
        message=one.message[:LONGEST],
        denied=recorded.denied,
    )

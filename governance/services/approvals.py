"""Decisions on changes: who must agree, and what came of it.

Called inside provisioning's transactions, after the change row is locked. Lock order everywhere: the change row, then
the quota row, then the audit head; approvals are locked right after their change. An approval counts for one plan
digest only. Eligibility is asked when a decision is taken, for everybody who has agreed so far: who has left a team
meanwhile, or whose place was taken back from a stand-in, no longer counts. Nobody ever decides on their own change, in
whatever role, with whatever token, nor by a stand-in. Of a route one stage waits at a time; the next one opens when all
of it have agreed, and counts who has agreed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from governance.access import eligible_by_name, eligible_for_group, eligible_for_team, rights_of
from governance.domain.approval import (
    COSIGN,
    ApprovalNeed,
    first_stages,
    named_source,
    needed_approvals,
    source_cosigned,
    source_group,
    source_label,
    source_people,
    source_team,
)
from governance.models import Approval, Decision, Delegation
from governance.selectors.approvals import approvals_of, decisions_of, waiting_changes
from governance.selectors.people import team_people
from governance.services.audit import audit_append
from governance.services.deciding import (
    DECIDING,
    Subject,
    approvers,
    approvers_for,
    approvers_of,
    may_decide,
    only,
    stands_in_for,
    waiting_change_ids,
    waiting_on,
)
from governance.services.transactions import require_transaction
from idp.catalog.models import Team, User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, StalePlan

__all__ = [
    "ApprovalNeed",
    "Outcome",
    "Subject",
    "approvals_dismiss",
    "approvals_of",
    "approvals_open",
    "approvers",
    "approvers_for",
    "approvers_of",
    "decide",
    "decisions_of",
    "may_decide",
    "named_source",
    "needed_approvals",
    "remark",
    "source_label",
    "waiting_change_ids",
    "waiting_changes",
    "waiting_on",
]

MAX_COMMENT = 4_000
UNSETTLED = ("waiting", "later")
Holders = dict[int, dict[int, int]]
"""By approval: who has agreed, and whose right that is, their own or that of whom they stand in for."""


class Outcome(StrEnum):
    """Where a change's approvals stand after a decision; ``NEXT``: a stage has ended and other people are asked."""

    WAITING = "waiting"
    NEXT = "next"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class _Given:
    """Somebody's agreement, in their own right or on behalf of another."""

    user_id: int
    on_behalf_of: int | None


def approvals_open(
    *,
    change_id: int,
    plan_digest: str,
    rules: Iterable[ApprovalNeed],
    team_id: int,
    now: datetime,
    team_slug: str = "",
    first: bool = False,
    beside: bool = False,
) -> list[Approval]:
    """Ask for the decisions that a plan needs, and no longer for those of another plan. At most three queries, and two
    more where people are named.

    ``rules`` come from the gate, those that are skipped too; ``team_id`` is the owning team, for ``team:maintainer``,
    and ``team_slug`` its slug where the caller knows it. ``first``: the change was made in this transaction, so that
    nothing can be waiting for it yet. ``beside``: the same plan has decisions already, and these come on top.
    """
    require_transaction("approvals_open")
    needs = list(rules)
    if not first:
        other = Approval.objects.filter(change_id=change_id, state__in=UNSETTLED).exclude(plan_digest=plan_digest)
        other.update(state="dismissed", settled_at=now)
    teams = {team_slug: team_id} if team_slug else {}
    asked = {source for need in needs for source in (need.source, need.escalate_to)}
    slugs = {slug for source in asked if (slug := source_team(source)) is not None} - set(teams)
    if slugs:
        teams |= dict(Team.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    begins = first_stages(needs)
    there = Approval.objects.filter(change_id=change_id, plan_digest=plan_digest).count() if beside else 0
    rows = [_row(need, team_id, teams, begins, now) for need in needs]
    for position, row in enumerate(rows, there):
        row.change_id, row.plan_digest, row.position = change_id, plan_digest, position
    made = Approval.objects.bulk_create(rows)
    _name_people(made)
    _name_cosigners(made, team_id)
    return made


def _row(
    need: ApprovalNeed, team_id: int, teams: Mapping[str, int], begins: Mapping[str, int], now: datetime
) -> Approval:
    waits = not need.skipped and need.stage == begins.get(need.route)
    row = Approval(
        source=need.source,
        team_id=team_id if need.source == "team:maintainer" else teams.get(source_team(need.source) or ""),
        group_name=source_group(need.source) or "",
        count=need.count,
        reason=need.skipped[:400] or need.reason,
        policy=need.policy,
        state="skipped" if need.skipped else "later",
        settled_at=now if need.skipped else None,
        route=need.route,
        stage=need.stage,
        stage_name=need.stage_name,
        escalate_after=round(need.escalate_hours * 60),
        escalate_to=need.escalate_to,
        expire_after=round(need.expire_hours * 60),
        next_team_id=teams.get(source_team(need.escalate_to) or ""),
        next_group=source_group(need.escalate_to) or "",
    )
    if waits:
        _begin(row, now)
    return row


def _begin(approval: Approval, now: datetime) -> None:
    """From now on it waits, and its times run."""
    approval.state, approval.opened_at = "waiting", now
    if approval.escalate_after and approval.escalate_to:
        approval.escalates_at = now + timedelta(minutes=approval.escalate_after)
    if approval.expire_after:
        approval.expires_at = now + timedelta(minutes=approval.expire_after)


def _name_people(approvals: Iterable[Approval]) -> None:
    """Let the inboxes of those who are named find what asks for them."""
    named = {approval.pk: source_people(approval.source) for approval in approvals}
    wanted = {name for names in named.values() for name in names}
    if not wanted:
        return
    people = dict(User.objects.filter(username__in=wanted).values_list("username", "pk"))
    through = Approval.people.through
    rows = [(key, people[name]) for key, names in named.items() for name in names if name in people]
    through.objects.bulk_create(through(approval_id=key, user_id=user_id) for key, user_id in rows)


def _name_cosigners(approvals: Iterable[Approval], team_id: int) -> None:
    """Let the inboxes of those who may sign beside an agent find it too; who may is asked when somebody signs."""
    asked = [one.pk for one in approvals if source_cosigned(one.source)]
    if not asked:
        return
    through = Approval.people.through
    people = team_people(team_id)
    through.objects.bulk_create(through(approval_id=key, user_id=user_id) for key in asked for user_id in people)


def cosignature_settle(*, change_id: int, plan_digest: str, now: datetime) -> bool:
    """The co-signature that a plan waits for is given; False when it waits for none. Who may is the caller's to ask.

    The change is locked by the caller. ``agreement`` says whether everybody has agreed with it.
    """
    require_transaction("cosignature_settle")
    waiting = Approval.objects.filter(change_id=change_id, plan_digest=plan_digest, state="waiting")
    return waiting.filter(source__startswith=f"{COSIGN}:").update(state="approved", settled_at=now) > 0


def approvals_dismiss(*, change_id: int, now: datetime) -> int:
    """The change no longer waits (cancelled, superseded); answers how many approvals ended. May be repeated."""
    require_transaction("approvals_dismiss")
    unsettled = Approval.objects.filter(change_id=change_id, state__in=UNSETTLED)
    return unsettled.update(state="dismissed", settled_at=now)


def agreement(*, change_id: int, plan_digest: str) -> Literal["whole", "unsettled", "none"]:
    """Whether everybody who was asked about a change agreed to this plan of it. One query.

    Those of another plan count for nothing: ``none`` says that there are only such. A change about which nobody was
    ever asked is agreed to.
    """
    rows = list(Approval.objects.filter(change_id=change_id).values_list("plan_digest", "state"))
    states = {state for digest, state in rows if digest == plan_digest and state != "dismissed"}
    if states:
        return "whole" if states <= {"approved", "skipped"} else "unsettled"
    return "none" if rows else "whole"


def decide(
    actor: Actor,
    *,
    change: Subject,
    verdict: Literal["approve", "reject"],
    plan_digest: str,
    comment: str = "",
    now: datetime,
    then: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Record one person's decision and what it leads to. Locks the change's approvals, then the audit head.

    ``then`` is what follows from the outcome for others; it is done before the entry, whose lock comes after theirs.

    One approval counts for every waiting approval that the person is eligible for, in their own right or that of
    somebody they stand in for; one rejection ends all. Saying the same again changes nothing. Raises Forbidden (code
    ``own-change`` for the requester and who had a part in it), StalePlan for a digest that is not the plan's, Conflict
    when all is decided or the person said the opposite, InvalidInput for a comment that is missing (reject) or too
    long.
    """
    require_transaction("decide")
    rights = rights_of(actor)
    rights.require_scope("approve")
    person = _person(actor)
    _refuse_unfit(actor, change, verdict, plan_digest, comment)
    approvals = list(
        Approval.objects.select_for_update(of=("self",))
        .filter(change_id=change.change_id, plan_digest=plan_digest)
        .order_by("position")
    )
    said = Decision.objects.filter(change_id=change.change_id, plan_digest=plan_digest, verdict__in=DECIDING)
    rows = said.values_list("user_id", "verdict", "on_behalf_of")
    verdicts = {user_id: (given, behalf) for user_id, given, behalf in rows}
    if person in verdicts:
        return _again(verdicts[person][0], verdict, approvals)
    other = stands_in_for(rights, change, approvals)
    mine = _Given(person, other.user_id if other else None)
    agreed = [_Given(user_id, behalf) for user_id, (given, behalf) in verdicts.items() if given == "approve"]
    holders = _holders(approvals, [*_standing(agreed), mine], change)
    _require_part(person, verdict, approvals, holders)
    Decision.objects.create(
        change_id=change.change_id,
        plan_digest=plan_digest,
        user_id=person,
        on_behalf_of_id=mine.on_behalf_of,
        verdict=verdict,
        comment=comment.strip(),
        created_at=now,
    )
    opened = verdict == "approve" and _approve(approvals, holders, now)
    if verdict == "reject":
        _reject(approvals, holders, person, now)
    outcome = _outcome(approvals, opened=opened)
    if then is not None:
        then(outcome)
    data = {"comment": comment.strip(), "outcome": str(outcome)} | ({"for": other.username} if other else {})
    _audit(actor, f"change.{verdict}", change, data, now)
    return outcome


def remark(
    actor: Actor,
    *,
    change: Subject,
    verdict: Literal["comment", "request-info"],
    comment: str,
    now: datetime,
) -> Decision:
    """Say something to a change without deciding. Who may is the caller's to ask: whoever may see or request it."""
    require_transaction("remark")
    person = _person(actor)
    _require_comment(comment, needed=True)
    decision = Decision.objects.create(
        change_id=change.change_id,
        plan_digest=change.plan_digest,
        user_id=person,
        verdict=verdict,
        comment=comment.strip(),
        created_at=now,
    )
    _audit(actor, f"change.{verdict}", change, {"comment": comment.strip()}, now)
    return decision


def approval_escalate(approval: Approval, *, now: datetime) -> bool:
    """Let the next people decide too, because the time is over; False when it was decided or escalated meanwhile."""
    require_transaction("approval_escalate")
    late = Approval.objects.filter(pk=approval.pk, state="waiting", escalated_at=None, escalates_at__lte=now)
    return late.update(escalated_at=now) == 1


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("Only a person with an account can decide or comment.")
    return actor.user_id


def _refuse_unfit(actor: Actor, change: Subject, verdict: str, plan_digest: str, comment: str) -> None:
    if actor.user_id == change.requester_id:
        raise Forbidden(
            "Nobody decides on their own change.",
            code="own-change",
            remedy="Ask somebody else who may approve it, or cancel it.",
        )
    if actor.user_id in change.authors or _holds_for_author(actor, change):
        raise Forbidden(
            "You had a part in asking for this change, so somebody else decides.",
            code="own-change",
            remedy="Ask somebody else who may approve it.",
        )
    _require_comment(comment, needed=verdict == "reject")
    if plan_digest != change.plan_digest:
        raise StalePlan("The plan has changed since you read it.")


def _holds_for_author(actor: Actor, change: Subject) -> bool:
    """Whether the token that decides is in the hands of somebody who had a part in the change."""
    return actor.holder_id is not None and actor.holder_id in change.barred


def _require_comment(comment: str, *, needed: bool) -> None:
    if needed and not comment.strip():
        message = "Say why, so that the requester knows what to do."
    elif len(comment) > MAX_COMMENT:
        message = f"A comment has at most {MAX_COMMENT:,} characters."
    else:
        return
    raise InvalidInput(message, errors=[FieldError("comment", message)])


def _again(given: str, verdict: str, approvals: Sequence[Approval]) -> Outcome:
    if given != verdict:
        did = "approved" if given == "approve" else "rejected"
        raise Conflict(f"You have already {did} this plan.", code="already-decided")
    return _outcome(approvals)


def _standing(agreed: list[_Given]) -> list[_Given]:
    """Agreements without the right of whoever has taken their place back since; what ran out by itself still counts."""
    lent = [one for one in agreed if one.on_behalf_of is not None]
    if not lent:
        return agreed
    rows = Delegation.objects.filter(stand_in__in=[one.user_id for one in lent], withdrawn_at=None)
    kept = set(rows.values_list("stand_in_id", "person_id"))
    return [one if (one.user_id, one.on_behalf_of) in kept else _Given(one.user_id, None) for one in agreed]


def _holders(approvals: Sequence[Approval], given: Sequence[_Given], change: Subject) -> Holders:
    everybody = {one.user_id for one in given} | {one.on_behalf_of for one in given if one.on_behalf_of is not None}
    found: Holders = {}
    for approval in approvals:
        eligible = _eligible(approval, everybody) - change.barred if approval.state != "skipped" else frozenset()
        rights = found.setdefault(approval.pk, {})
        for one in given:
            holder = one.user_id if one.user_id in eligible else one.on_behalf_of
            if holder in eligible and holder is not None and one.user_id not in change.barred:
                rights[one.user_id] = holder
    return found


def _require_part(person: int, verdict: str, approvals: Sequence[Approval], holders: Holders) -> None:
    waiting = [approval for approval in approvals if approval.state == "waiting"]
    if not waiting:
        raise Conflict("This change no longer waits for a decision.", code="already-decided")
    mine = [approval for approval in approvals if approval.state != "later" and person in holders[approval.pk]]
    if not mine:
        raise Forbidden(only(approvals), remedy="Ask one of them.")
    if verdict == "approve" and not any(approval in waiting for approval in mine):
        raise Conflict("Enough people with your role have agreed already.", code="already-decided")


def _approve(approvals: Sequence[Approval], holders: Holders, now: datetime) -> bool:
    """Settle what enough people agreed to, stage by stage; whether another stage has begun."""
    opened = False
    while True:
        for approval in approvals:
            if approval.state == "waiting" and len(set(holders[approval.pk].values())) >= approval.count:
                _settle(approval, "approved", now)
        following = _following(approvals)
        if not following:
            return opened
        for approval in following:
            _begin(approval, now)
            approval.save(update_fields=["state", "opened_at", "escalates_at", "expires_at"])
        opened = True


def _following(approvals: Sequence[Approval]) -> list[Approval]:
    """What is asked next: of each route where nothing waits any more, its lowest stage that is left."""
    busy = {one.route for one in approvals if one.state == "waiting"}
    left = [one for one in approvals if one.state == "later" and one.route not in busy]
    lowest: dict[str, int] = {}
    for one in left:
        lowest[one.route] = min(one.stage, lowest.get(one.route, one.stage))
    return [one for one in left if one.stage == lowest[one.route]]


def _reject(approvals: Sequence[Approval], holders: Holders, person: int, now: datetime) -> None:
    for approval in approvals:
        if person in holders[approval.pk] and approval.state != "later":
            _settle(approval, "rejected", now)
        elif approval.state in UNSETTLED:
            _settle(approval, "dismissed", now)


def _settle(approval: Approval, state: str, now: datetime) -> None:
    approval.state = state
    approval.settled_at = now
    Approval.objects.filter(pk=approval.pk).update(state=state, settled_at=now)


def _outcome(approvals: Sequence[Approval], *, opened: bool = False) -> Outcome:
    states = {approval.state for approval in approvals}
    if "rejected" in states:
        return Outcome.REJECTED
    if states - {"approved", "skipped"}:
        return Outcome.NEXT if opened else Outcome.WAITING
    return Outcome.APPROVED


def _eligible(approval: Approval, user_ids: Iterable[int]) -> frozenset[int]:
    """Those whom it asks, and once it has waited too long the next ones too."""
    ids = list(user_ids)
    people = source_people(approval.source)
    if source_cosigned(approval.source):
        return frozenset()
    if people:
        found = eligible_by_name(people, ids)
    elif approval.group_name:
        found = eligible_for_group(approval.group_name, ids)
    else:
        found = eligible_for_team(approval.team_id, ids)
    if approval.escalated_at is None:
        return found
    if approval.next_group:
        return found | eligible_for_group(approval.next_group, ids)
    return found | eligible_for_team(approval.next_team_id, ids)


def _audit(actor: Actor, action: str, change: Subject, data: dict[str, str], now: datetime) -> None:
    team_slug = change.team_slug or Team.objects.values_list("slug", flat=True).get(pk=change.team_id)
    audit_append(
        actor,
        action=action,
        object_type="change",
        object_id=change.change_id,
        object_label=change.title,
        team_slug=team_slug,
        place=change.place,
        data={**data, "plan_digest": change.plan_digest},
        now=now,
    )

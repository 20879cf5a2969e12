"""Decisions on changes: who must agree, who may, and what came of it.

Called inside provisioning's transactions, after the change row is locked. Lock order everywhere: the change row, then
the quota row, then the audit head; approvals are locked right after their change. An approval counts for one plan
digest only. Eligibility is asked when a decision is taken, for everybody who has agreed so far: who has left a team
meanwhile no longer counts. Nobody ever decides on their own change, in whatever role or with whatever token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from governance.access import (
    APPROVE_CHANGE,
    Rights,
    admins,
    eligible_for_group,
    eligible_for_team,
    rights_of,
    team_approvers,
)
from governance.domain.approval import (
    ApprovalNeed,
    named_source,
    needed_approvals,
    source_group,
    source_label,
    source_team,
)
from governance.models import Approval, Decision
from governance.selectors.approvals import approvals_of, decisions_of, waiting_changes
from governance.services.audit import audit_append
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
    "decide",
    "decisions_of",
    "may_decide",
    "needed_approvals",
    "remark",
    "source_label",
    "waiting_change_ids",
    "waiting_changes",
    "waiting_on",
]

MAX_COMMENT = 4_000
SHOWN_PEOPLE = 20
DECIDING = ("approve", "reject")


class Outcome(StrEnum):
    """Where a change's approvals stand after a decision."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Subject:
    """The change that is decided on, as locked. ``team_slug`` of the owning team is looked up when left empty."""

    change_id: int
    plan_digest: str
    requester_id: int
    team_id: int
    title: str
    team_slug: str = ""


def approvals_open(
    *,
    change_id: int,
    plan_digest: str,
    rules: Iterable[ApprovalNeed],
    team_id: int,
    now: datetime,
    team_slug: str = "",
    first: bool = False,
) -> list[Approval]:
    """Ask for the decisions that a plan needs, and no longer for those of another plan. At most three queries.

    ``rules`` come from ``needed_approvals``; ``team_id`` is the owning team, for ``team:maintainer``, and
    ``team_slug`` its slug where the caller knows it. ``first``: the change was made in this transaction, so that
    nothing can be waiting for it yet.
    """
    require_transaction("approvals_open")
    needs = list(rules)
    if not first:
        other = Approval.objects.filter(change_id=change_id, state="waiting").exclude(plan_digest=plan_digest)
        other.update(state="dismissed", settled_at=now)
    teams = {team_slug: team_id} if team_slug else {}
    slugs = {slug for need in needs if (slug := source_team(need.source)) is not None} - set(teams)
    if slugs:
        teams |= dict(Team.objects.filter(slug__in=slugs).values_list("slug", "pk"))
    return Approval.objects.bulk_create(
        Approval(
            change_id=change_id,
            plan_digest=plan_digest,
            position=position,
            source=need.source,
            team_id=team_id if need.source == "team:maintainer" else teams.get(source_team(need.source) or ""),
            group_name=source_group(need.source) or "",
            count=need.count,
            reason=need.reason,
            policy=need.policy,
        )
        for position, need in enumerate(needs)
    )


def approvals_dismiss(*, change_id: int, now: datetime) -> int:
    """The change no longer waits (cancelled, superseded); answers how many approvals ended. May be repeated."""
    require_transaction("approvals_dismiss")
    waiting = Approval.objects.filter(change_id=change_id, state="waiting")
    return waiting.update(state="dismissed", settled_at=now)


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

    One approval counts for every waiting approval that the person is eligible for; one rejection ends all. Saying
    the same again changes nothing. Raises Forbidden (code ``own-change`` for the requester), StalePlan for a digest
    that is not the plan's, Conflict when all is decided or the person said the opposite, InvalidInput for a comment
    that is missing (reject) or too long.
    """
    require_transaction("decide")
    rights_of(actor).require_scope("approve")
    person = _person(actor)
    _refuse_unfit(person, change, verdict, plan_digest, comment)
    approvals = list(
        Approval.objects.select_for_update(of=("self",))
        .filter(change_id=change.change_id, plan_digest=plan_digest)
        .order_by("position")
    )
    said = Decision.objects.filter(change_id=change.change_id, plan_digest=plan_digest, verdict__in=DECIDING)
    verdicts = dict(said.values_list("user_id", "verdict"))
    if person in verdicts:
        return _again(verdicts[person], verdict, approvals)
    agreeing = {user_id for user_id, given in verdicts.items() if given == "approve"} | {person}
    eligible = {approval.pk: _eligible(approval, agreeing) - {change.requester_id} for approval in approvals}
    _require_part(person, verdict, approvals, eligible)
    Decision.objects.create(
        change_id=change.change_id,
        plan_digest=plan_digest,
        user_id=person,
        verdict=verdict,
        comment=comment.strip(),
        created_at=now,
    )
    if verdict == "approve":
        _approve(approvals, eligible, now)
    else:
        _reject(approvals, eligible, person, now)
    outcome = _outcome(approvals)
    if then is not None:
        then(outcome)
    _audit(actor, f"change.{verdict}", change, {"comment": comment.strip(), "outcome": str(outcome)}, now)
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


def may_decide(
    rights: Rights, change: Subject, *, asked: Sequence[Approval] | None = None, said: Sequence[Decision] | None = None
) -> str:
    """Why this person may not decide on the change as it is now, as a sentence; empty when they may. For pages.

    ``asked`` are the approvals of its plan and ``said`` all decisions on it, where the caller has loaded them.
    """
    if not rights.signed_in or rights.actor.user_id is None:
        return "Only a signed-in person can decide."
    if rights.actor.user_id == change.requester_id:
        return "It is your own change; somebody else decides."
    if not rights.actor.has_scope("approve"):
        return "This token does not have the scope “approve”."
    approvals = approvals_of(change.change_id, change.plan_digest) if asked is None else asked
    if not any(approval.state == "waiting" for approval in approvals):
        return "Nothing is waiting for a decision."
    given = _answer_of(rights.actor.user_id, change, decisions_of(change.change_id) if said is None else said)
    if given is not None:
        return "You have agreed to it already." if given == "approve" else "You have rejected it."
    if not any(_matches(rights, approval) for approval in approvals if approval.state == "waiting"):
        return _only(approvals)
    return ""


def _answer_of(user_id: int, change: Subject, said: Iterable[Decision]) -> str | None:
    mine = (one for one in said if one.user_id == user_id and one.plan_digest == change.plan_digest)
    return next((one.verdict for one in mine if one.verdict in DECIDING), None)


def waiting_on(rights: Rights) -> Q:
    """A filter over Approval: what waits for this person and is not yet answered by them.

    Their own requests are not left out, for Approval does not know who asked: exclude ``requester_id`` on changes. A
    platform admin may decide for every team, and is waited on only where a team has fewer than two maintainers.
    """
    if not rights.signed_in or rights.actor.user_id is None:
        return Q(pk__in=())
    team_ids = [team_id for team_id, held in rights.teams.items() if APPROVE_CHANGE in held]
    mine = Q(team_id__in=team_ids) | Q(group_name__in=sorted(rights.groups))
    if rights.is_admin:
        alone = Count("memberships", filter=Q(memberships__role="maintainer", memberships__user__is_active=True))
        mine |= Q(team__in=Team.objects.annotate(maintainers=alone).filter(maintainers__lt=2).order_by().values("pk"))
    answered = Decision.objects.filter(
        change_id=OuterRef("change_id"),
        plan_digest=OuterRef("plan_digest"),
        user_id=rights.actor.user_id,
        verdict__in=DECIDING,
    )
    return Q(state="waiting") & mine & ~Q(Exists(answered))


def waiting_change_ids(rights: Rights) -> QuerySet[Approval, int]:
    """Ids of changes that wait for this person, as a sub-query; see ``waiting_on`` for own requests."""
    return Approval.objects.filter(waiting_on(rights)).order_by().values_list("change_id", flat=True)


def approvers(approval: Approval, *, excluding: int | None = None) -> tuple[str, ...]:
    """Names of people who may give this approval, without the requester (``excluding``); at most 20. One query.

    When nobody of the team could, the platform admins.
    """
    if approval.group_name:
        return _names(User.objects.filter(is_active=True, groups__name=approval.group_name), excluding)
    return _team_names(approval.team_id, excluding)


def approvers_for(source: str, *, team: Team, excluding: int | None = None) -> tuple[str, ...]:
    """The same for an approval that is not open yet; ``team`` is the owning team."""
    source = named_source(source, team.slug)
    group, slug = source_group(source), source_team(source)
    if group is not None:
        return _names(User.objects.filter(is_active=True, groups__name=group), excluding)
    team_id = team.pk if slug == team.slug else Team.objects.filter(slug=slug).values_list("pk", flat=True).first()
    return _team_names(team_id, excluding)


def _person(actor: Actor) -> int:
    if actor.user_id is None:
        raise Forbidden("Only a person with an account can decide or comment.")
    return actor.user_id


def _refuse_unfit(person: int, change: Subject, verdict: str, plan_digest: str, comment: str) -> None:
    if person == change.requester_id:
        raise Forbidden(
            "Nobody decides on their own change.",
            code="own-change",
            remedy="Ask somebody else who may approve it, or cancel it.",
        )
    _require_comment(comment, needed=verdict == "reject")
    if plan_digest != change.plan_digest:
        raise StalePlan("The plan has changed since you read it.")


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


def _require_part(
    person: int, verdict: str, approvals: Sequence[Approval], eligible: dict[int, frozenset[int]]
) -> None:
    waiting = [approval for approval in approvals if approval.state == "waiting"]
    if not waiting:
        raise Conflict("This change no longer waits for a decision.", code="already-decided")
    mine = [approval for approval in approvals if person in eligible[approval.pk]]
    if not mine:
        raise Forbidden(_only(approvals), remedy="Ask one of them.")
    if verdict == "approve" and not any(approval in waiting for approval in mine):
        raise Conflict("Enough people with your role have agreed already.", code="already-decided")


def _approve(approvals: Sequence[Approval], eligible: dict[int, frozenset[int]], now: datetime) -> None:
    for approval in approvals:
        if approval.state == "waiting" and len(eligible[approval.pk]) >= approval.count:
            _settle(approval, "approved", now)


def _reject(approvals: Sequence[Approval], eligible: dict[int, frozenset[int]], person: int, now: datetime) -> None:
    for approval in approvals:
        if person in eligible[approval.pk]:
            _settle(approval, "rejected", now)
        elif approval.state == "waiting":
            _settle(approval, "dismissed", now)


def _settle(approval: Approval, state: str, now: datetime) -> None:
    approval.state = state
    approval.settled_at = now
    Approval.objects.filter(pk=approval.pk).update(state=state, settled_at=now)


def _outcome(approvals: Sequence[Approval]) -> Outcome:
    states = {approval.state for approval in approvals}
    if "rejected" in states:
        return Outcome.REJECTED
    return Outcome.WAITING if states - {"approved"} else Outcome.APPROVED


def _eligible(approval: Approval, user_ids: Iterable[int]) -> frozenset[int]:
    if approval.group_name:
        return eligible_for_group(approval.group_name, user_ids)
    return eligible_for_team(approval.team_id, user_ids)


def _matches(rights: Rights, approval: Approval) -> bool:
    if approval.group_name:
        return approval.group_name in rights.groups
    return rights.is_admin or (approval.team_id is not None and rights.may_approve_as(approval.team_id))


def _only(approvals: Iterable[Approval]) -> str:
    labels = dict.fromkeys(source_label(approval.source) for approval in approvals if approval.state == "waiting")
    return f"Only {' or '.join(labels)} may decide on this change."


def _team_names(team_id: int | None, excluding: int | None) -> tuple[str, ...]:
    found = _names(team_approvers(team_id), excluding) if team_id is not None else ()
    return found or _names(admins(), excluding)


def _names(people: QuerySet[User], excluding: int | None) -> tuple[str, ...]:
    chosen = people.exclude(pk=excluding) if excluding is not None else people
    return tuple(chosen.order_by("username").values_list("username", flat=True)[:SHOWN_PEOPLE])


def _audit(actor: Actor, action: str, change: Subject, data: dict[str, str], now: datetime) -> None:
    team_slug = change.team_slug or Team.objects.values_list("slug", flat=True).get(pk=change.team_id)
    audit_append(
        actor,
        action=action,
        object_type="change",
        object_id=change.change_id,
        object_label=change.title,
        team_slug=team_slug,
        data={**data, "plan_digest": change.plan_digest},
        now=now,
    )

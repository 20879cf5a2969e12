"""Changes as people read them: the inbox, and everything the decision page needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Exists, Max, OuterRef, Q, QuerySet, Subquery

from governance.access import Rights, visible
from governance.domain.ceilings import Extras, Part
from governance.domain.quota import Amounts
from governance.domain.quota_state import QuotaState
from governance.models import Approval, Decision
from governance.selectors.approvals import approvals_of, decisions_of
from governance.selectors.quota import quota_counted, quota_state
from governance.services.approvals import Subject, approvers_of, may_decide, waiting_change_ids
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.lifecycle import RESUMABLE_CHANGE_STATES
from provisioning.domain.plan import Side, object_changes
from provisioning.models import Change, ChangeAuthor, ChangeEvent, Environment, Revision, Run
from provisioning.selectors.amounts import amounts_after, amounts_asked, extras_after
from provisioning.selectors.desired import side_of
from provisioning.selectors.quota_lines import QuotaLine, quota_lines

SIMILAR = 5
RAN = ("running", "succeeded", "failed", "cancelled")
"""States of changes that may have a run."""


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """One required decision. ``who`` may still give it; ``given`` is what people who may have said so far."""

    label: str
    state: str
    reason: str
    policy: str
    count: int
    stage: str
    opened_at: datetime | None
    escalates_at: datetime | None
    expires_at: datetime | None
    who: tuple[str, ...]
    given: Sequence[Decision]


@dataclass(frozen=True, slots=True)
class ChangeView:
    """All that the decision page shows beside the change itself."""

    change: Change
    approvals: Sequence[ApprovalView]
    decisions: Sequence[Decision]
    events: Sequence[ChangeEvent]
    quota: Sequence[QuotaLine]
    similar: Sequence[Change]
    runs: Sequence[Run]
    rollback_point: Revision | None
    may_decide: bool
    why_not: str
    may_cancel: bool
    may_resume: bool
    stale: bool


def _joined() -> QuerySet[Change]:
    newest_run = Run.objects.filter(change=OuterRef("pk")).order_by("-id").values("pk")[:1]
    return (
        Change.objects.select_related("system__team", "stage", "requester")
        .defer("target", "facts", "verdicts")
        .annotate(run_id=Subquery(newest_run))
    )


LISTED = (
    *("kind", "state", "title", "reason", "plan_digest", "environment_name", "created_at"),
    *("monthly_cost_before", "monthly_cost_after", "requester__username"),
    *("system__slug", "system__team__slug", "system__team__name", "stage__name", "stage__production"),
)
"""What a line of a list shows of a change, for ``only``."""


def change_list(
    rights: Rights,
    *,
    state: str = "",
    team: str = "",
    system: str = "",
    environment: Environment | None = None,
    requester: int | None = None,
    waiting_on_me: bool = False,
    query: str = "",
) -> QuerySet[Change]:
    """Changes the reader may see, newest first; ``state`` may be ``open``. Empty filters do not filter.

    Joins what lists show of a change and no more: each further table makes the database plan longer than it reads.
    """
    rows = visible(_joined(), rights, "system").order_by("-id")
    if state == "open":
        rows = rows.filter(state__in=("pending", "approved", "running"))
    elif state:
        rows = rows.filter(state=state)
    if environment is not None:
        rows = rows.filter(environment=environment)
    if requester is not None:
        rows = rows.filter(requester_id=requester)
    if waiting_on_me:
        rows = _waiting(rows, rights)
    if query:
        number = query.lstrip("#")
        wanted = Q(title__icontains=query) | Q(reason__icontains=query)
        rows = rows.filter(wanted | Q(pk=int(number)) if number.isdecimal() and len(number) < 16 else wanted)
    filters = {"system__team__slug": team, "system__slug": system}
    return rows.filter(**{key: value for key, value in filters.items() if value})


def _waiting(rows: QuerySet[Change], rights: Rights) -> QuerySet[Change]:
    me = rights.actor.user_id or 0
    had_a_part = ChangeAuthor.objects.filter(user_id=me).order_by().values("change_id")
    waiting = rows.filter(state="pending", pk__in=waiting_change_ids(rights))
    return waiting.exclude(requester_id=me).exclude(pk__in=had_a_part)


MOST_WAITING = 100


def waiting_rows(rights: Rights) -> QuerySet[Change, int]:
    """Ids of the changes that wait for this person, as a sub-query of at most ``MOST_WAITING``."""
    rows = _waiting(visible(Change.objects.all(), rights, "system"), rights)
    return rows.order_by().values_list("pk", flat=True)[:MOST_WAITING]


def waiting_count(rights: Rights) -> int:
    """How many changes wait for this person, counted up to ``MOST_WAITING``."""
    return len(waiting_rows(rights))


def change_get(rights: Rights, change_id: int) -> Change:
    """The change; NotFound also when the reader may not know of it."""
    found = _change(change_id=change_id) if change_id <= BigIntegerField.MAX_BIGINT else []
    change = next(iter(found), None)
    if change is None or not rights.may_see(change.system):
        raise NotFound(f"There is no change {change_id}.")
    return change


@Prepared
def _change(change_id: int) -> QuerySet[Change]:
    return (
        Change.objects.select_related("system__team", "stage", "environment", "requester", "base", "revision")
        # Only a look at the objects renders documents; it asks for them then.
        .defer("environment__conditions", "base__document", "revision__document")
        .annotate(has_authors=Exists(ChangeAuthor.objects.filter(change=OuterRef("pk"))))
        .filter(pk=change_id)
    )


def subject_of(change: Change) -> Subject:
    return Subject(
        change_id=change.pk,
        plan_digest=change.plan_digest,
        requester_id=change.requester_id,
        team_id=change.system.team_id,
        title=change.title,
        team_slug=change.system.team.slug,
        authors=_authors(change),
        place=f"{change.system.slug}/{change.environment_name}",
    )


def _authors(change: Change) -> frozenset[int]:
    """Who had a part in asking beside the requester. No query where ``change_get`` found that nobody had."""
    if not getattr(change, "has_authors", True):
        return frozenset()
    return frozenset(ChangeAuthor.objects.filter(change=change).values_list("user_id", flat=True))


def change_view(rights: Rights, change: Change) -> ChangeView:
    """Everything around one change, in a fixed number of queries."""
    decisions = _decisions(change=change.pk)
    asked = _asked(change=change.pk, digest=change.plan_digest)
    why_not = "Nothing is left to decide."
    who: dict[int, tuple[str, ...]] = {}
    if change.state == "pending":
        subject = subject_of(change)
        why_not = may_decide(rights, subject, asked=asked, said=decisions)
        who = approvers_of([one for one in asked if one.state in ("waiting", "later")], excluding=subject.barred)
    may_request = rights.may_request(change.system)
    mine = change.requester_id == rights.actor.user_id or rights.may_manage(change.system.team)
    runs = _runs(change=change.pk) if change.state in RAN else []
    return ChangeView(
        change=change,
        approvals=[_approval_view(one, who.get(one.pk, ()), decisions) for one in asked],
        decisions=decisions,
        events=_events(change=change.pk),
        quota=_quota(change),
        similar=_similar(rights, change),
        runs=runs,
        rollback_point=change.base,
        may_decide=not why_not,
        why_not=why_not,
        may_cancel=may_request and mine and change.state in ("pending", "approved"),
        may_resume=may_request and change.state in RESUMABLE_CHANGE_STATES and bool(runs) and _is_latest(runs[0]),
        stale=_stale(change),
    )


@Prepared
def _decisions(change: int) -> QuerySet[Decision]:
    return decisions_of(change)


@Prepared
def _asked(change: int, digest: str) -> QuerySet[Approval]:
    return approvals_of(change, digest)


@Prepared
def _runs(change: int) -> QuerySet[Run]:
    return Run.objects.filter(change=change).order_by("-id")


@Prepared
def _events(change: int) -> QuerySet[ChangeEvent]:
    return ChangeEvent.objects.filter(change=change)


def change_why(change: Change) -> str:
    """What was said when the change was denied or rejected, or when it failed; empty otherwise. One query for these."""
    if change.state not in ("denied", "rejected", "failed"):
        return ""
    told = ChangeEvent.objects.filter(change=change, state=change.state).exclude(text="")
    return told.order_by("-id").values_list("text", flat=True).first() or ""


def newest_event(change: Change) -> int:
    """The number of the last thing that happened to a change, 0 before the first."""
    return ChangeEvent.objects.filter(change=change).aggregate(newest=Max("pk"))["newest"] or 0


def _approval_view(approval: Approval, who: Sequence[str], decisions: Sequence[Decision]) -> ApprovalView:
    said = [
        one for one in decisions if one.plan_digest == approval.plan_digest and one.verdict in ("approve", "reject")
    ]
    able, answered = {_decider(name) for name in who}, {one.user.username for one in said}
    return ApprovalView(
        label=_label(approval),
        state=approval.state,
        reason=approval.reason,
        policy=approval.policy,
        count=approval.count,
        stage=approval.stage_name,
        opened_at=approval.opened_at,
        escalates_at=approval.escalates_at if approval.escalated_at is None else None,
        expires_at=approval.expires_at,
        who=tuple(name for name in who if _decider(name) not in answered),
        given=[one for one in said if one.user.username in able],
    )


def _decider(name: str) -> str:
    """Who decides where ``name`` may say for whom, as in ``bob for ann``."""
    return name.partition(" for ")[0]


def _label(approval: Approval) -> str:
    from governance.domain.approval import source_label

    text = source_label(approval.source, approval.count)
    if approval.escalated_at is not None:
        text += f", or {source_label(approval.escalate_to, approval.count)}"
    return text[0].upper() + text[1:]


def _quota(change: Change) -> Sequence[QuotaLine]:
    """The team's quota as it is now, with what this change asks while it is not started."""
    before, after = amounts_after(change.plan, "usage_before"), amounts_asked(change.plan)
    extras_before, extras = extras_after(change.plan, "before"), extras_after(change.plan, "after")
    state = quota_counted(change.system.team_id, quota_state(change.system.team_id), extras.resources)
    if change.state in ("pending", "approved"):
        state = _without_hold(state, after.beyond(before), extras.beyond(extras_before))
    elif change.state != "denied":
        before, extras_before = after, extras
    return quota_lines(state, before=before, after=after, extras_before=extras_before, extras=extras)[0]


def _without_hold(state: QuotaState, held: Amounts, extras: Extras) -> QuotaState:
    """``state`` as it is without what the change holds, because that is what it asks."""
    own = Part("held", extras.stage, Amounts() - held, -extras.monthly_cost)
    resources = {name: count - extras.resources.get(name, 0) for name, count in state.resources.items()}
    return replace(state, held=state.held - held, parts=(*state.parts, own), resources=resources)


def _similar(rights: Rights, change: Change) -> list[Change]:
    """The last finished changes of the same kind and system."""
    return _alike(rights=rights, system=change.system.slug, kind=change.kind, stage=change.stage_id, but=change.pk)


@Prepared
def _alike(rights: Rights, system: str, kind: str, stage: int, but: int) -> QuerySet[Change]:
    rows = change_list(rights, system=system).filter(
        kind=kind, stage=stage, state__in=("succeeded", "failed", "rejected", "denied")
    )
    return rows.only(*LISTED).exclude(pk=but)[:SIMILAR]


def _is_latest(run: Run) -> bool:
    return not Run.objects.filter(environment_id=run.environment_id, pk__gt=run.pk).exists()


def _stale(change: Change) -> bool:
    if change.state not in ("pending", "approved") or change.environment is None:
        return False
    return change.environment.desired_id != change.base_id


def change_objects(change: Change) -> list[dict[str, Any]]:
    """The object-level difference of a change: what the contracts render before and after, without asking the cluster.

    One entry for each resource: ``{"name", "action", "objects"}``, the objects as ``object_changes`` gives them.
    """
    place: dict[str, Any] = {
        "system": change.system,
        "stage": change.stage,
        "name": change.environment_name,
        "digest": "",
        "objects": True,
    }
    leaves, goes = _places(change)
    before = side_of(change.base.document, **place, **leaves) if change.base else Side()
    after = side_of(change.target, **place, **goes) if change.target else Side()
    return [
        {
            "name": one["name"],
            "action": one["action"],
            "objects": object_changes(before.resources.get(one["name"]), after.resources.get(one["name"])),
        }
        for one in change.plan["resources"]
    ]


def _places(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """Namespace and isolation before and after the change."""
    if move := change.plan.get("move"):
        leaves, goes = ({key: move[end][key] for key in ("namespace", "isolation")} for end in ("from", "to"))
        return leaves, goes
    environment = change.environment
    if environment is None:
        here: dict[str, Any] = {"namespace": f"{change.system.slug}-{change.environment_name}"}
    else:
        here = {"namespace": environment.namespace, "isolation": environment.isolation}
    return here, here

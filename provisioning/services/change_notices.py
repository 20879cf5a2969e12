"""Who is told what of a change, in the transaction in which it happened.

``change_states`` calls ``change_told`` with every line of a change's history, so that no path of a change can forget to
tell; whoever asks for approvals calls ``change_waits_told`` and ``change_waits_no_more``. Nobody is told of what they
did themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet

from governance.domain.approval import COSIGN
from governance.models import Approval
from governance.selectors.people import deciders, team_people
from governance.services.notice_events import About
from governance.services.notices import notices_answered, notices_seen, notify, notify_found, notify_people, untold
from idp.catalog.models import User
from idp.kernel.canonical import digest
from idp.kernel.prepared import Prepared
from provisioning.domain.agent import VIA as AGENT
from provisioning.models import AgentChange, Change, ChangeAuthor, Run


class _Told(NamedTuple):
    """How the requester is told of a move: the kind, and how the title begins; ``text`` where the event brings none."""

    kind: str
    begins: str
    text: str


OUTCOMES = {
    "approved": _Told("change-approved", "Approved", "{actor} agreed."),
    "rejected": _Told("change-rejected", "Rejected", "{actor} rejected it."),
    "denied": _Told("change-denied", "Stopped by a rule", "It may not run as things are now."),
    "cancelled": _Told("change-cancelled", "Cancelled", "{actor} cancelled it."),
    "expired": _Told("change-cancelled", "Expired", "Nobody decided in time."),
    "superseded": _Told("change-superseded", "No longer needed", "A later change made it so already."),
    "succeeded": _Told("change-succeeded", "Done", "The environment is as it was agreed."),
}
MOVES = {
    "approve": "approved",
    "reject": "rejected",
    "deny": "denied",
    "cancel": "cancelled",
    "expire": "expired",
    "supersede": "superseded",
    "succeed": "succeeded",
}
REMARKS = {"comment": ("change-commented", "comments on"), "request-info": ("information-asked", "asks about")}
WAITS = "change-waits"
ACTS = ("approve", "reject", "comment", "request-info")
PLATFORM = "slipway"


def change_url(change: Change) -> str:
    """The page that shows a change and takes decisions on it."""
    return f"/changes/{change.pk}/"


def change_told(
    change: Change, event: str, *, line: int, state: str, actor_name: str, now: datetime, text: str = ""
) -> None:
    """Tell of one ``line`` (its id) of the change's history, which led to ``state``; ``text`` is what the actor said,
    or why it happened.

    A rejection is told with the line that carries the reason, so the move that follows tells nobody anew.
    """
    if event in ACTS and actor_name != PLATFORM:
        notices_seen(username=actor_name, urls=(change_url(change),), now=now)
    if event in REMARKS:
        _remark_told(change, event, line=line, actor_name=actor_name, text=text, now=now)
    if event == "fail":
        _failure_told(change, text=text, now=now)
    outcome = MOVES.get(event, "")
    agreed_by_itself = event == "approve" and actor_name == PLATFORM
    only_one_of_many = event == "approve" and state == "pending"
    if outcome and not agreed_by_itself and not only_one_of_many:
        _outcome_told(change, outcome, actor_name=actor_name, text=text, now=now)


def change_waits_for_told(change: Change, why: str, *, now: datetime) -> None:
    """Tell whoever asked, and the team, that a change is agreed to and cannot start before they decide something."""
    notify(
        "change-held",
        to={change.requester_id, *team_people(change.system.team_id)},
        title=f"{change.title} is agreed to and cannot start yet",
        text=why,
        url=change_url(change),
        key=f"change:{change.pk}:held:{digest(why)[:16]}",
        now=now,
        about=About(system=change.system),
    )


def change_waits_told(change: Change, *, asker: str, now: datetime) -> None:
    """Ask everybody who may decide on the plan that the change has now; once for each plan. Two queries.

    ``asker`` is the requester's user name.
    """
    asks = f"{asker} asks for it"
    reason = change.reason.strip()
    key = _waits_key(change)
    notify_found(
        WAITS,
        found=_to_be_asked(
            change=change.pk, plan_digest=change.plan_digest, requester=change.requester_id, key=key, now=now
        ),
        title=f"{change.title} waits for your decision",
        text=f"{asks}: {reason}" if reason else f"{asks}.",
        url=change_url(change),
        key=key,
        now=now,
    )
    if change.via == AGENT:
        cosign_waits_told(change, now=now)


def cosign_waits_told(change: Change, *, now: datetime) -> None:
    """Ask the owner of the agent that asked for ``change`` to sign its plan, where it waits for that. Once a plan."""
    row = AgentChange.objects.select_related("agent").filter(change=change).first()
    waiting = Approval.objects.filter(change_id=change.pk, plan_digest=change.plan_digest, state="waiting")
    if row is None or not waiting.filter(source__startswith=f"{COSIGN}:").exists():
        return
    notify(
        "cosign-waits",
        to=[row.agent.owner_id],
        title=f"{change.title} waits for a co-signature",
        text=f"Your agent {row.agent.name} asks for it: {change.reason.strip() or 'it gave no reason'}",
        url=change_url(change),
        key=_waits_key(change),
        now=now,
    )


@Prepared
def _to_be_asked(change: int, plan_digest: str, requester: int, key: str, now: datetime) -> QuerySet[User]:
    """Who may decide and has not asked for it. The longest query of a submit."""
    authors = ChangeAuthor.objects.filter(change=change).values("user_id")
    people = deciders(change, plan_digest, now=now).exclude(pk=requester).exclude(pk__in=authors)
    return untold(people, WAITS, key)


def change_waits_no_more(change: Change, *, now: datetime) -> None:
    """The plan was decided on or is no longer the plan, so nobody needs to be asked about it."""
    notices_answered(key=_waits_key(change), now=now)


def _outcome_told(change: Change, outcome: str, *, actor_name: str, text: str, now: datetime) -> None:
    told = OUTCOMES[outcome]
    if outcome != "succeeded":
        change_waits_no_more(change, now=now)
    notify_people(
        told.kind,
        people=User.objects.filter(pk=change.requester_id).exclude(username=actor_name),
        title=f"{told.begins}: {change.title}",
        text=text or told.text.format(actor=actor_name),
        url=change_url(change),
        key=f"change:{change.pk}:{outcome}",
        now=now,
    )


def _failure_told(change: Change, *, text: str, now: datetime) -> None:
    """The requester: the change failed; the team: its environment did. The run's page answers, where there is one."""
    run = Run.objects.filter(change_id=change.pk).order_by("-pk").values_list("pk", "epoch").first()
    url = f"/runs/{run[0]}/" if run else change_url(change)
    key = f"change:{change.pk}:failed:{run[1] if run else 0}"
    why = text or "The run stopped before it was done."
    notify(
        "change-failed", to=[change.requester_id], title=f"Failed: {change.title}", text=why, url=url, key=key, now=now
    )
    team = set(team_people(change.system.team_id)) - {change.requester_id}
    place = f"{change.system.slug} / {change.environment_name}"
    notify("environment-failed", to=team, title=f"{place} failed", text=why, url=url, key=key, now=now)


def _remark_told(change: Change, event: str, *, line: int, actor_name: str, text: str, now: datetime) -> None:
    """A question goes to the requester; a comment, and so an answer, also to everybody who has said something."""
    kind, does = REMARKS[event]
    concerned = Q(pk=change.requester_id)
    if event == "comment":
        concerned |= Q(decisions__change_id=change.pk)
    notify_people(
        kind,
        people=User.objects.filter(concerned).exclude(username=actor_name).distinct(),
        title=f"{actor_name} {does} {change.title}",
        text=text,
        url=change_url(change),
        key=f"change:{change.pk}:said:{line}",
        now=now,
    )


def _waits_key(change: Change) -> str:
    return f"change:{change.pk}:waits:{change.plan_digest[:32]}"

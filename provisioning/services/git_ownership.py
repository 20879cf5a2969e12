"""Environments that Git owns: edited in their file and nowhere else, until an admin takes them out of its hands.

Called by the gate, by looks at Git, and by faces. What a source that owns has applied speaks here, and what it may
apply where nothing is yet; nothing that it only claims: a file that names another team's environment owns nothing.
Asleep or awake, moved, put back or agreed to is not what a file says, so it goes on. Lock order: environments, their
changes, then audit head.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet

from governance.access import rights_of
from governance.domain.policy import Verdict
from governance.services.audit import audit_append
from idp.catalog.models import System
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from provisioning.domain.git_files import OWNED
from provisioning.models import Change, Environment, GitDocument, GitSource
from provisioning.selectors.git import document_awaited
from provisioning.services.change_ends import change_dropped
from provisioning.services.change_states import change_move
from provisioning.services.moved_changes import Moved, Moves, moves_audit, stand_of

EDITS: Final = frozenset({"create", "update", "upgrade", "rollback", "promote", "extend", "adopt", "delete"})
"""Kinds of change that would make an environment something else than its file says."""

MOST_WHY: Final = 400


def git_verdicts(actor: Actor, kind: str, environment: Environment | None) -> tuple[Verdict, ...]:
    """What Git says to an intent: denied where it owns the environment. One query where it follows a file, else none.

    The source itself may, and so may the clock, which deletes what has expired.
    """
    if environment is None or environment.git_id is None or kind not in EDITS:
        return ()
    row = GitDocument.objects.select_related("source").filter(pk=environment.git_id).first()
    if row is None or not row.source.owns:
        return ()
    if (actor.via == "git" and actor.user_id == row.source.account_id) or (actor.is_platform and kind == "delete"):
        return ()
    return (_owned(row),)


def git_verdicts_for_new(actor: Actor, system: System, name: str) -> tuple[Verdict, ...]:
    """What Git says to making an environment anew: denied where a file of a source that owns says what it is.

    One query; a document counts that was accepted once, or whose source may apply it to this system.
    """
    row = document_awaited(system, name)
    if row is None or (actor.via == "git" and actor.user_id == row.source.account_id):
        return ()
    return (_owned(row),)


def _owned(row: GitDocument) -> Verdict:
    return Verdict(
        OWNED,
        "What Git owns is edited in Git",
        "denies",
        message=f"{row.name} is kept in Git, in {row.file} of {row.source.url}.",
        remedy="Edit the file there: the page of this change has a patch for it, to apply with “git apply”. "
        "A platform admin can release the environment from Git.",
    )


def changes_given_up(rows: QuerySet[Environment], *, moves: Moves, now: datetime) -> None:
    """Deny the open changes that others asked for before Git owned these environments; each says why, with a patch.

    Inside the caller's transaction, before the audit head. One query where there are none.
    """
    foreign = Change.objects.filter(
        state__in=("pending", "approved"), kind__in=EDITS, environment__git__source__owns=True
    )
    foreign = foreign.exclude(via="git", requester=F("environment__git__source__account"))
    foreign = foreign.exclude(via="system", kind="delete").exclude(pk=F("environment__git__change"))
    struck = rows.filter(pk__in=foreign.values("environment"))
    for place in list(struck.order_by("pk").values_list("pk", flat=True)):
        environment = Environment.objects.select_for_update(of=("self",)).get(pk=place)
        row = GitDocument.objects.select_related("source").filter(pk=environment.git_id or 0, source__owns=True).first()
        if row is None:
            continue
        open_now = Change.objects.select_for_update(of=("self",)).select_related("system__team", "requester")
        for change in open_now.filter(pk__in=foreign.values("pk"), environment=environment).order_by("pk"):
            change_given_up(change, _owned(row), moves=moves, now=now)


def change_given_up(change: Change, said: Verdict, *, moves: Moves, now: datetime) -> None:
    """Deny one locked, open change because Git says so meanwhile."""
    before = stand_of(change)
    change.verdicts = [*(one for one in change.verdicts if one["policy"] != OWNED), said.as_dict()]
    Change.objects.filter(pk=change.pk).update(verdicts=change.verdicts)
    change_move(change, "deny", actor_name="slipway", now=now, text=said.message, finished_at=now)
    change_dropped(change, now=now)
    moves.append(Moved(change, before, stand_of(change), said.message))


@transaction.atomic
def environment_release(actor: Actor, *, document: int, reason: str, now: datetime) -> GitDocument:
    """Take an environment out of Git's hands, for when Git or its host cannot be waited for. Platform admins only.

    It is edited in Slipway then, and Git leaves it alone until it is given back.
    """
    rights_of(actor).require_admin()
    row = _locked(document)
    reason = reason.strip()
    if not reason or len(reason) > MOST_WHY:
        told = f"Say why, in at most {MOST_WHY} characters; people who work in Git read it."
        raise InvalidInput(told, errors=[FieldError("reason", told)])
    if row.released_at is not None:
        raise Conflict(f"{row.name} is released already.", code="illegal-state")
    row.released_at, row.released_by_id, row.released_why = now, actor.user_id, reason
    row.save(update_fields=["released_at", "released_by", "released_why"])
    Environment.objects.filter(git=row).update(git=None)
    _audit(
        actor,
        "git-source.release",
        row,
        {"before": {"owner": "git"}, "after": {"owner": "slipway"}, "why": reason},
        now,
    )
    return row


@transaction.atomic
def environment_give_back(actor: Actor, *, document: int, now: datetime) -> GitDocument:
    """Let Git own it again: what was edited meanwhile differs from its file until somebody syncs. Admins only."""
    rights_of(actor).require_admin()
    row = _locked(document)
    if row.released_at is None:
        raise Conflict(f"{row.name} was not released.", code="illegal-state")
    row.released_at, row.released_by, row.released_why = None, None, ""
    row.save(update_fields=["released_at", "released_by", "released_why"])
    claim(row)
    moves = Moves()
    changes_given_up(Environment.objects.filter(git=row, deleted_at=None), moves=moves, now=now)
    _audit(actor, "git-source.give-back", row, {"before": {"owner": "slipway"}, "after": {"owner": "git"}}, now)
    moves_audit(actor, moves, cause=cause_of_source(row.source), now=now)
    return row


def cause_of_source(source: GitSource) -> str:
    """How the audit log names a source that moved changes."""
    return f"git source {source.name}"


def claim(row: GitDocument) -> None:
    """Say on the environment that it follows this document. Called inside the transaction that accepted it."""
    system, _, name = row.name.partition("/")
    Environment.objects.filter(system__slug=system, name=name, deleted_at=None).update(git=row)


def _locked(document: int) -> GitDocument:
    rows = GitDocument.objects.select_for_update(of=("self",)).select_related("source__team")
    row = rows.filter(pk=document, kind="Environment", gone_at=None).exclude(claimed_at=None).first()
    if row is None:
        raise NotFound("There is no such environment in Git.")
    return row


def _audit(actor: Actor, action: str, row: GitDocument, data: dict[str, object], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="git-source",
        object_id=row.source_id,
        object_label=row.source.name,
        team_slug=row.source.team.slug,
        data={"environment": row.name, "file": row.file, **data},
        now=now,
    )

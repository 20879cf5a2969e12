"""Environments that Git owns: edited in their file and nowhere else, until an admin takes them out of its hands.

Called by the gate, and by faces. What a source that owns has applied speaks here, and nothing that it only claims: a
file that names another team's environment was refused, so it owns nothing. Asleep or awake, moved, put back or agreed
to is not what a file says, so it goes on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from governance.access import rights_of
from governance.domain.policy import Verdict
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from provisioning.domain.git_files import OWNED
from provisioning.models import Environment, GitDocument

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
    return (
        Verdict(
            OWNED,
            "What Git owns is edited in Git",
            "denies",
            message=f"{row.name} is kept in Git, in {row.file} of {row.source.url}.",
            remedy="Edit the file there: the page of this change has a patch for it, to apply with “git apply”. "
            "A platform admin can release the environment from Git.",
        ),
    )


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
    _audit(actor, "git-source.give-back", row, {"before": {"owner": "slipway"}, "after": {"owner": "git"}}, now)
    return row


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

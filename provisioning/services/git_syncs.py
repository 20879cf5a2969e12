"""Looks at files in Git as rows: asked for by a person, a schedule or a push, carried out by a worker, kept as reports.

A look that was asked for stays until a worker has it: a message is only a hint. One source is looked at by one worker
at a time; one that dies is followed by another, and nothing is applied twice. Reading takes place outside of any
transaction. A commit that is known is not read again, unless somebody asks. Lock order: source row, then audit head.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction

from governance.domain.backstage.places import matcher
from governance.services.audit import audit_append
from governance.services.leased_jobs import job_claim, jobs_waiting
from idp.kernel import clock, git_reader
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import Conflict, NotFound, SlipwayError, Transient
from idp.kernel.git_reader import Fetched
from idp.kernel.wake import wake, wake_after_commit
from provisioning.domain.git_files import commit_link
from provisioning.models import GitSource, GitSync
from provisioning.services.git_applying import Line, files_apply, files_preview, files_read
from provisioning.services.git_notices import look_told
from provisioning.services.git_sources import git_source_get, git_source_secret, require_keeps

log = structlog.get_logger(__name__)

WAKER: Final = "git-sync"
MOST_KEPT: Final = 50
"""Looks at one source that are kept with their reports."""
MOST_LINES: Final = 1_000
NOTHING: Final = "There is no new commit."


@transaction.atomic
def git_sync_ask(actor: Actor, *, source: str, preview: bool = False, now: datetime) -> GitSync:
    """Queue a look at a source by who keeps it: a preview, or one that applies what differs, whatever its commit.

    Conflict for one that is not started.
    """
    row = git_source_get(source)
    require_keeps(actor, row)
    if not preview and not row.active:
        raise Conflict(f"{source} is stopped.", remedy="Look at a preview, then start it.", code="illegal-state")
    made = _ask(row, "preview" if preview else "sync", True, actor.username, actor.user_id, now)
    _audit(actor, row, "git-source.sync", {"sync": made.pk, "preview": preview}, now)
    return made


def git_sync_pushed(source: GitSource, *, now: datetime) -> GitSync | None:
    """Queue a look because the Git host told of a push; None while one waits already, or the source is stopped."""
    if not source.active or GitSync.objects.filter(source=source, mode="sync", state="queued").exists():
        return None
    return _scheduled(source, "a push", now)


def git_sync_get(sync_id: int) -> GitSync:
    row = GitSync.objects.select_related("source__team").filter(pk=sync_id).first()
    if row is None:
        raise NotFound("There is no such sync.")
    return row


def git_syncs_sweep(*, now: datetime) -> int:
    """Queue what is due by schedule and wake workers for what waits or was left behind; how many wait."""
    for source in GitSource.objects.filter(due_at__lte=now, every__gt=0, active=True).order_by("due_at")[:50]:
        later = now + timedelta(minutes=source.every)
        mine = GitSource.objects.filter(pk=source.pk, due_at=source.due_at).update(due_at=later)
        if mine and not GitSync.objects.filter(source=source, state__in=("queued", "running")).exists():
            _scheduled(source, "its schedule", now)
    waiting = jobs_waiting(GitSync.objects.all(), now=now)
    for number in waiting:
        if not wake(WAKER, number):
            break
    return len(waiting)


def git_sync_carry_out(sync_id: int, *, now: datetime) -> None:
    """Carry one look out. Safe to call twice, late, never, or from many workers at once."""
    row, mine = job_claim(GitSync.objects.select_related("source__team", "source__account"), sync_id, now=now)
    if row is None:
        return
    if not mine:
        _end(row, "failed", "Workers ended in the middle of it several times. Sync again, or fewer files.", now)
        return
    row.report = []
    try:
        told = _carried_out(row, now)
    except (OperationalError, InterfaceError):
        raise
    except Conflict as error:  # somebody has the source in hand, and needs no notice of it
        _end(row, "failed", f"{error.message} {error.remedy}".strip(), now, tells=False)
    except SlipwayError as error:
        later = " It is tried again by schedule." if isinstance(error, Transient) and _goes_on(row) else ""
        told = f"{error.message} {error.remedy}".strip() + later
        _end(row, "failed", told, now, passing=isinstance(error, Transient))
    except Exception as error:  # whoever waits for the report is told; it would stay open else
        log.exception("git_sync_fault", git_sync=sync_id)
        _end(row, "failed", f"Slipway itself failed ({type(error).__name__}). Sync again.", now)
    else:
        _end(row, "done", told, now)


def _goes_on(row: GitSync) -> bool:
    """Whether the schedule looks again by itself: not at a source that is stopped, nor for a preview."""
    return row.mode == "sync" and GitSource.objects.filter(pk=row.source_id, active=True, every__gt=0).exists()


def _carried_out(row: GitSync, now: datetime) -> str:
    source = row.source
    known = "" if row.anew else source.known
    fetched = _fetched(source, known)
    if fetched is None:
        return NOTHING
    files = files_read(fetched.commit, fetched.files(matcher(source.pattern)))
    row.commit = _told(source, fetched)
    if row.mode == "preview":
        row.report = files_preview(source, files, now=now)
        return ""
    if not GitSource.objects.filter(pk=source.pk, version=source.version, active=True).exists():
        raise Conflict("The source was edited or stopped meanwhile, so nothing was applied.", remedy="Sync again.")
    row.report = files_apply(source, files, anew=row.anew, now=now)
    learnt = {"host_key": fetched.host_key} if fetched.host_key and not source.host_key else {}
    GitSource.objects.filter(pk=source.pk, version=source.version).update(
        known=fetched.commit.id, head=row.commit, **learnt
    )
    return ""


def _fetched(source: GitSource, known: str) -> Fetched | None:
    """What there is; another host key than expected is kept, for a person to look at."""
    try:
        return git_reader.fetch(source.url, source.branch, git_source_secret(source), known)
    except git_reader.HostKeyChanged as error:
        GitSource.objects.filter(pk=source.pk, version=source.version).update(host_key_met=error.shown)
        raise


def _told(source: GitSource, fetched: Fetched) -> dict[str, str]:
    commit = fetched.commit
    return {
        "id": commit.id,
        "author": commit.author,
        "email": commit.email,
        "subject": commit.subject,
        "at": commit.at.isoformat(),
        "link": commit_link(source.url, commit.id),
    }


def _ask(source: GitSource, mode: str, anew: bool, name: str, user_id: int | None, now: datetime) -> GitSync:
    made = GitSync.objects.create(
        source=source, mode=mode, anew=anew, asked_by_id=user_id, asked_name=name, asked_at=now
    )
    wake_after_commit(WAKER, made.pk)
    return made


def _scheduled(source: GitSource, why: str, now: datetime) -> GitSync:
    with transaction.atomic():
        return _ask(source, "sync", False, why, None, now)


def _end(row: GitSync, state: str, message: str, now: datetime, *, passing: bool = False, tells: bool = True) -> None:
    """Keep the report, tell whom it concerns, and say in the log what a commit led to.

    ``passing``: what stopped it may be over by itself.
    """
    lines: list[Line] = [one for one in row.report if isinstance(one, Line)]
    counts = dict(Counter(one.outcome for one in lines))
    with transaction.atomic():
        GitSync.objects.filter(pk=row.pk).update(
            state=state,
            commit=row.commit,
            counts=counts,
            report=[one.as_dict() for one in sorted(lines, key=_first)[:MOST_LINES]],
            message=message[:400],
            ended_at=max(now, clock.now()),
            lease_until=None,
        )
        if row.mode == "sync" and tells:
            look_told(row, state=state, message=message, passing=passing, now=now)
        if row.mode == "sync" and row.commit:
            data = {"sync": row.pk, "commit": row.commit, "counts": counts, "because": row.asked_name}
            _audit(platform_for(row.asked_name), row.source, "git-source.applied", data, now)
        _forget(row)


def _forget(row: GitSync) -> None:
    """Drop the oldest looks at its source."""
    old = GitSync.objects.filter(source_id=row.source_id).order_by("-pk").values_list("pk", flat=True)[MOST_KEPT:]
    GitSync.objects.filter(pk__in=list(old), state__in=("done", "failed")).delete()


def _first(line: Line) -> tuple[bool, str, int]:
    return line.outcome == "unchanged", line.file, line.line or 0


def _audit(actor: Actor, row: GitSource, action: str, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="git-source",
        object_id=row.pk,
        object_label=row.name,
        team_slug=row.team.slug,
        data=data,
        now=now,
    )

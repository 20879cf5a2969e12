"""Imports as rows: asked for by an admin, a schedule or a push, carried out by a worker, kept as a report.

An import that was asked for stays until a worker has it: a message is only a hint. A worker holds it for a while;
one that dies is followed by another, and nothing is written twice, because what is there already is unchanged. Reading
takes place outside of any transaction. Lock order: source row, then the audit head.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from django.db import InterfaceError, OperationalError, transaction

from governance.access import rights_of
from governance.models import CatalogImport, CatalogSource
from governance.services.audit import audit_append
from governance.services.backstage_fetch import source_read
from governance.services.backstage_import import MOST_TRIED, Outcome, entities_import, entities_preview
from governance.services.backstage_reading import SourceFile
from governance.services.backstage_sources import source_get
from governance.services.leased_jobs import job_claim, jobs_waiting
from idp.kernel import clock
from idp.kernel.actor import Actor, platform_for
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, SlipwayError, Transient
from idp.kernel.wake import wake, wake_after_commit

log = structlog.get_logger(__name__)

MOST_KEPT: Final = 50
"""Imports of one source that are kept with their reports."""
MOST_FILES: Final = 500
LONGEST_PATH: Final = 300
WAKER: Final = "catalog-import"


@transaction.atomic
def import_ask(
    actor: Actor,
    *,
    source: str,
    preview: bool = False,
    files: Sequence[tuple[str, bytes]] | None = None,
    now: datetime,
) -> CatalogImport:
    """Queue an import of a source, or a preview of it. ``files`` are (path, content) of an upload, all of the source.

    Platform admins only. InvalidInput for files that a source with an address does not take, and for none at all.
    """
    rights_of(actor).require_admin()
    row = source_get(source)
    if (row.kind == "upload") != (files is not None):
        told = (
            "Upload the files of this source." if files is None else f"{source} is read at its address; upload nothing."
        )
        raise InvalidInput(told, errors=[FieldError("files", told)])
    made = _ask(row, "preview" if preview else "import", _packed(files), actor.username, actor.user_id, now)
    _audit(actor, row, "catalog-source.import", {"import": made.pk, "preview": preview}, now)
    return made


@transaction.atomic
def import_apply(actor: Actor, *, import_id: int, now: datetime) -> CatalogImport:
    """Import what a preview has shown. Conflict when it is none, or its files are no longer kept."""
    rights_of(actor).require_admin()
    looked = import_get(import_id)
    if looked.mode != "preview" or looked.state != "done":
        raise Conflict("Only a preview that is done can be imported.", code="illegal-state")
    if looked.source.kind == "upload" and looked.payload is None:
        raise Conflict("This preview was imported already.", remedy="Upload the files again.", code="illegal-state")
    payload = None if looked.payload is None else bytes(looked.payload)
    made = _ask(looked.source, "import", payload, actor.username, actor.user_id, now)
    CatalogImport.objects.filter(pk=looked.pk).update(payload=None)
    _audit(actor, looked.source, "catalog-source.import", {"import": made.pk, "preview": False}, now)
    return made


def import_get(import_id: int) -> CatalogImport:
    row = CatalogImport.objects.select_related("source__owner").filter(pk=import_id).first()
    if row is None:
        raise NotFound("There is no such import.")
    return row


def import_pushed(source: CatalogSource, *, now: datetime) -> CatalogImport | None:
    """Queue an import because the Git host told of a push; None while one is waiting to be carried out already."""
    if CatalogImport.objects.filter(source=source, mode="import", state="queued").exists():
        return None
    return _scheduled(source, "a push", now)


def imports_sweep(*, now: datetime) -> int:
    """Queue what is due by schedule and wake workers for what waits or was left behind; how many wait."""
    for source in CatalogSource.objects.filter(due_at__lte=now, every__gt=0).order_by("due_at")[:50]:
        later = now + timedelta(minutes=source.every)
        mine = CatalogSource.objects.filter(pk=source.pk, due_at=source.due_at).update(due_at=later)
        if mine and not CatalogImport.objects.filter(source=source, state__in=("queued", "running")).exists():
            _scheduled(source, "its schedule", now)
    waiting = jobs_waiting(CatalogImport.objects.all(), now=now)
    for number in waiting:
        if not wake(WAKER, number):
            break
    return len(waiting)


def import_carry_out(import_id: int, *, now: datetime) -> None:
    """Carry one import out. Safe to call twice, late, never, or from many workers at once."""
    row = _claimed(import_id, now)
    if row is None:
        return
    try:
        outcome, message = _carried_out(row, now)
    except (OperationalError, InterfaceError):
        raise
    except SlipwayError as error:
        _end(row, None, f"{error.message} {error.remedy}".strip(), now, again=isinstance(error, Transient))
    except Exception as error:  # whoever waits for the report is told; it would stay open else
        log.exception("catalog_import_fault", catalog_import=import_id)
        _end(row, None, f"Slipway itself failed ({type(error).__name__}). Import again.", now)
    else:
        _end(row, outcome, message, now)


def _carried_out(row: CatalogImport, now: datetime) -> tuple[Outcome | None, str]:
    source = row.source
    files = _unpacked(row.payload) if row.payload is not None else None
    read = source_read(source, files, anew=row.mode == "preview" or row.asked_by_id is not None)
    if read.gathered is None:
        return None, "Nothing has changed there since the import before."
    actor = platform_for(row.asked_name)
    if row.mode == "preview":
        looked = entities_preview(actor, source=source, gathered=read.gathered, now=now)
        large = len(looked.created) + len(looked.changed) > MOST_TRIED
        told = f"More than {MOST_TRIED:,} entities differ: names and owners are looked at when they are imported."
        return looked, told if large else ""
    outcome = entities_import(actor, source=source, gathered=read.gathered, now=now)
    learnt = {"known": read.known} | ({"host_key": read.host_key} if read.host_key and not source.host_key else {})
    CatalogSource.objects.filter(pk=source.pk, version=source.version).update(**learnt)
    return outcome, ""


def _ask(
    source: CatalogSource, mode: str, payload: bytes | None, name: str, user_id: int | None, now: datetime
) -> CatalogImport:
    made = CatalogImport.objects.create(
        source=source, mode=mode, payload=payload, asked_by_id=user_id, asked_name=name, asked_at=now
    )
    wake_after_commit(WAKER, made.pk)
    return made


def _scheduled(source: CatalogSource, why: str, now: datetime) -> CatalogImport:
    with transaction.atomic():
        made = _ask(source, "import", None, source.changed_by.username if source.changed_by else why, None, now)
        data = {"import": made.pk, "because": why}
        _audit(platform_for(made.asked_name), source, "catalog-source.import", data, now)
    return made


def _claimed(import_id: int, now: datetime) -> CatalogImport | None:
    """The import, held for a while; None when it is done, somebody's, or its source is being imported."""
    row, mine = job_claim(CatalogImport.objects.select_related("source__owner"), import_id, now=now)
    if row is not None and not mine:
        _end(row, None, "Workers ended in the middle of it several times. Import again, or fewer files.", now)
    return row if mine else None


def _end(row: CatalogImport, outcome: Outcome | None, message: str, now: datetime, *, again: bool = False) -> None:
    """Keep the report; a file that was uploaded is kept only with a preview, which may be imported yet."""
    failed = outcome is None and not message.startswith("Nothing has changed")
    ended = max(now, clock.now())
    kept = {} if row.mode == "preview" and not failed else {"payload": None}
    CatalogImport.objects.filter(pk=row.pk).update(
        state="failed" if failed else "done",
        counts=outcome.counts if outcome else {},
        report=outcome.as_dict() if outcome else {},
        message=f"{message}{' It is tried again by schedule.' if again and row.source.every else ''}"[:400],
        ended_at=ended,
        lease_until=None,
        **kept,
    )
    old = CatalogImport.objects.filter(source_id=row.source_id).order_by("-pk").values_list("pk", flat=True)[MOST_KEPT:]
    CatalogImport.objects.filter(pk__in=list(old), state__in=("done", "failed")).delete()


def _packed(files: Sequence[tuple[str, bytes]] | None) -> bytes | None:
    if files is None:
        return None
    if not files or len(files) > MOST_FILES:
        told = f"Upload 1 to {MOST_FILES} files."
        raise InvalidInput(told, errors=[FieldError("files", told)])
    listed = [(path.replace("\x00", "")[:LONGEST_PATH], content.decode("latin-1")) for path, content in files]
    return zlib.compress(json.dumps(listed).encode())


def _unpacked(payload: Any) -> list[SourceFile]:
    listed = json.loads(zlib.decompress(bytes(payload)))
    return [SourceFile(path, content.encode("latin-1")) for path, content in listed]


def _audit(actor: Actor, row: CatalogSource, action: str, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="catalog-source",
        object_id=row.pk,
        object_label=row.name,
        data=data,
        now=now,
    )

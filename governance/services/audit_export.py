"""The audit log outside of Slipway: exports that anybody can check, a head that is anchored, and what is kept for how
long.

An export is JSON Lines: how it begins, the entries in order, the head with its signature. ``deploy/audit/
verify_export.py`` checks it without our code.
"""

from __future__ import annotations

import base64
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.db import transaction

from governance.access import Rights
from governance.models import AuditCheckpoint, AuditEntry, AuditHead
from governance.services.audit import HEAD, audit_append, entries_after
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.canonical import canonical_json
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, Transient

FORMAT = "slipway-audit/1"
SHORTEST = timedelta(days=30)
"""Nobody removes entries that are younger."""
ANCHOR_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log at one moment: what an export or an anchor vouches for."""

    sequence: int
    hash: str
    at: datetime

    def as_data(self) -> dict[str, Any]:
        return {"sequence": self.sequence, "hash": self.hash, "at": _text(self.at)}

    def signed(self) -> dict[str, Any]:
        """The head with the signature over its canonical JSON; without one where no key is set."""
        key = _key()
        if key is None:
            return {"head": self.as_data(), "signature": "", "public_key": ""}
        signature = key.sign(canonical_json(self.as_data()).encode())
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"head": self.as_data(), "signature": _b64(signature), "public_key": _b64(public)}


def audit_head(now: datetime) -> Head:
    """The end of the log as it is now."""
    head = AuditHead.objects.filter(pk=HEAD).first()
    return Head(head.sequence if head else 0, head.hash if head else "", now)


def audit_export(rights: Rights, *, now: datetime, after: int = 0, until: int | None = None) -> Iterator[str]:
    """Lines of an export of the entries with ``after < sequence <= until`` (all when None), newline included.

    Raises Forbidden for whoever may not read the whole log, at once and not with the first line.
    """
    if not rights.may_read_audit(None):
        raise Forbidden("Only admins and auditors may export the audit log.")
    return _lines(now=now, after=after, until=until)


def _lines(*, now: datetime, after: int, until: int | None) -> Iterator[str]:
    head = audit_head(now)
    last = head.sequence if until is None else min(until, head.sequence)
    after = max(after, _first() - 1)
    before = _hash_at(after)
    yield _line({"format": FORMAT, "first": after + 1, "previous_hash": before, "exported_at": _text(now)})
    reached = Head(after, before, now)
    for entry, stored in entries_after(after, last):
        yield _line(entry.fields() | {"hash": stored})
        reached = Head(entry.sequence, stored, now)
    # To its end the log's own head is signed, not what was found: so a log whose end was touched does not fit it.
    yield _line((head if last == head.sequence else reached).signed())


def audit_retain(actor: Actor, rights: Rights, *, older_than: timedelta, folder: Path, now: datetime) -> Path | None:
    """Export the entries older than ``older_than`` into ``folder``, then remove them; None when there are none.

    The file is complete on disk before anything is removed, and a checkpoint keeps the chain provable: the rest goes on
    from its hash. Raises InvalidInput for a span under SHORTEST, Conflict when the file exists.
    """
    rights.require_admin()
    if older_than < SHORTEST:
        raise InvalidInput(f"Keep at least {SHORTEST.days} days.")
    last = AuditEntry.objects.filter(at__lt=now - older_than).order_by("-sequence").first()
    if last is None:
        return None
    path = folder / f"audit-{_first()}-{last.sequence}.jsonl"
    if path.exists():
        raise Conflict(f"{path} exists already.", remedy="Move it away, or choose another folder.")
    _write(path, _lines(now=now, after=0, until=last.sequence))
    with transaction.atomic():
        AuditCheckpoint.objects.create(sequence=last.sequence, hash=last.hash, at=now, exported_to=str(path)[:400])
        AuditEntry.objects.filter(sequence__lte=last.sequence).delete()
        audit_append(
            actor,
            action="audit.retain",
            object_type="audit",
            object_id=last.sequence,
            object_label=path.name,
            data={"until": last.sequence, "hash": last.hash},
            now=now,
        )
    return path


def audit_anchor(*, now: datetime, target: str | None = None) -> bool:
    """Write the signed head to ``SLIPWAY_AUDIT_ANCHOR``; whether there is one. Raises Transient when it cannot.

    A file gets one line more. An address gets a POST of the same JSON and must answer with 2xx.
    """
    where = settings.AUDIT_ANCHOR if target is None else target
    if not where:
        return False
    line = _line(audit_head(now).signed())
    try:
        if where.startswith(("https://", "http://")):
            _post(where, line)
        else:
            with Path(where).open("a", encoding="utf-8") as file:
                _flushed(file, [line])
    except (OSError, urllib3.exceptions.HTTPError) as error:
        raise Transient(f"The audit log's head could not be anchored: {type(error).__name__}.") from None
    return True


def audit_anchor_quietly(*, now: datetime) -> None:
    """Anchor, and note in the log itself when that was not possible."""
    try:
        audit_anchor(now=now)
    except Transient as error:
        with transaction.atomic():
            audit_append(
                PLATFORM,
                action="audit.anchor-failed",
                object_type="audit",
                object_id=0,
                object_label="head",
                data={"why": error.message},
                now=now,
            )


def _first() -> int:
    """Number of the oldest entry that is kept."""
    checkpoint = AuditCheckpoint.objects.first()
    return checkpoint.sequence + 1 if checkpoint else 1


def _hash_at(sequence: int) -> str:
    if sequence <= 0:
        return ""
    checkpoint = AuditCheckpoint.objects.filter(sequence=sequence).first()
    if checkpoint is not None:
        return checkpoint.hash
    entry = AuditEntry.objects.filter(sequence=sequence).first()
    return entry.hash if entry else ""


def _write(path: Path, lines: Iterator[str]) -> None:
    """The whole file or none, on disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        _flushed(file, lines)
    os.chmod(file.name, 0o600)
    os.rename(file.name, path)


def _flushed(file: IO[str], lines: Iterator[str] | list[str]) -> None:
    file.writelines(lines)
    file.flush()
    os.fsync(file.fileno())


def _post(url: str, line: str) -> None:
    pool = urllib3.PoolManager(retries=False)
    headers = {"Content-Type": "application/json", "User-Agent": "slipway"}
    answer = pool.request("POST", url, body=line.encode(), headers=headers, timeout=ANCHOR_TIMEOUT, redirect=False)
    if not 200 <= answer.status < 300:
        raise OSError(f"HTTP {answer.status}")


def _key() -> Ed25519PrivateKey | None:
    text = settings.AUDIT_SIGNING_KEY
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(text)) if text else None


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""The append-only chain of what happened. Every use case appends its entry in its own transaction.

Lock order everywhere: the change row, then the quota row, then the audit head, which is taken last of all and held
to the end of the transaction. So append as late as possible.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from governance.domain.audit import Broken, Entry, broken_links, public_data
from governance.models import AuditCheckpoint, AuditEntry, AuditHead
from governance.services.transactions import require_transaction
from idp.kernel.actor import Actor

HEAD = 1
CHUNK = 1_000
_PLACES = ("system", "environment", "run", "change")
"""Kinds of object that are a place, or say in their data which one they are about."""
_NOTHING: Mapping[str, Any] = {}


def audit_append(
    actor: Actor,
    *,
    action: str,
    object_type: str,
    object_id: int | str,
    object_label: str,
    now: datetime,
    team_slug: str = "",
    place: str = "",
    behalf: str = "",
    data: Mapping[str, Any] = _NOTHING,
) -> AuditEntry:
    """Append one entry. Locks the audit head; three queries.

    ``action`` is ``<object>.<verb>`` (``team.create``). ``place`` is the system, or ``system/environment``, that it is
    about; what happened to one of these themselves needs none. ``behalf`` names whom the actor acted for, when the
    actor does not say so itself. Whoever asks for a person (``Actor.agent``) is the actor of the entry, on behalf of
    that person. Texts are cut to what the table holds. ``data`` must not hold secrets; what is named
    like one is hidden anyway.
    """
    require_transaction("audit_append")
    named = str(data.get("environment", "")) if object_type == "change" else object_label
    system, _, environment = (place or (named if object_type in _PLACES else "")).partition("/")
    head = _locked_head()
    entry = Entry(
        sequence=head.sequence + 1,
        at=now,
        actor_id=actor.agent_id or actor.user_id,
        actor_name=_cut(actor.agent or actor.username, 150),
        via=actor.via,
        action=_cut(action, 60),
        object_type=_cut(object_type, 40),
        object_id=_cut(str(object_id), 60),
        object_label=_cut(object_label, 200),
        team_slug=_cut(team_slug, 30),
        data=public_data(data),
        request_id=_cut(actor.request_id, 40),
        previous_hash=head.hash,
        token_id=actor.token_id,
        behalf=_cut(behalf or actor.behalf or (actor.username if actor.agent else ""), 150),
        address=_cut(actor.address, 45),
        system_slug=_cut(system, 40),
        environment_name=_cut(environment, 40),
    )
    row = AuditEntry.objects.create(**{name: getattr(entry, name) for name in _FIELDS}, hash=entry.hash())
    AuditHead.objects.filter(pk=head.pk).update(sequence=row.sequence, hash=row.hash)
    return row


def audit_verify() -> list[Broken]:
    """Every fault in the chain up to the head as it is now, by sequence; empty when the chain is whole.

    Reads by keyset in chunks, so that a long log needs little memory, and new entries meanwhile do not disturb it.
    """
    head = AuditHead.objects.filter(pk=HEAD).first()
    if head is None:
        return [Broken(row.sequence, "has no head") for row in AuditEntry.objects.order_by("sequence")[:1]]
    kept = AuditCheckpoint.objects.first()
    start, before = (kept.sequence + 1, kept.hash) if kept else (1, "")
    found = list(broken_links(entries_after(start - 1, head.sequence), start=start, previous_hash=before))
    found += _beyond(head)
    if kept is not None and kept.sequence == head.sequence:
        return found if kept.hash == head.hash else [*found, Broken(kept.sequence, "is not what the head names")]
    last = AuditEntry.objects.filter(sequence__lte=head.sequence).order_by("-sequence").first()
    if (last.sequence if last else 0) < head.sequence:
        found.append(Broken(head.sequence, "was removed from the end"))
    elif last is not None and last.hash != head.hash:
        found.append(Broken(head.sequence, "is not the entry that the head names"))
    return found


_FIELDS = tuple(Entry.__dataclass_fields__)


def _beyond(head: AuditHead) -> list[Broken]:
    """Entries that no head has counted; what was appended since is counted by the head as it is by then."""
    newest = AuditEntry.objects.filter(sequence__gt=head.sequence).order_by("-sequence").first()
    if newest is None:
        return []
    now = AuditHead.objects.filter(pk=HEAD).first()
    counted = now.sequence if now else 0
    rows = AuditEntry.objects.filter(sequence__gt=counted).order_by("sequence").values_list("sequence", flat=True)
    return [Broken(sequence, "was inserted") for sequence in rows[:100]]


def _locked_head() -> AuditHead:
    head = AuditHead.objects.select_for_update().filter(pk=HEAD).first()
    if head is None:
        AuditHead.objects.get_or_create(pk=HEAD)
        head = AuditHead.objects.select_for_update().get(pk=HEAD)
    return head


def entries_after(after: int, until: int) -> Iterator[tuple[Entry, str]]:
    """Entries with ``after < sequence <= until`` and their stored hashes, in order, read in chunks."""
    reached = after
    while True:
        rows = list(AuditEntry.objects.filter(sequence__gt=reached, sequence__lte=until).order_by("sequence")[:CHUNK])
        if not rows:
            return
        for row in rows:
            yield Entry(**{name: getattr(row, name) for name in _FIELDS}), row.hash
        reached = rows[-1].sequence


def _cut(text: str, length: int) -> str:
    return text.replace("\x00", "")[:length]

"""One import of one source: what is new, changed, gone or wrong, and then the writing of it, document by document.

Called by ``backstage_runs`` from a worker, with all files of the source. Entities are written in batches of whole
documents: each batch is one transaction that holds the entities, their relations, the rows of ours that they become
and an audit entry, so that a document is there or not, never a part of it. A batch that the database refuses is split
until the one that is wrong stands alone and is refused. Nothing is deleted: what the source no longer has is marked.

Lock order: rows of the catalog, entities, then the audit head.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F

from governance.access import rights_of
from governance.domain.backstage.findings import Finding
from governance.domain.backstage.relations import relations_of
from governance.models import CatalogSource, Entity, EntityRelation
from governance.services.audit import audit_append
from governance.services.backstage_reading import Gathered, Item
from governance.services.backstage_rows import NOTHING, Link, Rows, dependencies_write, rows_take
from idp.kernel.actor import Actor
from idp.kernel.errors import UserFault

BATCH: Final = 500
MOST_LISTED: Final = 1_000
"""Entries of each list of a report; its counts are whole."""
MOST_TRIED: Final = 2_000
"""Entities up to which a preview also tries what they become; above, that would hold the catalog too long."""
_ORDER: Final = ("group", "user", "domain", "system", "component")
_FIELDS: Final = (
    *("source", "kind", "namespace", "name", "api_version", "title", "data", "digest", "file", "line", "orphaned_at"),
    *("team", "system", "component", "person", "made", "note", "changed_at"),
)


@dataclass(slots=True)
class Outcome:
    """References by what becomes of them. ``noted`` are entities that are kept though something about them is not."""

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    orphaned: list[str] = field(default_factory=list)
    refused: list[Finding] = field(default_factory=list)
    noted: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        lists = ("created", "changed", "orphaned", "refused", "noted")
        return {name: len(getattr(self, name)) for name in lists} | {"unchanged": self.unchanged}

    def as_dict(self) -> dict[str, Any]:
        """As it is kept, each list up to ``MOST_LISTED``."""
        listed = {name: sorted(getattr(self, name))[:MOST_LISTED] for name in ("created", "changed", "orphaned")}
        found = {name: [one.as_dict() for one in getattr(self, name)[:MOST_LISTED]] for name in ("refused", "noted")}
        return listed | found


@dataclass(frozen=True, slots=True)
class Stored:
    """An entity as it is here, without its data."""

    id: int
    digest: str
    source_id: int
    file: str
    orphaned: bool
    unlinked: bool


def entities_preview(actor: Actor, *, source: CatalogSource, gathered: Gathered, now: datetime) -> Outcome:
    """What an import would do. Platform admins only; writes nothing that stays."""
    rights_of(actor).require_admin()
    work, outcome, _ = _sorted_out(source, gathered)
    if len(work) <= MOST_TRIED:
        with transaction.atomic():
            rows = Rows.load(source)
            for batch in _batches(work):
                _try(actor, rows, batch, outcome, now)
            transaction.set_rollback(True)
        outcome.noted = rows.notes
    return outcome


def entities_import(actor: Actor, *, source: CatalogSource, gathered: Gathered, now: datetime) -> Outcome:
    """Write what is new or changed, mark what is gone. Platform admins only, or the platform for them.

    Each batch is a transaction of its own, so this is not called inside one that should hold it all.
    """
    rights_of(actor).require_admin()
    work, outcome, gone = _sorted_out(source, gathered)
    rows = Rows.load(source)
    for batch in _batches(work):
        rows = _write(actor, rows, batch, outcome, now)
    outcome.noted = rows.notes
    _mark(actor, rows, gone, outcome, now)
    return outcome


def _sorted_out(source: CatalogSource, gathered: Gathered) -> tuple[list[Item], Outcome, list[int]]:
    """What must be written, what is known by now of the report, and ids of entities that the source no longer has.

    An entity of a file in which something is wrong is not gone: its document may be the one that cannot be read.
    """
    outcome = Outcome(refused=list(gathered.refused))
    stored, names = _stored(), dict(CatalogSource.objects.values_list("pk", "name"))
    work = []
    for ref, item in gathered.items.items():
        known = stored.get(ref)
        if known is not None and known.source_id != source.pk and not known.orphaned:
            told = f"{ref} comes from source {names.get(known.source_id, '?')} already; remove it from one of them."
            outcome.refused.append(item.finding("other-source", told, "metadata.name"))
        elif known is None:
            outcome.created.append(ref)
            work.append(item)
        elif _differs(known, item, source):
            outcome.changed.append(ref)
            work.append(item)
        else:
            outcome.unchanged += 1
            if known.unlinked and item.kind in ("group", "user", "system", "component"):
                work.append(item)
    broken = {one.file for one in outcome.refused}
    gone = [
        ref
        for ref, known in stored.items()
        if known.source_id == source.pk
        and not known.orphaned
        and ref not in gathered.items
        and known.file not in broken
    ]
    outcome.orphaned = gone
    work.sort(key=lambda item: _ORDER.index(item.kind) if item.kind in _ORDER else len(_ORDER))
    return work, outcome, [stored[ref].id for ref in gone]


def _differs(known: Stored, item: Item, source: CatalogSource) -> bool:
    return known.digest != item.digest or known.orphaned or known.file != item.file or known.source_id != source.pk


def _stored() -> dict[str, Stored]:
    names = ("pk", "digest", "source_id", "file", "orphaned_at", "note")
    rows = Entity.objects.order_by().values_list("ref", *names)
    return {
        ref: Stored(pk, digest, source_id, file, orphaned_at is not None, bool(note))
        for ref, pk, digest, source_id, file, orphaned_at, note in rows.iterator(chunk_size=5_000)
    }


def _batches(work: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (work[start : start + BATCH] for start in range(0, len(work), BATCH))


def _try(actor: Actor, rows: Rows, batch: Sequence[Item], outcome: Outcome, now: datetime) -> None:
    try:
        with transaction.atomic():
            rows_take(actor, rows, batch, now=now)
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ValidationError, UserFault) as error:
        outcome.refused.append(Finding("not-stored", f"Something here cannot be stored: {_words(error)}"))


def _write(actor: Actor, rows: Rows, batch: Sequence[Item], outcome: Outcome, now: datetime) -> Rows:
    """Write a batch, or as much of it as can be; the rows as they are afterwards."""
    notes = len(rows.notes)
    try:
        with transaction.atomic():
            _write_whole(actor, rows, batch, outcome, now)
        return rows
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ValidationError, UserFault) as error:
        kept = rows.notes[:notes]
        rows = Rows.load(rows.source)
        rows.notes = kept
        if len(batch) == 1:
            _refuse(batch[0], error, outcome)
            return rows
    half = len(batch) // 2
    rows = _write(actor, rows, batch[:half], outcome, now)
    return _write(actor, rows, batch[half:], outcome, now)


def _refuse(item: Item, error: Exception, outcome: Outcome) -> None:
    outcome.refused.append(item.finding("not-stored", f"It cannot be stored: {_words(error)}"))
    for refs in (outcome.created, outcome.changed):
        if item.ref in refs:
            refs.remove(item.ref)


def _words(error: Exception) -> str:
    if isinstance(error, UserFault):
        return error.message
    if isinstance(error, ValidationError):
        return error.messages[0]
    return "the database refuses it, or somebody changed the same thing meanwhile. Import again."


def _write_whole(actor: Actor, rows: Rows, batch: Sequence[Item], outcome: Outcome, now: datetime) -> None:
    rows_take(actor, rows, batch, now=now)
    made = Entity.objects.bulk_create(
        [_entity(rows, item, now) for item in batch],
        update_conflicts=True,
        unique_fields=["ref"],
        update_fields=list(_FIELDS),
    )
    _relate(rows, batch, {entity.ref: entity.pk for entity in made})
    data = {"source": rows.source.name, "entities": [item.ref for item in batch]}
    _audit(actor, rows.source, "catalog.import", data, now)


def _entity(rows: Rows, item: Item, now: datetime) -> Entity:
    link: Link = rows.links.get(item.ref, NOTHING)
    metadata = item.data["metadata"]
    return Entity(
        source=rows.source,
        ref=item.ref,
        kind=item.kind,
        namespace=(metadata.get("namespace") or "default").lower(),
        name=metadata["name"],
        api_version=item.data["apiVersion"],
        title=str(metadata.get("title") or "")[:80],
        data=item.data,
        digest=item.digest,
        file=item.file[:2000],
        line=item.line,
        team_id=link.team_id,
        system_id=link.system_id,
        component_id=link.component_id,
        person_id=link.person_id,
        made=link.made,
        note=link.note,
        created_at=now,
        changed_at=now,
    )


def _relate(rows: Rows, batch: Sequence[Item], ids: dict[str, int]) -> None:
    """Write what the batch says of other entities, and the dependencies that are whole with it."""
    found = [(ids[item.ref], one) for item in batch for one in relations_of(item.data)]
    EntityRelation.objects.filter(entity_id__in=ids.values()).delete()
    EntityRelation.objects.bulk_create(
        EntityRelation(entity_id=pk, type=one.type, source_ref=one.source, target_ref=one.target) for pk, one in found
    )
    components = [item.ref for item in batch if item.kind == "component"]
    if components:
        pairs = [(one.source, one.target) for _, one in found if one.type == "dependsOn"]
        others = EntityRelation.objects.filter(type="dependsOn")
        pairs += others.filter(target_ref__in=components).values_list("source_ref", "target_ref")
        pairs += others.filter(source_ref__in=components).values_list("source_ref", "target_ref")
        dependencies_write(rows, components, pairs)


@transaction.atomic
def _mark(actor: Actor, rows: Rows, gone: list[int], outcome: Outcome, now: datetime) -> None:
    """Mark orphans, put what came before its system into it, and say in the log what the import came to."""
    source = rows.source
    _settle(rows)
    for start in range(0, len(gone), BATCH):
        Entity.objects.filter(pk__in=gone[start : start + BATCH]).update(orphaned_at=now)
    codes = Counter(one.code for one in outcome.refused)
    data = {**outcome.counts, "reasons": dict(codes), "orphans": outcome.orphaned[:MOST_LISTED]}
    _audit(actor, source, "catalog.imported", data, now)


def _settle(rows: Rows) -> None:
    """Entities that name a system which came later belong to it now: it decides who sees them."""
    found = EntityRelation.objects.filter(type="partOf", source_ref=F("entity__ref"), entity__system=None)
    homes: dict[int, list[int]] = {}
    for entity_id, system in found.filter(target_ref__startswith="system:").values_list("entity_id", "target_ref"):
        number = rows.links.get(system, NOTHING).system_id
        if number is not None:
            homes.setdefault(number, []).append(entity_id)
    for number, ids in homes.items():
        for start in range(0, len(ids), BATCH):
            Entity.objects.filter(pk__in=ids[start : start + BATCH]).update(system_id=number)


def _audit(actor: Actor, source: CatalogSource, action: str, data: dict[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="catalog-source",
        object_id=source.pk,
        object_label=source.name,
        data=data,
        now=now,
    )

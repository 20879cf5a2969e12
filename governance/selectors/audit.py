"""The audit log as people read it: admins and auditors all of it, members their own teams' part.

Searched newest first, by the time and then the number of entries: every filter has an index in this order, so that a
page of a log of millions costs no more than one of a short log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection
from django.db.models import CharField, F, Func, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from governance.access import Rights
from governance.domain.audit import Entry
from governance.models import AuditCheckpoint, AuditEntry
from idp.kernel import keyset
from idp.kernel.errors import FieldError, Forbidden, InvalidInput, NotFound

ORDER = ("-at", "-sequence")
TOGETHER = 50
MOST_AT_ONCE = 10_000
"""Entries of a search that are handed out in one file."""

NARROWEST = (
    ("request_id",), ("object_type", "object_id"), ("object_label",), ("system_slug", "environment_name"), ("behalf",),
    ("actor_name",), ("system_slug",), ("action",), ("team_slug",), ("object_type",),
)  # fmt: skip
"""Filters by how few entries they leave, each with an index of its own."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; empty says nothing. ``action`` may be the beginning of one: ``change``, ``change.approve``.

    ``place`` is a system, or ``system/environment``. ``since`` counts with it, ``until`` does not.
    """

    actor: str = ""
    behalf: str = ""
    action: str = ""
    object_type: str = ""
    object_id: str = ""
    name: str = ""
    place: str = ""
    team: str = ""
    request: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search_of(given: Mapping[str, str]) -> Search:
    """A search as an address says it. InvalidInput for a time that is none.

    ``since`` and ``until`` are moments (``2026-11-22T09:30:00Z``) or days of the installation's time zone; a day counts
    whole.
    """
    texts = {name: given.get(name, "").replace("\x00", "").strip()[:200] for name in Search.__dataclass_fields__}
    since, until = _moment("since", texts.pop("since")), _moment("until", texts.pop("until"), whole_day=True)
    return Search(**texts, since=since, until=until)


def audit_list(rights: Rights, search: Search) -> QuerySet[AuditEntry]:
    """Entries that the person may read, newest first; page it with ``keyset`` by ``ORDER``.

    Raises Forbidden for somebody who may read none (or none of the team asked for). One query more with an action,
    which may be named by its beginning.
    """
    own = _own(rights)
    if search.team and own is not None and search.team not in own:
        raise Forbidden("Only admins, auditors and developers of a team may read its audit log.")
    system, _, environment = search.place.partition("/")
    wanted = {
        "team_slug": [search.team] if search.team else sorted(own or ()),
        "actor_name": [search.actor],
        "behalf": [search.behalf],
        "object_type": [search.object_type],
        "object_id": [search.object_id],
        "object_label": [search.name],
        "system_slug": [system],
        "environment_name": [environment],
        "request_id": [search.request],
        "action": _actions(search.action) if search.action else [],
    }
    rows = _narrowed({name: values for name, values in wanted.items() if any(values)})
    if search.since:
        rows = rows.filter(at__gte=search.since)
    if search.until:
        rows = rows.filter(at__lt=search.until)
    return rows.order_by(*ORDER)


def audit_get(rights: Rights, number: int) -> AuditEntry:
    """One entry; NotFound when there is none, or none that the person may read."""
    own = _own(rights)
    entry = AuditEntry.objects.filter(sequence=number).first()
    if entry is None or (own is not None and entry.team_slug not in own):
        raise NotFound(f"There is no audit entry {number} that you may read.")
    return entry


def audit_together(rights: Rights, entry: AuditEntry) -> list[AuditEntry]:
    """The other entries of the same request that the person may read, in their order. No query without a request."""
    if not entry.request_id:
        return []
    rows = audit_list(rights, Search(request=entry.request_id)).exclude(sequence=entry.sequence)
    return list(reversed(rows[:TOGETHER]))


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an entry is as it was written, and follows the one before it; None where that one is not kept."""

    intact: bool
    follows: bool | None
    before: int | None
    after: int | None


def audit_standing(entry: AuditEntry) -> Standing:
    """How ``entry`` stands in the chain, worked out from its own fields and the hashes beside it. Two queries."""
    beside = AuditEntry.objects.filter(sequence__in=(entry.sequence - 1, entry.sequence + 1))
    hashes = dict(beside.values_list("sequence", "hash"))
    before = hashes.get(entry.sequence - 1)
    if before is None:
        before = AuditCheckpoint.objects.filter(sequence=entry.sequence - 1).values_list("hash", flat=True).first()
    if entry.sequence == 1:
        before = ""
    return Standing(
        intact=link_of(entry).hash() == entry.hash,
        follows=None if before is None else entry.previous_hash == before,
        before=entry.sequence - 1 if entry.sequence - 1 in hashes else None,
        after=entry.sequence + 1 if entry.sequence + 1 in hashes else None,
    )


def audit_rows(rows: QuerySet[AuditEntry], *, most: int = MOST_AT_ONCE) -> Iterator[AuditEntry]:
    """At most ``most`` entries of a search, read page by page, so that a long answer needs little memory."""
    cursor, left = None, most
    while left > 0:
        found = keyset.page(rows, order=ORDER, cursor=cursor, limit=min(left, keyset.MAX_LIMIT))
        yield from found.items
        left -= len(found.items)
        cursor = found.next
        if cursor is None:
            return


def link_of(entry: AuditEntry) -> Entry:
    """The row as a link of the chain, whose hash is worked out from it."""
    return Entry(**{name: getattr(entry, name) for name in Entry.__dataclass_fields__})


def entry_data(entry: AuditEntry) -> dict[str, Any]:
    """An entry as an export and a download write it: what the hash covers, and the hash."""
    return link_of(entry).fields() | {"hash": entry.hash}


def known_actions() -> list[str]:
    """The actions that occur, in order."""
    return _distinct("action")


def known_kinds() -> list[str]:
    """The kinds of object that occur, in order."""
    return _distinct("object_type")


def may_read_any(rights: Rights) -> bool:
    """Whether the person may read some part of the log."""
    return rights.may_read_audit(None) or (
        rights.has_scope("read") and not rights.actor.systems and bool(rights.audited_teams())
    )


def _own(rights: Rights) -> frozenset[str] | None:
    """Slugs of the teams whose entries the person may read, None for all; Forbidden for none."""
    rights.require_scope("read")
    if rights.may_read_audit(None):
        return None
    if not may_read_any(rights):
        raise Forbidden("Only admins, auditors and developers of a team may read its audit log.")
    return rights.audited_teams()


def _narrowed(wanted: Mapping[str, list[str]]) -> QuerySet[AuditEntry]:
    """Entries whose fields have one of the values each; the narrowest filter is the one whose index is walked.

    PostgreSQL knows by itself which that is; SQLite does not, and is kept from the indexes of the others.
    """
    leading = next((names for names in NARROWEST if set(names) <= set(wanted)), ())
    rows = AuditEntry.objects.all()
    for name, values in wanted.items():
        field = name
        if name not in leading:
            field = f"{name}_beside"
            rows = rows.alias(**{field: _Beside(F(name))})
        # One value alone is compared as such, so that its index gives the order as well.
        rows = rows.filter(**({field: values[0]} if len(values) == 1 else {f"{field}__in": values}))
    return rows


class _Beside(Func):
    """A column that SQLite must not look for an index of."""

    template = "%(expressions)s"
    output_field = CharField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="+%(expressions)s", **context)


def _moment(field: str, text: str, *, whole_day: bool = False) -> datetime | None:
    if not text:
        return None
    try:
        day = parse_date(text)
        found = datetime.combine(day, time.min) if day else parse_datetime(text)
    except (ValueError, OverflowError):
        day = found = None
    if found is None:
        message = "Write a day such as 2026-11-22, or a moment such as 2026-11-22T09:30:00Z."
        raise InvalidInput(message, errors=[FieldError(field, message)])
    if day and whole_day and day < date.max:
        found += timedelta(days=1)
    return found if found.tzinfo else timezone.make_aware(found)


def _actions(beginning: str) -> list[str]:
    known = known_actions()
    if beginning in known:
        return [beginning]
    return [action for action in known if action.startswith(beginning)] or [beginning]


_DISTINCT = """
    WITH RECURSIVE found(value) AS (
        SELECT MIN({column}) FROM governance_auditentry
        UNION ALL
        SELECT (SELECT MIN({column}) FROM governance_auditentry WHERE {column} > found.value)
        FROM found WHERE found.value IS NOT NULL
    )
    SELECT value FROM found WHERE value IS NOT NULL
"""


def _distinct(column: str) -> list[str]:
    """The values of an indexed column: one probe of the index for each, not one for each entry."""
    with connection.cursor() as cursor:
        cursor.execute(_DISTINCT.format(column=column))
        return [row[0] for row in cursor.fetchall()]

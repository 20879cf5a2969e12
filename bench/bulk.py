"""Inserts rows by the hundred thousand: COPY on PostgreSQL, ``bulk_create`` elsewhere. Called by the seeding only."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, JSONField, Max, Model

BATCH = 1_000
Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)


def batches(items: Iterable[Item], size: int = BATCH) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def keys(model: type[Model], many: int) -> Sequence[int]:
    """Primary keys for rows to be inserted, so that rows may point at each other in a circle."""
    if connection.vendor != "postgresql":
        last = model._default_manager.aggregate(last=Max("pk"))["last"] or 0
        return range(last + 1, last + 1 + many)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, many],
        )
        return [key for (key,) in cursor.fetchall()]


def insert(rows: Iterable[Row]) -> None:
    """Rows of one model; those without a primary key get one. Related rows may be inserted later, before commit."""
    listed = list(rows)
    if not listed:
        return
    model = type(listed[0])
    unnumbered = [row for row in listed if row.pk is None]
    for row, key in zip(unnumbered, keys(model, len(unnumbered)), strict=True):
        row.pk = key
    if connection.vendor != "postgresql":
        model._default_manager.bulk_create(listed)
        return
    fields = model._meta.concrete_fields
    columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in listed:
            row._prepare_related_fields_for_save(operation_name="bulk_create")
            copy.write_row([_plain(field, getattr(row, field.attname)) for field in fields])


def _plain(field: Field[Any, Any], value: Any) -> Any:
    return json.dumps(value) if isinstance(field, JSONField) and value is not None else value

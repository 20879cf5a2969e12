"""Pages of a list by the values of its last row: as quick on page 1,000 as on page 1, and never a COUNT.

Called by every list, page and API alike. A cursor is opaque to people; it holds the last row's values of the
order's fields, and the order, so that one list's cursor is refused by another. The fields of an order must never
be null, and the last one must be unique.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet

from idp.kernel.errors import FieldError, InvalidInput

MAX_LIMIT = 200
MAX_CURSOR = 1_000

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """``next`` is the cursor of the page after this one, None on the last."""

    items: list[Row]
    next: str | None


def page(queryset: QuerySet[Row], *, order: tuple[str, ...], cursor: str | None, limit: int) -> Page[Row]:
    """One page of ``queryset`` in ``order`` (``("-changed_at", "-id")``) after ``cursor``. One query.

    InvalidInput for a cursor that is not of this list, and for a limit outside 1 to 200.
    """
    if not 1 <= limit <= MAX_LIMIT:
        message = f"A page holds 1 to {MAX_LIMIT} rows."
        raise InvalidInput(message, errors=[FieldError("limit", message)])
    rows = queryset.order_by(*order)
    if cursor:
        rows = rows.filter(_after(order, _read(queryset, order, cursor)))
    items = list(rows[: limit + 1])
    if len(items) <= limit:
        return Page(items, None)
    items = items[:limit]
    return Page(items, _write(order, items[-1]))


def _after(order: tuple[str, ...], values: list[Any]) -> Q:
    """Rows behind ``values``; the first field alone bounds the range too, so that an index on it is walked."""
    behind = Q()
    equal = Q()
    for part, value in zip(order, values, strict=True):
        name, comparison = part.lstrip("-"), "lt" if part.startswith("-") else "gt"
        behind |= equal & Q(**{f"{name}__{comparison}": value})
        equal &= Q(**{name: value})
    first = order[0]
    return Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": values[0]}) & behind


def _write(order: tuple[str, ...], row: Model) -> str:
    values = [_text(_value(row, part.lstrip("-")), part) for part in order]
    text = json.dumps([",".join(order), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read(queryset: QuerySet[Row], order: tuple[str, ...], cursor: str) -> list[Any]:
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError("too long")
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        listed, *values = json.loads(text)
        if listed != ",".join(order) or len(values) != len(order) or not all(isinstance(item, str) for item in values):
            raise ValueError("of another list")
        fields = [_field(queryset, part.lstrip("-")) for part in order]
        return [_typed(field, value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, RecursionError, OverflowError, binascii.Error, ValidationError):
        message = "This cursor does not belong to this list; start again from its first page."
        raise InvalidInput(message, code="bad-cursor", errors=[FieldError("cursor", message)]) from None


def _typed(field: Field[Any, Any], text: str) -> Any:
    value = field.to_python(text)
    if value is None or "\x00" in text or (isinstance(value, datetime) and value.tzinfo is None):
        raise ValueError("not a value of this field")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise ValueError("too large")
    return value


def _field(queryset: QuerySet[Row], path: str) -> Field[Any, Any]:
    annotation = queryset.query.annotations.get(path)
    if annotation is not None:
        return annotation.output_field
    model: Any = queryset.model
    *relations, name = path.split("__")
    for relation in relations:
        model = model._meta.get_field(relation).related_model
    return model._meta.pk if name == "pk" else model._meta.get_field(name)


def _value(row: Any, path: str) -> Any:
    for name in path.split("__"):
        row = getattr(row, name)
    return row


def _text(value: Any, part: str) -> str:
    if value is None:
        raise RuntimeError(f"{part} is null in a row, so it cannot order pages")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

"""Which inputs of a living resource may not change as asked: what only grows, and what stays as it was made.

Called by ``revision.resolve`` when a revision replaces another. The rules are annotations of the contract's schema
(``x-grows-only``, ``x-immutable``), so contracts decide and nothing here knows a capability. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from idp.kernel.errors import FieldError
from provisioning.domain.schema import Schema
from provisioning.domain.schema_conditions import applied


def forbidden_changes(
    schema: Schema, before: Mapping[str, Any], after: Mapping[str, Any], path: str = "inputs"
) -> list[FieldError]:
    """What of ``before`` (inputs with defaults) must not become what ``after`` says; paths begin with ``path``."""
    return list(_forbidden(schema, before, after, path))


def _forbidden(schema: Schema, before: Any, after: Any, path: str) -> Iterator[FieldError]:
    unit = f" {schema['x-unit']}" if schema.get("x-unit") else ""
    if schema.get("x-immutable") and before is not None and after != before:
        yield FieldError(path, f"stays {_shown(before)}{unit}: it cannot change once the resource is made")
    elif schema.get("x-grows-only") and _is_number(before) and _is_number(after) and after < before:
        yield FieldError(path, f"must be at least {before}{unit}, which it has now: it only grows")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        properties = {
            **(applied(schema, before).get("properties") or {}),
            **(applied(schema, after).get("properties") or {}),
        }
        for key, child in properties.items():
            yield from _forbidden(child, before.get(key), after.get(key), f"{path}.{key}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"“{value}”" if isinstance(value, str) else str(value)

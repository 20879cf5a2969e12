"""The words of a field: its label and unit, its hint, its placeholder. From the schema alone.

Called by ``schema_form``. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from portal.forms.schema_kinds import Schema, text_of
from provisioning.domain.form_hints import hint_of

UNIT_IN_TITLE: Final = re.compile(r"(?P<label>.+?) \((?P<unit>[^()]{1,12})\)\Z")


def label_of(key: str, schema: Schema) -> tuple[str, str]:
    title = str(schema.get("title") or words_of(key))
    if unit := hint_of(schema).unit:
        return title.removesuffix(f" ({unit})"), unit
    found = UNIT_IN_TITLE.match(title)
    return (found["label"], found["unit"]) if found else (title, "")


def words_of(key: str) -> str:
    """``storageGiB`` and ``max_size`` as words, for a schema that gives no title."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_-]+", " ", key).strip()
    return spaced[:1].upper() + spaced[1:]


def _limits(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"{low} or more"
    return f"at most {high}" if high is not None else ""


def hint_words(schema: Schema, kind: str) -> str:
    said = str(schema.get("description", "")).strip()
    limits = _limits(schema) if kind == "number" else ""
    if not limits or limits in said:
        return said
    return f"{limits[:1].upper()}{limits[1:]}. {said}" if said else f"{limits[:1].upper()}{limits[1:]}"


def placeholder_of(schema: Schema, kind: str) -> str:
    if kind not in ("text", "number", "textarea"):
        return ""
    if "default" in schema:
        return plain_text(schema["default"])
    examples = schema.get("examples") or ()
    return plain_text(hint_of(schema).placeholder or (examples[0] if examples else ""))


def plain_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (Mapping, list)) else text_of(value)

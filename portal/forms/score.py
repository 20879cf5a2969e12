"""The form of one rule for Score, as rows of labelled fields. Translates between fields and a rule as plain data.

Empty rows are left out, and one empty of each is drawn to add another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from idp.kernel.errors import FieldError
from provisioning.domain.score.rules import DOES, WHATS

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "inputs": ("input", "value", "otherwise"),
    "outputs": ("output", "value", "otherwise"),
    "sizes": ("size", "cpu", "memory_gib"),
}
"""Kinds of rows and their fields."""

MOST: Final = 40
TEXTS: Final = ("what", "type", "class", "does", "capability", "version", "find")


@dataclass(slots=True)
class RuleForm:
    """What stands in the form, as text. ``rows`` by kind; ``errors`` by field, of a row as ``inputs.0.value``."""

    texts: dict[str, str] = field(default_factory=dict)
    rows: dict[str, list[dict[str, str]]] = field(default_factory=lambda: {kind: [] for kind in ROWS})
    errors: dict[str, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)

    def rule(self) -> dict[str, Any]:
        """The rule as plain data; numbers that are none stay text, so that the schema says so."""
        made: dict[str, Any] = {name: text for name, text in self.texts.items() if text}
        for kind, rows in self.rows.items():
            if rows:
                made[kind] = [{key: _typed(key, text) for key, text in row.items() if text} for row in rows]
        return made

    def refuse(self, errors: Iterable[FieldError], place: int) -> None:
        """Put each error of the rule at ``place`` beside its field; what has none is said above."""
        start = f"rules.{place}."
        for one in errors:
            inside = one.path.removeprefix(start) if one.path.startswith(start) else ""
            if inside in self.texts or inside.partition(".")[0] in ROWS:
                self.errors.setdefault(inside, one.message)
            else:
                self.general.append(f"{one.path} {one.message}".strip() if inside or not one.path else one.message)

    def options(self, name: str) -> list[dict[str, Any]]:
        table = {"what": WHATS, "does": DOES}[name]
        chosen = self.texts.get(name, "")
        return [{"value": key, "label": label, "selected": key == chosen} for key, label in table.items()]

    def shown(self) -> list[dict[str, Any]]:
        """Every kind of rows to draw, each with an empty one."""
        titles = {
            "inputs": ("Inputs", "What the capability is given."),
            "outputs": ("Outputs", "What the file may read."),
            "sizes": ("Sizes", "What each size carries, for a workload that asks for cores and memory."),
        }
        return [
            {
                "kind": kind,
                "title": titles[kind][0],
                "hint": titles[kind][1],
                "heads": [LABELS[key] for key in keys],
                "rows": [
                    self._row(kind, at, row)
                    for at, row in enumerate([*self.rows[kind], dict.fromkeys(keys, "")][:MOST])
                ],
            }
            for kind, keys in ROWS.items()
        ]

    def _row(self, kind: str, at: int, row: Mapping[str, str]) -> dict[str, Any]:
        cells = [
            {
                "id": f"{kind}-{at}-{key}",
                "label": f"{LABELS[key]}, row {at + 1}",
                "value": row.get(key, ""),
                "placeholder": PLACEHOLDERS[kind, key],
                "error": self.errors.get(f"{kind}.{at}.{key}", ""),
            }
            for key in ROWS[kind]
        ]
        return {"cells": cells, "error": " ".join(str(cell["error"]) for cell in cells if cell["error"])}


LABELS: Final = {
    "input": "Input", "output": "Output", "value": "Value", "otherwise": "Where it has none", "size": "Size",
    "cpu": "CPU", "memory_gib": "GiB",
}  # fmt: skip
PLACEHOLDERS: Final = {
    ("inputs", "input"): "storageGiB",
    ("inputs", "value"): "${params.storage}",
    ("inputs", "otherwise"): "its default",
    ("outputs", "output"): "host",
    ("outputs", "value"): "${outputs.host}",
    ("outputs", "otherwise"): "no value",
    ("sizes", "size"): "small",
    ("sizes", "cpu"): "0.25",
    ("sizes", "memory_gib"): "0.5",
}


def from_fields(given: QueryDict) -> RuleForm:
    """What was filled in. The rule's version is sent as ``version_of``: ``version`` is that of all rules."""
    names = {name: "version_of" if name == "version" else name for name in TEXTS}
    form = RuleForm(texts={name: given.get(sent, "").strip()[:400] for name, sent in names.items()})
    for kind, keys in ROWS.items():
        for at in range(MOST):
            row = {key: given.get(f"{kind}-{at}-{key}", "").strip()[:400] for key in keys}
            if any(row.values()):
                form.rows[kind].append(row)
    return form


def from_rule(rule: Mapping[str, Any]) -> RuleForm:
    form = RuleForm(texts={name: str(rule.get(name, "")) for name in TEXTS})
    form.texts["does"] = form.texts["does"] or "makes"
    for kind, keys in ROWS.items():
        form.rows[kind] = [{key: _text(row.get(key, "")) for key in keys} for row in rule.get(kind, [])]
    return form


def _typed(key: str, text: str) -> Any:
    if key not in ("cpu", "memory_gib"):
        return text
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    if not math.isfinite(value):
        return text
    return int(value) if value.is_integer() else value


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)

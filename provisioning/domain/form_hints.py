"""``x-ui`` and ``x-options``: how an input is shown, and where suggestions for it come from.

Called by ``contract_checks``, which refuses what nobody could draw, and by the portal's forms and suggestions. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.cel import did_you_mean
from idp.kernel.errors import FieldError

Schema = Mapping[str, Any]

WIDGETS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"string", "integer", "number"}),
    "textarea": frozenset({"string"}),
    "code": frozenset({"string"}),
    "select": frozenset({"enum"}),
    "choices": frozenset({"enum", "array"}),
    "switch": frozenset({"boolean"}),
    "lines": frozenset({"array"}),
    "yaml": frozenset({"object", "array"}),
}
"""By widget the types it can show; ``enum`` is any type with ``enum``."""

SOURCES: Final[Mapping[str, frozenset[str]]] = {
    "components": frozenset(),
    "images": frozenset(),
    "outputs": frozenset({"capability", "output"}),
    "api": frozenset({"path", "value"}),
}
"""By source of suggestions what else ``x-options`` may say; all of it is text."""

API_PATH: Final = re.compile(r"/[a-z]+(-[a-z]+)*/")
"""A list of Slipway's own API, such as ``/systems/``, below ``/api/v1``. Nothing else is ever asked."""

ADVANCED: Final = "advanced"


@dataclass(frozen=True, slots=True)
class Hint:
    """How an input wants to be shown; empty where the schema leaves it open."""

    widget: str = ""
    order: int | None = None
    help: str = ""
    group: str = ""
    unit: str = ""
    placeholder: str = ""

    @property
    def advanced(self) -> bool:
        return self.group == ADVANCED


def hint_of(schema: Schema) -> Hint:
    """What ``x-ui`` says, and where it is silent the single keywords (``x-order``, ``x-unit`` and the like)."""
    given = schema.get("x-ui")
    ui: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    order = ui.get("order", schema.get("x-order"))
    group = ui.get("group") or (ADVANCED if schema.get("x-advanced") else "")
    return Hint(
        widget=str(ui.get("widget", "")),
        order=order if isinstance(order, int) else None,
        help=str(ui.get("help", "")),
        group=str(group),
        unit=str(ui.get("unit") or schema.get("x-unit") or ""),
        placeholder=str(ui.get("placeholder") or schema.get("x-placeholder") or ""),
    )


@dataclass(frozen=True, slots=True)
class Source:
    """Where suggestions come from. ``capability`` and ``output`` narrow ``outputs``; ``path`` and ``value`` are of
    ``api``: a list of Slipway's own API and the key of each item that is suggested."""

    kind: str
    capability: str = ""
    output: str = ""
    path: str = ""
    value: str = "name"


def source_of(schema: Schema) -> Source | None:
    options = schema.get("x-options")
    if not isinstance(options, Mapping) or options.get("from") not in SOURCES:
        return None
    more = {key: str(options[key]) for key in SOURCES[options["from"]] if key in options}
    return Source(str(options["from"]), **more)


def hint_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    """What is wrong with ``x-ui`` and ``x-options`` of one input."""
    if "x-ui" in schema:
        yield from _ui_problems(schema, f"{path}.x-ui")
    if "x-options" in schema:
        yield from _options_problems(schema, f"{path}.x-options")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 500


_UI: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "widget": (lambda value: value in WIDGETS, f"must be one of {', '.join(WIDGETS)}"),
    "order": (lambda value: isinstance(value, int) and not isinstance(value, bool), "must be a whole number"),
    "help": (_is_text, "must be text, such as a sentence that helps to decide"),
    "group": (lambda value: value == ADVANCED, "must be advanced, which folds it under “More settings”"),
    "unit": (lambda value: _is_text(value) and len(value) <= 12, "must be text of at most 12 characters, such as GiB"),
    "placeholder": (_is_text, "must be text, such as an example of a value"),
}


def _ui_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    given = schema["x-ui"]
    if not isinstance(given, Mapping):
        yield FieldError(path, f"must be a map with some of {', '.join(_UI)}")
        return
    for key, value in given.items():
        if key not in _UI:
            yield FieldError(f"{path}.{key}", f"is not known here{did_you_mean(str(key), _UI)}")
        elif not _UI[key][0](value):
            yield FieldError(f"{path}.{key}", _UI[key][1])
        elif key == "widget" and not WIDGETS[value] & kinds(schema):
            fits = ", ".join(sorted(WIDGETS[value]))
            yield FieldError(f"{path}.widget", f"“{value}” shows inputs of {fits}, and this is none")


def kinds(schema: Schema) -> frozenset[str]:
    """What a widget must fit: the type, or ``enum`` where only listed values are taken."""
    if schema.get("enum"):
        return frozenset({"enum"})
    if schema.get("type") == "array" and not _is_plain(schema.get("items")):
        return frozenset({"nested"}) | (frozenset({"array"}) if _yaml(schema) else frozenset())
    return frozenset({str(schema.get("type", ""))})


def _is_plain(items: Any) -> bool:
    return isinstance(items, Mapping) and items.get("type") not in ("object", "array")


def _yaml(schema: Schema) -> bool:
    ui = schema.get("x-ui")
    return isinstance(ui, Mapping) and ui.get("widget") == "yaml"


def _options_problems(schema: Schema, path: str) -> Iterator[FieldError]:
    given = schema["x-options"]
    sources = ", ".join(SOURCES)
    if not isinstance(given, Mapping) or given.get("from") not in SOURCES:
        yield FieldError(path, f"must be a map whose from is one of {sources}")
        return
    if schema.get("type") != "string" or schema.get("enum"):
        yield FieldError(path, "is for inputs of type string without enum")
    allowed = SOURCES[given["from"]]
    for key, value in given.items():
        if key != "from" and key not in allowed:
            known = f"; {given['from']} takes {', '.join(sorted(allowed)) or 'nothing more'}"
            yield FieldError(f"{path}.{key}", f"is not known here{known}")
        elif not isinstance(value, str) or not value:
            yield FieldError(f"{path}.{key}", "must be text")
    if given["from"] == "api" and not API_PATH.fullmatch(str(given.get("path", ""))):
        yield FieldError(
            f"{path}.path", "must be a list of Slipway's own API below /api/v1, such as /systems/; others are not asked"
        )

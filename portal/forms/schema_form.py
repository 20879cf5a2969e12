"""Forms made from contracts' JSON Schemas: a schema and values become fields, posted fields become values again.

Called by `environment_draft` and `request_form` for each resource of a draft. Pure: no Django, no queries and no
judgement. What was typed is kept even where it is wrong (``"abc"`` stays a string in an integer's place), because the
contract says what is wrong and the field shows both. So nothing that a person typed is lost between two requests.

Every value may also be a reference, ``${resources.db.outputs.host}``; it travels as text whatever type the input has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from provisioning.domain.schema import fits

Schema = Mapping[str, Any]

WHOLE_NUMBER: Final = re.compile(r"[+-]?\d{1,18}\Z")
DECIMAL_NUMBER: Final = re.compile(r"[+-]?(\d{1,18}(\.\d{1,18})?|\.\d{1,18})\Z")
UNIT_IN_TITLE: Final = re.compile(r"(?P<label>.+?) \((?P<unit>[^()]{1,12})\)\Z")
WIDE_TEXT: Final = 100
LONG_TEXT: Final = 1_000
SCALARS: Final = frozenset({"string", "integer", "number", "boolean"})


class Posted(Protocol):
    """What a QueryDict and the tests' stand-in have in common."""

    def get(self, name: str, default: Any = None) -> Any: ...

    def getlist(self, name: str) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class Output:
    """Something another resource of the draft offers. ``type`` is a JSON type, ``schema`` all that is known of it."""

    expression: str
    label: str
    type: str
    secret: bool = False
    schema: Schema = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a map: a key and its value, with the error that belongs to this key."""

    key: str
    value: str
    id: str
    error: str = ""
    focus: bool = False


@dataclass(frozen=True, slots=True)
class Input:
    """One field to draw. ``path`` is relative to the resource (``inputs.env``); ``name`` and ``id`` are for HTML.

    ``kind``: text, textarea, number, select, checkbox, map, list, group, reference, data (anything else, as JSON).
    ``missing``: the contract wants a value and there is none, which is not worth red ink before somebody asks.
    ``advanced``: folded away, because most never need it.
    """

    kind: str
    path: str
    name: str
    id: str
    label: str
    value: str = ""
    checked: bool = False
    hint: str = ""
    error: str = ""
    unit: str = ""
    required: bool = False
    placeholder: str = ""
    mono: bool = False
    missing: bool = False
    advanced: bool = False
    wide: bool = False
    focus: bool = False
    options: tuple[Option, ...] = ()
    entries: tuple[Entry, ...] = ()
    inputs: tuple[Input, ...] = ()
    suggestions: tuple[Output, ...] = ()

    @property
    def described_by(self) -> str:
        """Ids of the hint and of the place where an error appears, for ``aria-describedby``."""
        return f"{self.id}-hint {self.id}-error" if self.hint else f"{self.id}-error"


def _first_type(schema: Schema) -> str:
    given = schema.get("type", "")
    kinds = [given] if isinstance(given, str) else [str(kind) for kind in given if kind != "null"]
    return "string" if "string" in kinds and len(kinds) > 1 else (kinds[0] if kinds else "")


def _object_kind(schema: Schema, depth: int) -> str:
    if schema.get("properties"):
        return "data" if depth else "group"
    extra = schema.get("additionalProperties")
    if isinstance(extra, Mapping) and (_first_type(extra) in SCALARS or not extra):
        return "map"
    return "reference"


def kind_of(schema: Schema, depth: int = 0) -> str:
    """How an input of this schema is drawn; ``depth`` 1 is inside a group, where another group is written as JSON."""
    if schema.get("enum"):
        return "select"
    kind = _first_type(schema)
    if kind == "object":
        return _object_kind(schema, depth)
    if kind == "array":
        items = schema.get("items")
        return "list" if isinstance(items, Mapping) and _first_type(items) in ("string", "integer") else "data"
    if kind == "string":
        return "textarea" if schema.get("x-multiline") or schema.get("maxLength", 0) > LONG_TEXT else "text"
    return {"integer": "number", "number": "number", "boolean": "checkbox"}.get(kind, "data")


def html_id(name: str) -> str:
    """An id from a field's name; dots would need escaping in selectors."""
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


# --- values to fields -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Drawing:
    """What every field of one resource needs: where names begin, what is wrong, what others offer."""

    prefix: str
    errors: Mapping[str, str] = field(default_factory=dict)
    offers: Sequence[Output] = ()

    def offers_for(self, *, secrets: bool, types: frozenset[str] | None = None) -> tuple[Output, ...]:
        return tuple(
            offer for offer in self.offers if (secrets or not offer.secret) and (types is None or offer.type in types)
        )

    def objects_for(self, schema: Schema) -> tuple[Output, ...]:
        """Outputs that are objects and fit ``schema``."""
        found = self.offers_for(secrets=bool(schema.get("x-secret")), types=frozenset({"object"}))
        return tuple(offer for offer in found if fits(offer.schema, schema) is None)


def fields(schema: Schema, values: Mapping[str, Any], drawing: Drawing, *, path: str = "inputs") -> tuple[Input, ...]:
    """The fields of an object schema, in the order its author chose (``x-order``, else as written)."""
    required = frozenset(schema.get("required", ()))
    depth = path.count(".")
    properties: Mapping[str, Schema] = schema.get("properties", {})
    ordered = sorted(properties.items(), key=lambda item: item[1].get("x-order", len(properties)))
    return tuple(
        _input(name, part, values.get(name), drawing, f"{path}.{name}", name in required, depth)
        for name, part in ordered
    )


def _input(key: str, schema: Schema, value: Any, drawing: Drawing, path: str, required: bool, depth: int) -> Input:
    kind = _kind_for(schema, value, drawing, required, depth)
    name = f"{drawing.prefix}.{path}"
    label, unit = _label(key, schema)
    bare = Input(
        kind=kind,
        path=path,
        name=name,
        id=html_id(name),
        label=label,
        unit=unit if kind in ("number", "text") else "",
        hint=_hint(schema, kind),
        error=drawing.errors.get(path, ""),
        required=required,
        missing=required and value in (None, "", {}, []) and "default" not in schema,
        placeholder=_placeholder(schema, kind),
        mono=bool(schema.get("pattern") or schema.get("format") or schema.get("x-mono")),
        advanced=bool(schema.get("x-advanced")) and value in (None, "", {}, [], schema.get("default")),
    )
    return _FILL[kind](bare, schema, value, drawing)


def _kind_for(schema: Schema, value: Any, drawing: Drawing, required: bool, depth: int) -> str:
    """The kind for this value: what does not fit the usual field is shown as text, so that it can be mended."""
    kind = kind_of(schema, depth)
    if kind == "checkbox" and isinstance(value, str):
        return "text"
    if kind == "map" and value is not None and not isinstance(value, Mapping):
        return "data"
    if kind == "list" and value is not None and not isinstance(value, list):
        return "data"
    if kind == "group" and (isinstance(value, str) or (not value and _wants_output(schema, drawing, required))):
        return "reference"
    return kind


def _wants_output(schema: Schema, drawing: Drawing, required: bool) -> bool:
    """Whether an object is meant to be somebody's output: no default fills it, and it is required or an output fits."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    needed = schema.get("required", ())
    if not needed or "default" in schema or all("default" in properties.get(name, {}) for name in needed):
        return False
    return required or bool(drawing.objects_for(schema))


def _label(key: str, schema: Schema) -> tuple[str, str]:
    title = str(schema.get("title") or _words(key))
    if schema.get("x-unit"):
        return title.removesuffix(f" ({schema['x-unit']})"), str(schema["x-unit"])
    found = UNIT_IN_TITLE.match(title)
    return (found["label"], found["unit"]) if found else (title, "")


def _words(key: str) -> str:
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


def _hint(schema: Schema, kind: str) -> str:
    said = str(schema.get("description", "")).strip()
    limits = _limits(schema) if kind == "number" else ""
    if not limits or limits in said:
        return said
    return f"{limits[:1].upper()}{limits[1:]}. {said}" if said else f"{limits[:1].upper()}{limits[1:]}"


def _placeholder(schema: Schema, kind: str) -> str:
    if kind not in ("text", "number", "textarea"):
        return ""
    if "default" in schema:
        return _text(schema["default"])
    examples = schema.get("examples") or ()
    return _text(schema.get("x-placeholder", examples[0] if examples else ""))


def _text(value: Any) -> str:
    """A value as it stands in a text field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _fill_text(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    secrets = bool(schema.get("x-secret"))
    wide = schema.get("maxLength", 0) >= WIDE_TEXT
    return replace(bare, value=_text(value), wide=wide, suggestions=drawing.offers_for(secrets=secrets, types=SCALARS))


def _fill_number(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    offers = drawing.offers_for(secrets=False, types=frozenset({"integer", "number"}))
    return replace(bare, value=_text(value), suggestions=offers)


def _fill_select(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    # A browser chooses the first option where none is chosen, so the default must be.
    chosen = _text(schema.get("default") if value is None else value)
    known = [_text(choice) for choice in schema["enum"]]
    about = schema.get("x-labels", {})
    options = [
        Option(choice, f"{choice}, {about[choice]}" if choice in about else choice, choice == chosen)
        for choice in known
    ]
    if not chosen and "default" not in schema:
        options.insert(0, Option("", "Choose" if bare.required else "Not set", selected=True))
    elif not bare.required and "default" not in schema:
        options.insert(0, Option("", "Not set"))
    if chosen and chosen not in known:
        options.append(Option(chosen, chosen, selected=True))
    return replace(bare, value=chosen, options=tuple(options), wide=bool(about))


def _fill_checkbox(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    return replace(bare, checked=bool(schema.get("default", False) if value is None else value), missing=False)


def _fill_map(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    entries = [
        Entry(str(key), _text(item), f"{bare.id}-{place}", drawing.errors.get(f"{bare.path}.{key}", ""))
        for place, (key, item) in enumerate((value or {}).items())
    ]
    extra = schema.get("additionalProperties")
    secrets = isinstance(extra, Mapping) and bool(extra.get("x-secret"))
    return replace(bare, entries=tuple(entries), suggestions=drawing.offers_for(secrets=secrets, types=SCALARS))


def _fill_list(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    lines = "\n".join(_text(item) for item in value or ())
    inside = next((text for path, text in drawing.errors.items() if path.startswith(f"{bare.path}.")), "")
    hint = bare.hint or "One on each line."
    return replace(bare, value=lines, error=bare.error or inside, hint=hint)


def _fill_group(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    inner = fields(schema, value or {}, drawing, path=bare.path)
    if not bare.required and not value:
        inner = tuple(replace(part, required=False, missing=False) for part in inner)
    return replace(bare, inputs=inner, missing=False)


def _fill_reference(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    chosen = _text(value)
    offers = drawing.objects_for(schema)
    options = [Option(offer.expression, offer.label, offer.expression == chosen) for offer in offers]
    if chosen and all(option.value != chosen for option in options):
        options.append(Option(chosen, _reference_label(chosen), selected=True))
    if not chosen or not bare.required:
        words = "Nothing" if not bare.required else ("Choose" if options else "Add a resource that offers one")
        options.insert(0, Option("", words, selected=not chosen))
    return replace(bare, value=chosen, options=tuple(options))


def _fill_data(bare: Input, schema: Schema, value: Any, drawing: Drawing) -> Input:
    shown = (
        value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, indent=2)
    )
    inside = next((text for path, text in drawing.errors.items() if path.startswith(f"{bare.path}.")), "")
    return replace(bare, value=shown, error=bare.error or inside, hint=bare.hint or "Written as JSON.", mono=True)


_FILL: Final[Mapping[str, Callable[[Input, Schema, Any, Drawing], Input]]] = {
    "text": _fill_text,
    "textarea": _fill_text,
    "number": _fill_number,
    "select": _fill_select,
    "checkbox": _fill_checkbox,
    "map": _fill_map,
    "list": _fill_list,
    "group": _fill_group,
    "reference": _fill_reference,
    "data": _fill_data,
}


def _reference_label(expression: str) -> str:
    """``${resources.api.outputs.service}`` as ``api.service``; anything else as it is."""
    found = re.fullmatch(r"\$\{\s*resources\.([\w-]+)\.outputs\.([\w.-]+)\s*\}", expression)
    return f"{found[1]}.{found[2]}" if found else expression


def every(inputs: Iterable[Input]) -> Iterable[Input]:
    """All fields, those inside groups too."""
    for one in inputs:
        yield one
        yield from every(one.inputs)


# --- posted fields to values ----------------------------------------------------------------------------------------


def values(schema: Schema, posted: Posted, prefix: str, *, depth: int = 0) -> dict[str, Any]:
    """The inputs that were posted under ``prefix`` (``r.db.inputs``). An empty field is no value."""
    required = frozenset(schema.get("required", ()))
    found: dict[str, Any] = {}
    for name, part in schema.get("properties", {}).items():
        value = _value(part, posted, f"{prefix}.{name}", depth, name in required)
        if value is not None:
            found[name] = value
    return found


def _value(schema: Schema, posted: Posted, name: str, depth: int, required: bool) -> Any:
    kind = kind_of(schema, depth)
    if kind == "group":
        return _group(schema, posted, name, depth)
    if kind == "map":
        return _map(schema, posted, name)
    if kind == "checkbox":
        return _flag(schema, posted, name, required)
    typed = _typed(posted, name)
    return typed if typed is None else _READ[kind](schema, typed)


def _typed(posted: Posted, name: str) -> str | None:
    text = str(posted.get(name) or "").replace("\r\n", "\n").strip()
    return text or None


def _group(schema: Schema, posted: Posted, name: str, depth: int) -> Any:
    whole = _typed(posted, name)
    return whole if whole is not None else values(schema, posted, name, depth=depth + 1) or None


def _map(schema: Schema, posted: Posted, name: str) -> Any:
    """Rows come as two parallel lists. A key given twice keeps both rows by a marked key, which no contract takes."""
    whole = _typed(posted, name)
    if whole is not None:
        return _data(schema, whole)
    extra = schema.get("additionalProperties")
    part: Schema = extra if isinstance(extra, Mapping) else {}
    found: dict[str, Any] = {}
    for given, text in zip(posted.getlist(f"{name}.key"), posted.getlist(f"{name}.value"), strict=False):
        key = str(given).strip()
        if not key and not str(text).strip():
            continue
        while key in found:
            key += " (again)"
        found[key] = _scalar(part, str(text).replace("\r\n", "\n"))
    return found or None


def _flag(schema: Schema, posted: Posted, name: str, required: bool) -> Any:
    text = posted.get(name)
    if text is None:
        return False if required or schema.get("default") is True else None
    return True if text in ("on", "true", "True", "1") else (False if text in ("false", "False", "0") else text)


def _scalar(schema: Schema, text: str) -> Any:
    return _number(schema, text.strip()) if _first_type(schema) in ("integer", "number") else text


def _number(schema: Schema, text: str) -> Any:
    if WHOLE_NUMBER.match(text):
        return int(text)
    return float(text) if DECIMAL_NUMBER.match(text) else text


def _choice(schema: Schema, text: str) -> Any:
    return next((choice for choice in schema["enum"] if _text(choice) == text), text)


def _lines(schema: Schema, text: str) -> Any:
    if text.startswith(("${", "{")):
        return _data(schema, text)
    items: Schema = schema.get("items", {})
    return [_scalar(items, line.strip()) for line in text.split("\n") if line.strip()]


def _data(schema: Schema, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


_READ: Final[Mapping[str, Callable[[Schema, str], Any]]] = {
    "text": lambda schema, text: text,
    "textarea": lambda schema, text: text,
    "number": _number,
    "select": _choice,
    "list": _lines,
    "reference": _data,
    "data": _data,
}


def defaults(schema: Schema) -> dict[str, Any]:
    """What the schema fills in by itself; a new resource's form begins with it."""
    found: dict[str, Any] = {}
    for name, part in schema.get("properties", {}).items():
        if part.get("properties") and all("default" in part["properties"][key] for key in part.get("required", ())):
            inner = {**defaults(part), **part.get("default", {})}
            if inner:
                found[name] = inner
        elif "default" in part:
            found[name] = part["default"]
    return found

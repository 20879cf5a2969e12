"""Forms made from contracts' JSON Schemas: a schema and values become fields.

Called by ``request_form`` for each resource of a draft, and by the page that publishes contracts. Pure: no Django, no
queries and no judgement. What was typed is shown even where it is wrong, and what no field can show stands in a YAML
editor, so nothing is lost between two requests; ``schema_values`` reads what is posted.

Every value may also be a reference, ``${resources.db.outputs.host}``; it travels as text whatever type the input has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from portal.forms.schema_inputs import Drawing, Entry, Input, Option, Row, html_id, reference_label
from portal.forms.schema_kinds import (
    ASIDE,
    SCALARS,
    WIDE_TEXT,
    Schema,
    choices_of,
    first_type,
    holds_files,
    is_a_line,
    is_blank,
    is_long,
    is_open,
    kind_of,
    ordered,
    text_of,
)
from portal.forms.schema_words import hint_words, label_of, placeholder_of, plain_text, words_of
from portal.forms.yaml_text import as_typed, as_yaml, why_not
from provisioning.domain.form_hints import hint_of, source_of
from provisioning.domain.schema_conditions import branch_of, deciding, discriminator, shown

OBJECT_KINDS: Final = frozenset({"group", "choice"})


def fields(
    schema: Schema, values: Mapping[str, Any], drawing: Drawing, *, path: str = "inputs", depth: int = 0
) -> tuple[Input, ...]:
    """The fields of an object schema that ``values`` leave open or fill, in the order its author chose."""
    here = shown(schema, values)
    required = frozenset(here.get("required", ()))
    decisive = deciding(schema)
    drawn = [
        _input(name, part, values.get(name), drawing, f"{path}.{name}", name in required, depth)
        for name, part in ordered(here)
    ]
    drawn = [replace(one, decides=one.decides or one.path.rpartition(".")[2] in decisive) for one in drawn]
    return (*drawn, *_rest(schema, values, drawing, path), *_aside(values, drawing, path))


def _aside(values: Mapping[str, Any], drawing: Drawing, path: str) -> Iterator[Input]:
    if values.get(ASIDE):
        yield _hidden(drawing, f"{path}.{ASIDE}", json.dumps(values[ASIDE], ensure_ascii=False))


def _hidden(drawing: Drawing, path: str, value: str) -> Input:
    name = f"{drawing.prefix}.{path}"
    return Input(kind="hidden", path=path, name=name, id=html_id(name), label="", value=value)


def _rest(schema: Schema, values: Mapping[str, Any], drawing: Drawing, path: str) -> Iterator[Input]:
    """A YAML editor for what has no field: names that the contract does not know, and those of an open object."""
    named = {name for name, _ in ordered(schema)}
    here = {name for name, _ in ordered(shown(schema, values))}
    left = {name: value for name, value in values.items() if name not in named and name != ASIDE and name}
    left |= {name: values[name] for name in named - here if name in values}
    if not left and not is_open(schema):
        return
    name = f"{drawing.prefix}.{path}.~rest"
    errors = [drawing.errors.get(f"{path}.{key}") or drawing.inside(f"{path}.{key}") for key in left]
    unread = left.get("~")
    yield Input(
        kind="data",
        path=f"{path}.~rest",
        name=name,
        id=html_id(name),
        label="More values" if is_open(schema) else "Values without a field",
        value=(unread if isinstance(unread, str) and len(left) == 1 else as_yaml(left).rstrip("\n")) if left else "",
        hint="Written as YAML, a name and a value on each line.",
        error=why_not(unread) or next((f"{key}: {text}" for key, text in zip(left, errors, strict=True) if text), ""),
        mono=True,
    )


def _input(key: str, schema: Schema, value: Any, drawing: Drawing, path: str, required: bool, depth: int) -> Input:
    kind = _kind_for(schema, value, drawing, required, depth)
    name = f"{drawing.prefix}.{path}"
    label, unit = label_of(key, schema)
    hint = hint_of(schema)
    bare = Input(
        kind=kind,
        path=path,
        name=name,
        id=html_id(name),
        label=label,
        unit=unit if kind in ("number", "text") else "",
        hint=hint_words(schema, kind),
        help=hint.help,
        error=drawing.errors.get(path, ""),
        required=required,
        missing=required and "default" not in schema and _is_missing(kind, schema, value, path in drawing.errors),
        placeholder=placeholder_of(schema, kind),
        mono=bool(schema.get("pattern") or schema.get("format") or schema.get("x-mono") or hint.widget == "code"),
        advanced=hint.advanced and (is_blank(value) or value == schema.get("default")),
        blank=value == "" and kind in ("text", "textarea"),
    )
    return _FILL[kind](bare, schema, value, drawing, depth)


def _kind_for(schema: Schema, value: Any, drawing: Drawing, required: bool, depth: int) -> str:
    """The kind for this value: what does not fit the usual field is shown as text, so that it can be mended."""
    kind = kind_of(schema, depth)
    if kind in _SHAPES and value is not None and not isinstance(value, _SHAPES[kind]):
        return "reference" if kind == "group" and _is_reference(value) else "data"
    if kind == "checkbox" and value is not None and not isinstance(value, bool):
        return "data" if isinstance(value, (Mapping, list)) or "\n" in str(value) else "text"
    if kind == "map" and not _rows_can_show(schema, value or {}):
        return "data"
    if kind in ("items", "checks", "lines") and not _list_can_show(schema, value or (), kind):
        return "data"
    if kind in ("text", "textarea", "number", "select", "choices") and isinstance(value, (Mapping, list)):
        return "data"
    if kind in ("text", "number") and isinstance(value, str) and "\n" in value:
        return "textarea"
    if kind == "group" and not value and _wants_output(schema, drawing, required):
        return "reference"
    if kind == "reference" and (isinstance(value, (Mapping, list)) or (not value and not drawing.objects_for(schema))):
        return "data"
    return kind


_SHAPES: Final[Mapping[str, type]] = {
    "map": Mapping,
    "group": Mapping,
    "choice": Mapping,
    "items": list,
    "lines": list,
    "checks": list,
    "objects": list,
}


def _is_missing(kind: str, schema: Schema, value: Any, refused: bool) -> bool:
    """Whether something is still to be filled in. A list or map is there without rows, unless that is refused."""
    if value is not None:
        return is_blank(value) and refused
    if kind in ("items", "objects", "checks"):
        return bool(schema.get("minItems"))
    return kind != "map" or bool(schema.get("minProperties"))


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _rows_can_show(schema: Schema, value: Mapping[str, Any]) -> bool:
    """Whether each value of a map would be read back as it is: a number in a text's place, say, would not."""
    extra = schema.get("additionalProperties")
    kind = first_type(extra) if isinstance(extra, Mapping) else ""
    kinds = {"integer": (int, float, str), "number": (int, float, str), "boolean": (bool, str)}.get(kind, (str,))
    return all(isinstance(part, kinds) and (kind == "boolean" or not isinstance(part, bool)) for part in value.values())


def _list_can_show(schema: Schema, value: Any, kind: str) -> bool:
    items: Schema = schema.get("items", {})
    if kind == "checks":
        known = choices_of(items)
        return all(any(type(part) is type(one) and part == one for one in known) for part in value) and (
            len({text_of(part) for part in value}) == len(value)
        )
    if kind == "lines" and any(isinstance(part, str) and not is_a_line(part) for part in value):
        return False
    if choices := choices_of(items):
        return all(part is None or isinstance(part, str) or part in choices for part in value)
    return _rows_can_show(
        {"additionalProperties": items}, {str(at): part for at, part in enumerate(value) if part is not None}
    )


def _wants_output(schema: Schema, drawing: Drawing, required: bool) -> bool:
    """Whether an object is meant to be somebody's output: no default fills it, and it is required or an output fits."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    needed = schema.get("required", ())
    if not needed or "default" in schema or all("default" in properties.get(name, {}) for name in needed):
        return False
    fitting = drawing.objects_for(schema)
    return bool(fitting) or (required and schema.get("additionalProperties") is not False)


# --- plain fields ---------------------------------------------------------------------------------------------------


def _fill_text(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    source = source_of(schema)
    offers = drawing.offers_for(secrets=bool(schema.get("x-secret")), types=SCALARS, source=source)
    wide = schema.get("maxLength", 0) >= WIDE_TEXT
    return replace(bare, value=plain_text(value), wide=wide, suggestions=offers, source=source)


def _fill_number(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    offers = drawing.offers_for(secrets=False, types=frozenset({"integer", "number"}))
    return replace(bare, value=plain_text(value), suggestions=offers)


def _fill_select(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    # A browser chooses the first option where none is chosen, so the default must be.
    chosen = plain_text(schema.get("default") if value is None else value)
    about = schema.get("x-labels", {})
    options = [_option(text_of(choice), about, chosen) for choice in choices_of(schema)]
    options = _with_none(options, bare.required, "default" in schema, chosen)
    return replace(bare, value=chosen, options=tuple(options), wide=bool(about))


def _option(choice: str, about: Mapping[str, Any], chosen: str) -> Option:
    return Option(choice, f"{choice}, {about[choice]}" if choice in about else choice, choice == chosen)


def _with_none(options: list[Option], required: bool, has_default: bool, chosen: str) -> list[Option]:
    """The same with an option for nothing where nothing may stand, and one for a value that is no choice."""
    if not chosen and not has_default:
        return [Option("", "Choose" if required else "Not set", selected=True), *options]
    if not required and not has_default:
        options = [Option("", "Not set"), *options]
    if chosen and all(option.value != chosen for option in options):
        options = [*options, Option(chosen, chosen, selected=True)]
    return options


def _fill_checkbox(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    checked = bool(schema.get("default", False) if value is None else value)
    return replace(bare, checked=checked, value="no" if value is False else "1", missing=False)


def _fill_reference(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    chosen = plain_text(value)
    offers = drawing.objects_for(schema)
    options = [Option(offer.expression, offer.label, offer.expression == chosen) for offer in offers]
    if chosen and all(option.value != chosen for option in options):
        options.append(Option(chosen, reference_label(chosen), selected=True))
    if not chosen or not bare.required:
        words = "Nothing" if not bare.required else ("Choose" if options else "Add a resource that offers one")
        options.insert(0, Option("", words, selected=not chosen))
    return replace(bare, value=chosen, options=tuple(options))


def _fill_data(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    unread = why_not(value)
    return replace(
        bare,
        value=as_typed(_without_aside(value)),
        error=unread or bare.error or drawing.inside(bare.path),
        hint=bare.hint or "Written as YAML.",
        mono=True,
        missing=bare.missing and not unread,
    )


def _without_aside(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_aside(part) for key, part in value.items() if key != ASIDE}
    return [_without_aside(part) for part in value] if isinstance(value, list) else value


def _fill_lines(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    lines = "\n".join(plain_text(item) for item in value or ())
    error = bare.error or drawing.inside(bare.path)
    return replace(bare, value=lines, error=error, hint=bare.hint or "One on each line.", mono=True)


def _fill_checks(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    items: Schema = schema.get("items", {})
    chosen = schema.get("default", ()) if value is None else value
    about = items.get("x-labels", {})
    given = {text_of(part) for part in chosen or ()}
    options = tuple(
        replace(_option(text_of(choice), about, ""), selected=text_of(choice) in given) for choice in choices_of(items)
    )
    return replace(bare, options=options, error=bare.error or drawing.inside(bare.path))


# --- maps, lists and objects ----------------------------------------------------------------------------------------


def _fill_map(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    extra = schema.get("additionalProperties")
    inner: Schema = extra if isinstance(extra, Mapping) else {}
    files = holds_files(inner)
    entries = [
        Entry(
            str(key),
            text_of(item),
            f"{bare.id}-{place}",
            drawing.errors.get(f"{bare.path}.{key}", ""),
            long=files or "\n" in text_of(item),
        )
        for place, (key, item) in enumerate(_or_default(schema, value, {}).items())
    ]
    source = source_of(inner)
    offers = drawing.offers_for(secrets=bool(inner.get("x-secret")), types=SCALARS, source=source)
    return replace(bare, entries=tuple(entries), suggestions=offers, source=source)


def _or_default(schema: Schema, value: Any, empty: Any) -> Any:
    """A list or map that was left out stands for its default, and its rows are shown."""
    return (schema.get("default") or empty) if value is None else value


def _fill_items(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    items: Schema = schema.get("items", {})
    source = source_of(items)
    given = list(_or_default(schema, value, []))
    rows = [
        replace(
            row,
            value=plain_text(item),
            marker=f"+{row.at}" if item is None else str(row.at),
            long=is_long(items) or "\n" in plain_text(item),
            options=_row_options(items, item),
        )
        for row, item in zip(_rows(bare, given, drawing), given, strict=True)
    ]
    offers = drawing.offers_for(secrets=bool(items.get("x-secret")), types=_types_of(items), source=source)
    return replace(bare, rows=tuple(rows), suggestions=offers, source=source, item=_item_words(bare, items))


def _types_of(items: Schema) -> frozenset[str]:
    return SCALARS if first_type(items) == "string" else frozenset({first_type(items)})


def _row_options(items: Schema, item: Any) -> tuple[Option, ...]:
    choices = choices_of(items) or ([True, False] if first_type(items) == "boolean" else [])
    if not choices:
        return ()
    chosen = plain_text(item)
    options = [_option(text_of(choice), items.get("x-labels", {}), chosen) for choice in choices]
    return tuple(_with_none(options, True, False, chosen))


def _rows(bare: Input, given: list[Any], drawing: Drawing) -> Iterator[Row]:
    for at in range(len(given)):
        name = f"{bare.name}.{at}"
        yield Row(
            at=at,
            name=name,
            id=html_id(name),
            marker=str(at),
            title=f"{bare.label} {at + 1}",
            error=drawing.errors.get(f"{bare.path}.{at}", ""),
            first=at == 0,
            last=at == len(given) - 1,
        )


def _item_words(bare: Input, items: Schema) -> str:
    return str(items.get("title") or "").lower() or "a row"


def _fill_objects(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    items: Schema = schema.get("items", {})
    given = list(_or_default(schema, value, []))
    rows = [
        _object_row(row, bare, items, item, drawing, depth)
        for row, item in zip(_rows(bare, given, drawing), given, strict=True)
    ]
    return replace(bare, rows=tuple(rows), item=_item_words(bare, items))


def _object_row(row: Row, bare: Input, items: Schema, item: Any, drawing: Drawing, depth: int) -> Row:
    if not isinstance(item, Mapping):
        error = why_not(item) or row.error
        return replace(row, data=True, value=as_typed(item), error=error)
    path = f"{bare.path}.{row.at}"
    inner = (
        _choice_inputs(items, item, drawing, path, required=True, depth=depth + 1)
        if items.get("oneOf")
        else fields(items, item, drawing, path=path, depth=depth + 2)
    )
    return replace(row, inputs=inner)


def _fill_group(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    inner = fields(schema, value or {}, drawing, path=bare.path, depth=depth + 1)
    if not bare.required and not value:
        inner = tuple(_not_yet_needed(part) for part in inner)
    if value is None and not bare.required:
        inner = (*inner, _hidden(drawing, f"{bare.path}.~unset", "1"))
    return replace(bare, inputs=inner, missing=False)


def _not_yet_needed(one: Input) -> Input:
    """A field of an object that is not there: nothing of it is needed until something of it is given."""
    return replace(one, required=False, missing=False, inputs=tuple(_not_yet_needed(part) for part in one.inputs))


def _fill_choice(bare: Input, schema: Schema, value: Any, drawing: Drawing, depth: int) -> Input:
    given = schema.get("default") if value is None else value
    inner = _choice_inputs(
        schema, given if isinstance(given, Mapping) else {}, drawing, bare.path, required=bare.required, depth=depth
    )
    return replace(bare, inputs=inner, missing=False)


def _choice_inputs(
    schema: Schema, value: Mapping[str, Any], drawing: Drawing, path: str, *, required: bool, depth: int
) -> tuple[Input, ...]:
    """The field that chooses, then the fields of the choice; what was typed for others travels along unseen."""
    key = discriminator(schema)
    place = f"{path}.{key}"
    name = f"{drawing.prefix}.{place}"
    chosen = text_of(value.get(key)) if not isinstance(value.get(key), (Mapping, list)) else ""
    options = [_branch_option(branch, key, chosen) for branch in schema["oneOf"]]
    about: Schema = next((one["properties"][key] for one in schema["oneOf"] if one["properties"][key].get("title")), {})
    chooser = Input(
        kind="choices" if hint_of(schema).widget == "choices" else "select",
        path=place,
        name=name,
        id=html_id(name),
        label=str(about.get("title") or words_of(key)),
        value=chosen,
        error=drawing.errors.get(place, ""),
        required=required,
        missing=required and not chosen,
        decides=True,
        options=tuple(_with_none(options, required, False, chosen)),
    )
    branch = branch_of(schema, value)
    inner: tuple[Input, ...] = ()
    if branch is not None:
        properties = {name: part for name, part in branch["properties"].items() if name != key}
        own = {name: part for name, part in value.items() if name not in (key, ASIDE)}
        inner = fields({**branch, "properties": properties}, own, drawing, path=path, depth=depth + 1)
        inner = (*inner, _hidden(drawing, f"{path}.~drawn", chosen))
    elif rest := {name: part for name, part in value.items() if name not in (key, ASIDE)}:
        inner = tuple(_rest({"additionalProperties": False}, rest, drawing, path))
    return (chooser, *inner, *_aside(value, drawing, path))


def _branch_option(branch: Schema, key: str, chosen: str) -> Option:
    constant = text_of(branch["properties"][key]["const"])
    return Option(constant, str(branch.get("title") or constant), constant == chosen)


_FILL: Final[Mapping[str, Callable[[Input, Schema, Any, Drawing, int], Input]]] = {
    "text": _fill_text,
    "textarea": _fill_text,
    "number": _fill_number,
    "select": _fill_select,
    "choices": _fill_select,
    "checkbox": _fill_checkbox,
    "map": _fill_map,
    "items": _fill_items,
    "lines": _fill_lines,
    "checks": _fill_checks,
    "objects": _fill_objects,
    "group": _fill_group,
    "choice": _fill_choice,
    "reference": _fill_reference,
    "data": _fill_data,
}

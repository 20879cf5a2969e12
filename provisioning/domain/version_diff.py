"""What is different between two versions of a contract, in sentences for people.

Called by the capability page and the API for the version history, and by whoever previews a draft. It tells and does
not judge: whether a version may follow is ``compatibility``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisioning.domain.contract import Contract, ObjectTemplate
from provisioning.domain.schema import Schema, type_words

_LIMITS: Mapping[str, tuple[str, str]] = {
    "minimum": ("from", ""),
    "maximum": ("up to", ""),
    "exclusiveMinimum": ("above", ""),
    "exclusiveMaximum": ("below", ""),
    "multipleOf": ("in steps of", ""),
    "minLength": ("at least", " characters long"),
    "maxLength": ("at most", " characters long"),
    "minItems": ("of at least", " items"),
    "maxItems": ("of at most", " items"),
    "minProperties": ("of at least", " entries"),
    "maxProperties": ("of at most", " entries"),
}
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_FLAGS = {
    "x-secret": ("takes a secret of another resource", "no longer takes a secret of another resource"),
    "x-immutable": ("cannot change once the resource is made", "may be changed later"),
    "x-grows-only": ("only grows", "may shrink"),
}
_AMOUNTS = {"cpu": ("CPU", ""), "memoryGiB": ("memory", "GiB of "), "storageGiB": ("storage", "GiB of ")}


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence. ``area`` is input, output, object, usage or text; ``kind`` is added, removed or changed."""

    area: str
    kind: str
    subject: str
    sentence: str


def differences(old: Contract, new: Contract) -> tuple[Difference, ...]:
    """Everything that is different, inputs first, in the newer document's order."""
    return (
        *_inputs(old.inputs, new.inputs, ""),
        *_rules(old.inputs, new.inputs),
        *_outputs(old, new),
        *_objects(old, new),
        *_usage(old, new),
        *_texts(old, new),
    )


def _inputs(old: Schema, new: Schema, above: str) -> Iterator[Difference]:
    before, after = old.get("properties") or {}, new.get("properties") or {}
    must_before, must_after = {*old.get("required", ())}, {*new.get("required", ())}
    for key, schema in after.items():
        name = f"{above}{key}"
        if key not in before:
            must = key in must_after and "default" not in schema
            yield Difference("input", "added", name, f"new input `{name}`{_described(schema, must)}")
        else:
            yield from _input(before[key], schema, name)
            if (key in must_before) != (key in must_after):
                says = "must now be given" if key in must_after else "may now be left out"
                yield Difference("input", "changed", name, f"`{name}` {says}")
    for key in before:
        if key not in after:
            yield Difference("input", "removed", f"{above}{key}", f"`{above}{key}` is gone")
    yield from _forms(old, new, above)


def _forms(old: Schema, new: Schema, above: str) -> Iterator[Difference]:
    """The several forms of an object, told apart by what is constant in each, and what holds under a condition."""
    before, after = dict(_formed(old)), dict(_formed(new))
    name = above.rstrip(".") or "the inputs"
    for key, schema in after.items():
        if key in before:
            for one in _inputs(before[key], schema, above):
                yield replace(one, sentence=f"{one.sentence} ({key})")
        else:
            yield Difference("input", "added", name, f"`{name}` has a new form: {key}")
    for key in before:
        if key not in after:
            yield Difference("input", "removed", name, f"`{name}` has one form less: {key}")


def _formed(schema: Schema) -> Iterator[tuple[str, Schema]]:
    for keyword in ("oneOf", "anyOf"):
        for number, one in enumerate(schema.get(keyword) or (), 1):
            if isinstance(one, Mapping) and ("properties" in one or "title" in one):
                yield _condition(one) or str(one.get("title") or f"form {number}"), one
    for rule in (schema, *(schema.get("allOf") or ())):
        held = _condition(rule["if"]) if isinstance(rule.get("if"), Mapping) else ""
        for keyword, words in (("then", f"when {held}"), ("else", f"unless {held}")):
            if held and isinstance(rule.get(keyword), Mapping):
                yield words, rule[keyword]


def _condition(schema: Schema) -> str:
    """``kind is git`` for what is constant or one of few in it."""
    properties = schema.get("properties") or {}
    parts = [f"{name} is {_value(one['const'])}" for name, one in properties.items() if "const" in one]
    parts += [f"{name} is one of {_listed(one['enum'])}" for name, one in properties.items() if one.get("enum")]
    return " and ".join(parts)


def _described(schema: Schema, must: bool) -> str:
    parts = [type_words(schema)]
    if "default" in schema:
        parts.append(f"{_value(schema['default'])} unless given")
    elif must:
        parts.append("which must be given")
    return f": {', '.join(parts)}"


def _input(old: Schema, new: Schema, name: str) -> Iterator[Difference]:
    for sentence in _changes(old, new):
        yield Difference("input", "changed", name, f"`{name}` {sentence}")
    yield from _inputs(old, new, f"{name}.")
    for keyword, shown in (("items", f"{name}[]"), ("additionalProperties", f"{name}.*")):
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _input(before, after, shown)
        elif keyword == "additionalProperties" and before != after and "type" in new:
            says = "takes no other keys any more" if after is False else "takes other keys as well"
            yield Difference("input", "changed", name, f"`{name}` {says}")


def _changes(old: Schema, new: Schema) -> Iterator[str]:
    if old.get("type") != new.get("type"):
        yield f"takes {type_words(new)} instead of {type_words(old)}"
    yield from _choices(old, new)
    for keyword, (words, unit) in _LIMITS.items():
        if old.get(keyword) != new.get(keyword):
            yield _limit(keyword, words, unit, old.get(keyword), new.get(keyword), new)
    if old.get("default") != new.get("default"):
        becomes = f"is {_value(new['default'])} unless given" if "default" in new else "has no default any more"
        was = f", it was {_value(old['default'])}" if "default" in old else ""
        yield f"{becomes}{was}"
    if old.get("pattern") != new.get("pattern"):
        yield f"must match `{new['pattern']}`" if "pattern" in new else "may be any text"
    for keyword, (set_, unset) in _FLAGS.items():
        if bool(old.get(keyword)) != bool(new.get(keyword)):
            yield set_ if new.get(keyword) else unset
    if old.get("x-scope") != new.get("x-scope"):
        yield "stays behind on promotion" if new.get("x-scope") else "travels on promotion"
    if old.get("x-effect", "none") != new.get("x-effect", "none"):
        effect = {"restarts": "restarts it", "data": "touches its data"}.get(
            str(new.get("x-effect")), "restarts nothing"
        )
        yield f"{effect} when changed"


def _choices(old: Schema, new: Schema) -> Iterator[str]:
    before, after = old.get("enum"), new.get("enum")
    if before == after:
        return
    if after is None:
        yield "may be any value"
    elif before is None:
        yield f"must be one of {_listed(after)}"
    else:
        if more := [one for one in after if one not in before]:
            yield f"may now be {_listed(more)} too"
        if less := [one for one in before if one not in after]:
            yield f"may no longer be {_listed(less)}"


def _limit(keyword: str, words: str, unit: str, before: Any, after: Any, schema: Schema) -> str:
    if after is None:
        return "has no lower limit any more" if keyword in _LOWER else "has no upper limit any more"
    measure = unit or (f" {schema['x-unit']}" if schema.get("x-unit") else "")
    wider = before is not None and ((after < before) if keyword in _LOWER else (after > before))
    return f"{'may now' if wider else 'must now'} be {words} {after}{measure}"


def _rules(old: Schema, new: Schema) -> Iterator[Difference]:
    before = {rule["rule"]: rule for rule in old.get("x-rules", [])}
    after = {rule["rule"]: rule for rule in new.get("x-rules", [])}
    for source, rule in after.items():
        if source not in before:
            yield Difference("input", "added", rule["at"], f"new rule: `{rule['at']}` {rule['say']}")
    for source, rule in before.items():
        if source not in after:
            yield Difference("input", "removed", rule["at"], f"no longer a rule: `{rule['at']}` {rule['say']}")


def _outputs(old: Contract, new: Contract) -> Iterator[Difference]:
    for name, schema in new.outputs.items():
        before = old.outputs.get(name)
        if before is None:
            secret = " (secret)" if schema.get("secret") else ""
            yield Difference("output", "added", name, f"new output `{name}`{secret}")
            continue
        if before.get("type") != schema.get("type"):
            words = f"is {type_words(schema)} instead of {type_words(before)}"
            yield Difference("output", "changed", name, f"output `{name}` {words}")
        if bool(before.get("secret")) != bool(schema.get("secret")):
            words = "is secret now" if schema.get("secret") else "is no longer secret"
            yield Difference("output", "changed", name, f"output `{name}` {words}")
        yield from _output_keys(name, before.get("properties") or {}, schema.get("properties") or {})
    for name in old.outputs:
        if name not in new.outputs:
            yield Difference("output", "removed", name, f"output `{name}` is gone")


def _output_keys(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for key in after:
        if key not in before:
            yield Difference("output", "changed", name, f"output `{name}` has `{key}` too")
    for key in before:
        if key not in after:
            yield Difference("output", "changed", name, f"output `{name}` has no `{key}` any more")


def _objects(old: Contract, new: Contract) -> Iterator[Difference]:
    before, after = ({one.id: one for one in contract.objects} for contract in (old, new))
    for key, one in after.items():
        kind = one.manifest["kind"]
        if key not in before:
            when = " in some cases" if one.include_when else ""
            yield Difference("object", "added", key, f"makes a {kind} (`{key}`){when}")
        elif what := _object_change(before[key], one):
            yield Difference("object", "changed", key, f"{kind} `{key}`: {what}")
    for key, one in before.items():
        if key not in after:
            yield Difference("object", "removed", key, f"makes no {one.manifest['kind']} (`{key}`) any more")


def _object_change(old: ObjectTemplate, new: ObjectTemplate) -> str:
    """Which fields differ, the first few by name."""
    places = sorted(_differing(old.manifest, new.manifest, ""))
    named = [f"`{one}`" for one in places[:4]]
    more = f" and {len(places) - 4} more" if len(places) > 4 else ""
    parts = [f"changes {', '.join(named)}{more}"] if named else []
    if old.include_when != new.include_when:
        parts.append("is made in other cases")
    if old.for_each != new.for_each:
        parts.append("is made for other items")
    if old.ready_when != new.ready_when:
        parts.append("counts as ready by another rule")
    return "; ".join(parts)


def _differing(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {*old, *new}:
            yield from _differing(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differing(one, other, f"{path}.{index}")
    elif old != new:
        yield path


def _usage(old: Contract, new: Contract) -> Iterator[Difference]:
    for key, (words, unit) in _AMOUNTS.items():
        before, after = old.usage.get(key, 0), new.usage.get(key, 0)
        if before == after:
            continue
        plain = all(isinstance(one, (int, float)) for one in (before, after))
        sentence = f"counts {after} {unit}{words} instead of {before}" if plain else f"counts {words} otherwise"
        yield Difference("usage", "changed", key, sentence)


def _texts(old: Contract, new: Contract) -> Iterator[Difference]:
    if old.summary != new.summary or old.title != new.title:
        yield Difference("text", "changed", "summary", "is described in other words")
    before, after = ({one.name for one in contract.examples} for contract in (old, new))
    for one in new.examples:
        if one.name not in before:
            yield Difference("text", "added", one.name, f"new example “{one.name}”")
    for one in old.examples:
        if one.name not in after:
            yield Difference("text", "removed", one.name, f"the example “{one.name}” is gone")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value}”" if isinstance(value, str) else str(value)


def _listed(values: list[Any]) -> str:
    return ", ".join(_value(one) for one in values)

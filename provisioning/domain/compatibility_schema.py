"""Does a newer schema take every value that an older one takes? Where not: which place, which rule, what breaks.

Called by ``compatibility`` for inputs (old, new) and for outputs (new, old). Sound rather than complete: what is not
proven to be as wide is reported. Written for the subset of ``schema`` and for how contracts read inputs: defaults are
filled in before a value is judged, so a required key with a default may be left out. The library's own proof,
``not_proven``, is asked beside these rules, and both must agree. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from provisioning.domain.schema import Schema, apply_defaults, type_words, validate
from provisioning.domain.schema_conditions import CONDITIONS, conditional, deciding, discriminator

EACH = "*"
"""The step to an item of a list, or to a value under a key that the schema does not name."""

_BOUNDS = {"lower": ("minimum", "exclusiveMinimum"), "upper": ("maximum", "exclusiveMaximum")}
_SIZES = (("minLength", "maxLength", "characters"), ("minItems", "maxItems", "items"))


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One way in which the newer schema takes less. ``path`` is where in the schema, ``steps`` where in a value.

    ``witnesses`` are values for that place, of which one may show it; none of them is checked here.
    """

    path: str
    steps: tuple[str, ...]
    rule: str
    message: str
    witnesses: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    path: str
    steps: tuple[str, ...] = ()

    def under(self, keyword: str, step: str, key: str = "") -> _Place:
        path = ".".join(part for part in (self.path, keyword, key) if part)
        return _Place(path, (*self.steps, step))

    def says(self, rule: str, message: str, *witnesses: Any) -> Narrowing:
        where = ".".join(self.steps)
        shown = f"“{where}” {message}" if where else message
        path = self.path if rule in _WITHOUT_KEYWORD else f"{self.path}.{rule}"
        return Narrowing(path, self.steps, rule, shown, witnesses)


_WITHOUT_KEYWORD = frozenset({"removed", "not-proven"})


def narrowings(old: Schema, new: Schema, path: str = "") -> list[Narrowing]:
    """Every place where ``new`` may refuse, after filling in defaults, what ``old`` takes. Both without ``$ref``."""
    return list(_compared(old, new, _Place(path)))


def not_proven(old: Schema, new: Schema, path: str = "") -> list[Narrowing]:
    """Where jsonschema-rs does not prove that ``new`` covers ``old``: the properties concerned, else the whole.

    Its answer “unknown” counts as no.
    """
    if _covers(old, new):
        return []
    before, after = old.get("properties") or {}, new.get("properties") or {}
    place = _Place(path)
    inside = [
        place.under("properties", key, key).says("not-proven", _NOT_PROVEN, *samples(before[key]))
        for key in before
        if key in after and not _covers(before[key], after[key])
    ]
    return inside or [place.says("not-proven", f"The inputs as a whole: {_NOT_PROVEN}")]


_NOT_PROVEN = "cannot be proven to take every value that it took before"


def _covers(old: Schema, new: Schema) -> bool:
    old, new = _without_shared(judged(old), judged(new))
    if old == new:
        return True
    try:
        wider, narrower = (jsonschema_rs.canonicalize(one) for one in (new, old))
        return wider.covers(narrower) == jsonschema_rs.canonical.Containment.YES
    except (ValueError, TypeError, OverflowError):  # what it cannot read, it cannot prove
        return False


def _without_shared(old: dict[str, Any], new: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both without the conditions that both have at the same place, or that only ``old`` has: what is as wide
    without a condition is as wide with it."""
    if not CONDITIONS & new.keys() or all(old.get(key) == new.get(key) for key in CONDITIONS):
        old, new = ({key: part for key, part in one.items() if key not in CONDITIONS} for one in (old, new))
    for keyword in ("items", "additionalProperties"):
        if isinstance(old.get(keyword), dict) and isinstance(new.get(keyword), dict):
            old[keyword], new[keyword] = _without_shared(old[keyword], new[keyword])
    for key in (old.get("properties") or {}).keys() & (new.get("properties") or {}).keys():
        inner = _without_shared(old["properties"][key], new["properties"][key])
        old["properties"] = {**old["properties"], key: inner[0]}
        new["properties"] = {**new["properties"], key: inner[1]}
    return old, new


def judged(schema: Schema) -> dict[str, Any]:
    """``schema`` with what decides only, and with required keys that have a default no longer required."""
    kept = {key: value for key, value in schema.items() if key in _DECIDING}
    for keyword in ("items", "additionalProperties", "propertyNames"):
        if isinstance(kept.get(keyword), Mapping):
            kept[keyword] = judged(kept[keyword])
    if "properties" in kept:
        kept["properties"] = {key: judged(child) for key, child in kept["properties"].items()}
    if "oneOf" in kept:
        kept["oneOf"] = [judged(branch) for branch in kept["oneOf"]]
    if "required" in kept:
        kept["required"] = sorted(_required(schema))
    return kept


_DECIDING = (
    frozenset(
        """type enum const minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern
    items minItems maxItems uniqueItems properties required additionalProperties propertyNames minProperties
    maxProperties""".split()  # noqa: SIM905 - two dozen keywords read better as words
    )
    | CONDITIONS
)


def _compared(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    if old == new:
        return
    yield from _promises(old, new, place)
    yield from _type(old, new, place)
    allowed = _listed(old)
    if allowed is not None:
        yield from _values(allowed, old, new, place)
        return
    if (chosen := _listed(new)) is not None:
        shown = ", ".join(str(one) for one in chosen)
        yield place.says(
            "enum" if "enum" in new else "const", f"took any value and now takes only {shown}", *samples(old)
        )
        return
    kind = old.get("type")
    if kind in (None, "integer", "number"):
        yield from _numbers(old, new, place)
    for least, most, unit in _SIZES:
        if kind in (None, "string" if unit == "characters" else "array"):
            yield from _sizes(old, new, place, least, most, unit)
    if kind in (None, "string"):
        yield from _pattern(old, new, place)
    if kind in (None, "array"):
        yield from _lists(old, new, place)
    if kind in (None, "object"):
        yield from _maps(old, new, place)
        yield from _choices(old, new, place)
        yield from _conditions(old, new, place)


def _promises(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    """Annotations that decide what a living resource may be given."""
    if old.get("x-secret") and not new.get("x-secret"):
        yield place.says("x-secret", "took a secret of another resource and does not any more")
    if new.get("x-immutable") and not old.get("x-immutable"):
        yield place.says("x-immutable", "could be changed and now stays as it was made")
    if new.get("x-grows-only") and not old.get("x-grows-only"):
        yield place.says("x-grows-only", "could shrink and now only grows")


def _type(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    had, has = old.get("type"), new.get("type")
    if has is None or had == has or (had, has) == ("integer", "number"):
        return
    yield place.says("type", f"took {type_words(old)} and now takes {type_words(new)}", *samples(old), 0.5, "text")


def _listed(schema: Schema) -> list[Any] | None:
    """The only values that it may take, None when it does not list them."""
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _values(allowed: Sequence[Any], old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    if any(isinstance(one, (Mapping, list)) for one in allowed):
        # Defaults are filled into a map before it is compared with the list, differently by each version.
        if {key: old.get(key) for key in _DECIDING} != {key: new.get(key) for key in _DECIDING} or _filled(
            old
        ) != _filled(new):
            yield place.says("not-proven", "lists maps or lists as values, which must stay as they are", *allowed)
        return
    gone = [one for one in allowed if not validate(one, old) and validate(one, new)]
    if gone:
        shown = ", ".join(str(one) for one in gone)
        rule = next((key for key in ("enum", "const", "pattern", "type") if key in new), "enum")
        yield place.says(rule, f"no longer takes {shown}", *gone)


@dataclass(frozen=True, slots=True)
class _Bound:
    value: float
    exclusive: bool


def _bound(schema: Schema, side: str) -> _Bound | None:
    """The tighter of the plain and the exclusive bound; for whole numbers always a plain one."""
    plain, exclusive = _BOUNDS[side]
    sign = 1 if side == "lower" else -1
    whole = schema.get("type") == "integer"
    found: list[_Bound] = []
    for keyword in (plain, exclusive):
        value = schema.get(keyword)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            continue
        excluded = keyword == exclusive
        if whole and math.isfinite(value):
            inner = math.floor(value) + 1 if side == "lower" else math.ceil(value) - 1
            edge = math.ceil(value) if side == "lower" else math.floor(value)
            found.append(_Bound(inner if excluded else edge, False))
        else:
            found.append(_Bound(value, excluded))
    return max(found, key=lambda one: (sign * one.value, one.exclusive), default=None)


def _numbers(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    for side, words in (("lower", "at least"), ("upper", "at most")):
        was, becomes = _bound(old, side), _bound(new, side)
        if becomes is None or (was is not None and _within(was, becomes, side)):
            continue
        keyword = next(key for key in reversed(_BOUNDS[side]) if key in new)
        before = f"{words} {was.value}" if was else "without a bound"
        sign = -1 if side == "lower" else 1
        beyond = (becomes.value, becomes.value + sign, becomes.value + sign * 0.5)
        at_edge = (was.value,) if was else ()
        yield place.says(keyword, f"was {before} and is now {words} {becomes.value}", *at_edge, *beyond)
    step, stepped = new.get("multipleOf"), old.get("multipleOf")
    if step is not None and step != stepped and not _is_multiple(stepped, step, old):
        yield place.says("multipleOf", f"must now be a multiple of {step}", *samples(old), 1, 7, 0.5)


def _within(was: _Bound, becomes: _Bound, side: str) -> bool:
    if was.value == becomes.value:
        return was.exclusive or not becomes.exclusive
    return was.value > becomes.value if side == "lower" else was.value < becomes.value


def _is_multiple(stepped: Any, step: Any, old: Schema) -> bool:
    if old.get("type") == "integer" and step == 1:
        return True
    return isinstance(stepped, int) and isinstance(step, int) and stepped % step == 0


def _sizes(old: Schema, new: Schema, place: _Place, least: str, most: str, unit: str) -> Iterator[Narrowing]:
    make = (lambda size: "a" * size) if unit == "characters" else (lambda size: [_sample(old.get("items"))] * size)
    if new.get(least, 0) > old.get(least, 0):
        yield place.says(least, f"must now have at least {new[least]} {unit}", make(min(int(old.get(least, 0)), 500)))
    if most in new and not (most in old and old[most] <= new[most]):
        yield place.says(most, f"may now have at most {new[most]} {unit}", make(min(int(new[most]) + 1, 500)))


def _pattern(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    if "pattern" in new and new["pattern"] != old.get("pattern"):
        before = old.get("pattern", "any text")
        yield place.says("pattern", f"matched {before} and must now match {new['pattern']}", *_texts(old))


def _lists(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    few = "maxItems" in old and old["maxItems"] <= 1
    if new.get("uniqueItems") and not old.get("uniqueItems") and not few:
        twice = [_sample(old.get("items"))] * 2
        yield place.says("uniqueItems", "must no longer hold the same item twice", twice)
    elif new.get("uniqueItems") and filling(old.get("items")) != filling(new.get("items")):
        yield place.says("uniqueItems", "holds items that are filled in otherwise, so two may become the same")
    if old.get("maxItems") == 0:
        return
    yield from _inner(old.get("items", True), new.get("items", True), place, "items", EACH)


def _inner(old: Any, new: Any, place: _Place, keyword: str, step: str, key: str = "") -> Iterator[Narrowing]:
    """A schema inside another, where true stands for anything and false for nothing."""
    if old is False or new is True:
        return
    inside = place.under(keyword, step, key)
    if new is False:
        yield inside.says("removed", "is no longer taken", *samples(old if old is not True else {}))
    else:
        yield from _compared({} if old is True else old, new, inside)


def _maps(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    before, after = old.get("properties") or {}, new.get("properties") or {}
    open_before, open_after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    for key in before:
        if key in after:
            yield from _inner(before[key], after[key], place, "properties", key, key)
        else:
            yield from _removed(before[key], open_after, place, key)
    for key in after:
        if key not in before:
            yield from _inner(open_before, after[key], place, "properties", key, key)
    yield from _inner(open_before, open_after, place, "additionalProperties", EACH)
    for key in sorted(_required(new) - _required(old)):
        yield place.says("required", f"now needs “{key}”, which could be left out", {})
    for key in sorted(_filled(new)):
        if validate(apply_defaults(after[key]["default"], after[key]), after[key]):
            yield place.under("properties", key, key).says("default", "has a default that does not fit once completed")
    yield from _names(old, new, place)
    yield from _counts(old, new, place)


def _choices(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    """``oneOf``: every choice stays and takes what it took; there may be more."""
    if "oneOf" not in new:
        return
    name = discriminator(new)
    if "oneOf" not in old or discriminator(old) != name:
        yield place.says("oneOf", "is now one of several choices, told apart by another constant", *samples(old))
        return
    after = {repr(one["properties"][name]["const"]): (index, one) for index, one in enumerate(new["oneOf"])}
    for branch in old["oneOf"]:
        constant = branch["properties"][name]["const"]
        index, kept = after.get(repr(constant), (0, None))
        if kept is None:
            yield place.says("oneOf", f"no longer offers {constant}", *samples(branch))
        else:
            inside = _Place(f"{place.path}.oneOf.{index}" if place.path else f"oneOf.{index}", place.steps)
            yield from _compared(branch, kept, inside)


_TESTS = tuple(sorted(CONDITIONS - {"oneOf"}))


def _conditions(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    """Conditions may go; one that comes or changes, or tests what is now completed otherwise, is not proven."""
    if not any(key in new for key in _TESTS):
        return
    if any(old.get(key) != new.get(key) for key in _TESTS):
        yield place.says("not-proven", "has a condition that it did not have like this", *samples(old))
        return
    before, after = old.get("properties") or {}, new.get("properties") or {}
    for name in sorted(conditional(new) | deciding(new)):
        if filling(before.get(name)) != filling(after.get(name)):
            inside = place.under("properties", name, name)
            yield inside.says("not-proven", "is completed otherwise, and conditions depend on it", *samples(old))


def _removed(before: Schema, open_after: Any, place: _Place, key: str) -> Iterator[Narrowing]:
    if open_after is False:
        inside = place.under("properties", key, key)
        yield inside.says("removed", "is no longer an input", *samples(before))
    else:
        yield from _inner(before, open_after, place, "additionalProperties", key)


def _required(schema: Schema) -> set[str]:
    """Keys that a person must write: required, and without a default that would fill them in."""
    return {*schema.get("required", ())} - _filled(schema)


def _filled(schema: Schema) -> set[str]:
    return {key for key, child in (schema.get("properties") or {}).items() if "default" in child}


def filling(schema: Any) -> Any:
    """What of a schema decides how a value is completed before it is judged; equal means completed alike."""
    if not isinstance(schema, Mapping):
        return schema
    inner = {key: filling(child) for key, child in (schema.get("properties") or {}).items()}
    kept = {key: schema[key] for key in ("type", "default") if key in schema}
    each = [filling(schema.get(key)) for key in ("items", "additionalProperties")]
    return {**kept, "in": inner, "each": each, "of": [filling(branch) for branch in schema.get("oneOf", ())]}


def _names(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    rule, ruled = new.get("propertyNames", True), old.get("propertyNames", True)
    if rule is True:
        return
    known = {*(old.get("properties") or {}), *_filled(new)}
    refused = [key for key in sorted(known) if rule is False or validate(key, rule)]
    if refused:
        yield place.says("propertyNames", f"no longer takes the name “{refused[0]}”", {refused[0]: "a"})
    elif old.get("additionalProperties", True) is not False and rule != ruled:
        for one in _inner(ruled, rule, place, "propertyNames", EACH):
            named = tuple({name: "a"} for name in one.witnesses if isinstance(name, str))
            yield Narrowing(one.path, place.steps, "propertyNames", one.message, named)


def _counts(old: Schema, new: Schema, place: _Place) -> Iterator[Narrowing]:
    """How many entries there may be, counted after defaults are filled in."""
    least, most = new.get("minProperties", 0), new.get("maxProperties")
    if least > 0 and not (old.get("minProperties", 0) >= least and _filled(old) <= _filled(new)):
        yield place.says("minProperties", f"must now have at least {least} entries", {})
    if most is not None and not (old.get("maxProperties", math.inf) <= most and _filled(new) <= _filled(old)):
        many = {f"k{number}": _sample(old.get("additionalProperties")) for number in range(min(int(most) + 1, 500))}
        yield place.says("maxProperties", f"may now have at most {most} entries", many)


@dataclass(slots=True)
class _Budget:
    left: int = field(default=200)


def samples(schema: Any, budget: _Budget | None = None) -> tuple[Any, ...]:
    """A few values that may fit ``schema``, for examples; no promise that they do."""
    left = budget or _Budget()
    left.left -= 1
    if not isinstance(schema, Mapping) or left.left < 0:
        return ("a", 1)
    listed = _listed(schema)
    if listed is not None:
        return tuple(listed[:3])
    given = (*((schema["default"],) if "default" in schema else ()), *schema.get("examples", ())[:2])
    match schema.get("type", "string"):
        case "boolean":
            made: tuple[Any, ...] = (True, False)
        case "integer" | "number":
            made = _amounts(schema)
        case "array":
            inner = samples(schema.get("items"), left)[:1]
            made = ([*inner] * min(int(schema.get("minItems", 0)), 50), [*inner])
        case "object" if schema.get("oneOf"):
            made = tuple(samples(branch, left)[0] for branch in schema["oneOf"][:3])
        case "object":
            properties = schema.get("properties") or {}
            made = ({key: samples(properties.get(key), left)[0] for key in sorted(_required(schema))},)
        case _:
            made = _texts(schema)
    return (*given, *made)


def _sample(schema: Any) -> Any:
    return samples(schema)[0]


def _amounts(schema: Schema) -> tuple[Any, ...]:
    ends = [one.value for side in ("lower", "upper") if (one := _bound(schema, side)) is not None]
    if schema.get("type") == "integer":
        return (*(int(end) for end in ends if math.isfinite(end)), 1, 0, 7)
    return (*ends, *(end + 0.5 for end in ends), *(end - 0.5 for end in ends), 0.5, 1)


def _texts(schema: Schema) -> tuple[str, ...]:
    size = max(1, min(int(schema.get("minLength", 1)), 500))
    fitting = tuple(one for one in ("a", "A", "a1", "a-b", "a_b", "a.b", "/a", "A B", "é", "") if len(one) >= size)
    return (*fitting, "a" * size)

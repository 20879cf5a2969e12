"""A foreign schema (a CRD's OpenAPI, a Helm chart's values) as the part of JSON Schema that contracts may use.

Called by ``contract_draft_crd`` and ``contract_draft_values``. Whatever contracts cannot say is left out, never bent
into something else, and each such place becomes a decision for a person: a rule that nobody checks, a value that is
taken as YAML, a type that was chosen among several. The schema is hostile until proven otherwise: references leave it
never, circles end, and depth and size have limits. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from idp.kernel.errors import InvalidInput
from provisioning.domain.contract_draft import Decision, first_sentence, title_of
from provisioning.domain.schema import TYPES, Schema, check_schema

ROOT: Final = "spec.inputs"
DEEPEST: Final = 6
"""Levels of inputs; what lies deeper is taken as it is, because no form of more could be filled in."""
MOST_OF_ONE: Final = 80
"""Parts that one input may have before it is taken as YAML."""
MOST: Final = 600
"""Parts of all inputs together; contracts may have more, but a draft that long is for nobody."""
_MOST_MENDED: Final = 6
_MOST_STEPS: Final = 30_000

MOST_RULES: Final = 6
"""Rules of the cluster that are told one by one."""
_TOLD_ONCE: Final = {
    "deep": "Nested deeper than a form can show, so taken as YAML, as it is",
    "circle": "Holds itself in turn, which a form cannot show, so taken as YAML, as it is",
    "number-or-text": "Takes a number or text, and the draft takes text; make it an integer where numbers are meant",
}

PLUMBING: Final = frozenset(
    """affinity annotations args command commonAnnotations commonLabels containerSecurityContext dnsConfig dnsPolicy
    extraContainers extraEnvVars extraVolumeMounts extraVolumes fullnameOverride hostAliases hostNetwork
    imagePullSecrets initContainers labels lifecycleHooks livenessProbe nameOverride nodeAffinityPreset nodeSelector
    podAffinityPreset podAnnotations podAntiAffinityPreset podLabels podMetadata podSecurityContext podTemplate
    priorityClassName readinessProbe runtimeClassName schedulerName securityContext serviceAccount serviceAccountName
    sidecars startupProbe terminationGracePeriodSeconds tolerations topologySpreadConstraints updateStrategy
    volumeMounts volumes
    """.split()  # noqa: SIM905 - fifty names read better as words
)
"""Where and how pods run is the platform's to say; left out of drafts unless it is required."""

_KEPT: Final = (
    "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength",
    "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties", "default",
    "examples", "format",
)  # fmt: skip
_RULES: Final = ("not", "if", "then", "else", "contains", "dependencies", "dependentRequired", "dependentSchemas")
_MACHINE_FORMATS: Final = frozenset({"int32", "int64", "float", "double", "byte"})
_QUANTITY: Final = "Ki|Mi|Gi|Ti|Pi|Ei"
_QUANTITY_SHORT: Final = "[KMGTPE]i"


@dataclass(slots=True)
class Translation:
    """One schema on its way. ``root`` is where its references point into."""

    root: Schema
    decisions: list[Decision] = field(default_factory=list)
    parts: int = 0
    steps: int = 0

    def spend(self) -> None:
        """InvalidInput when it has gone on for longer than any honest schema needs."""
        self.steps += 1
        if self.steps > _MOST_STEPS:
            raise InvalidInput("The schema is too large, or refers to itself too often, to make a draft from.")

    def note(self, path: str, rule: str, message: str, *, must: bool = False) -> None:
        self.decisions.append(Decision(path, rule, message, must))


def translated(schema: Schema, root: Schema | None = None) -> tuple[dict[str, Any], tuple[Decision, ...]]:
    """The inputs of a contract that takes what the object schema ``schema`` takes, and what is to be decided.

    ``root`` is the whole of which ``schema`` is a part, for its references.
    """
    work = Translation(root if root is not None else schema)
    source = _resolved(work, schema, ROOT, ())
    inputs = _object(work, source, ROOT, 0, ())
    inputs["additionalProperties"] = False
    _mend(work, inputs)
    return inputs, tuple(_gathered(work.decisions))


def _gathered(found: Sequence[Decision]) -> Iterator[Decision]:
    """What is the same in many places told once, so that the rest is read."""
    for rule, words in _TOLD_ONCE.items():
        places = [one.path.removeprefix(f"{ROOT}.properties.") for one in found if one.rule == rule]
        shown = ", ".join(_shown(one) for one in places[:4]) + (
            f" and {len(places) - 4} more" if len(places) > 4 else ""
        )
        if places:
            yield Decision(ROOT, rule, f"{words}: {shown}")
    rules = [one for one in found if one.rule == "cluster-rule"]
    yield from rules[:MOST_RULES]
    if len(rules) > MOST_RULES:
        message = (
            f"The cluster asks {len(rules) - MOST_RULES} more such things; people hear of them when they ask for one"
        )
        yield Decision(ROOT, "cluster-rules", message)
    yield from (one for one in found if one.rule != "cluster-rule" and one.rule not in _TOLD_ONCE)


def _shown(path: str) -> str:
    """``rules.filters`` for ``rules.items.properties.filters``."""
    return path.replace(".items.properties.", ".").replace(".properties.", ".").removesuffix(".items")


def _part(work: Translation, schema: Any, path: str, depth: int, trail: tuple[str, ...]) -> dict[str, Any]:
    """One schema inside; ``{}`` where anything goes. ``trail`` are the references that led here."""
    work.parts += 1
    work.spend()
    if not isinstance(schema, Mapping):
        return {}
    here = schema.get("$ref")
    if isinstance(here, str) and here in trail:
        work.note(path, "circle", _TOLD_ONCE["circle"])
        return _free(schema)
    inner = (*trail, here) if isinstance(here, str) else trail
    source = _resolved(work, schema, path, trail)
    if _is_number_or_text(source):
        return _number_or_text(work, source, path)
    kind = _kind(work, source, path)
    if kind in ("object", "array") and depth >= DEEPEST:
        work.note(path, "deep", _TOLD_ONCE["deep"])
        return {**_words(source, path), "type": kind}
    made = {**_words(source, path), **_kept(source)}
    if kind == "object":
        made |= _object(work, source, path, depth, inner)
    elif kind == "array":
        made |= _array(work, source, path, depth, inner)
    elif kind:
        made["type"] = kind
    elif made.get("enum") and all(isinstance(one, str) for one in made["enum"]):
        made["type"] = "string"
    _note_rules(work, source, path)
    return made


def _words(source: Schema, path: str) -> dict[str, Any]:
    name = path.rpartition(".properties.")[2]
    made: dict[str, Any] = {}
    if isinstance(source.get("title"), str) and source["title"].strip():
        made["title"] = source["title"].strip()[:80]
    elif ".properties." in path and "." not in name:
        made["title"] = title_of(name)[:80]
    if isinstance(source.get("description"), str) and source["description"].strip():
        made["description"] = first_sentence(source["description"], 300)
    return made


def _kept(source: Schema) -> dict[str, Any]:
    """What may stay as it is, in the words of 2020-12: bounds that were flags become bounds, null is no choice."""
    made = {key: source[key] for key in _KEPT if key in source}
    if made.get("format") in _MACHINE_FORMATS:
        made.pop("format")
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(exclusive), bool) and made.pop(exclusive) and bound in made:
            made[exclusive] = made.pop(bound)
    if "enum" in made:
        known = made.pop("enum")
        made |= {"enum": [one for one in known if one is not None]} if isinstance(known, list) and known else {}
    if made.get("default", 0) is None:
        made.pop("default")
    if source.get("x-kubernetes-list-type") == "set":
        made["uniqueItems"] = True
    return made


def _kind(work: Translation, source: Schema, path: str) -> str:
    """The one type it has; ``""`` for any. Null among several is what leaving it out says."""
    given = source.get("type")
    kinds = [one for one in (given if isinstance(given, list) else [given]) if one in TYPES]
    if not kinds:
        if "properties" in source or isinstance(source.get("additionalProperties"), Mapping):
            return "object"
        return "array" if isinstance(source.get("items"), Mapping) else ""
    if len(kinds) > 1:
        chosen = "string" if "string" in kinds else kinds[0]
        work.note(path, "several-types", f"It takes {' or '.join(kinds)}; the draft takes {chosen} only")
        return str(chosen)
    return str(kinds[0])


def _object(work: Translation, source: Schema, path: str, depth: int, trail: tuple[str, ...]) -> dict[str, Any]:
    more = source.get("additionalProperties")
    properties = source.get("properties")
    made: dict[str, Any] = {"type": "object"}
    if isinstance(properties, Mapping) and properties:
        required = [name for name in _names(source.get("required")) if name in properties]
        kept = _properties(work, properties, required, path, depth, trail)
        made["properties"] = kept
        made["additionalProperties"] = False
        if needed := [name for name in required if name in kept]:
            made["required"] = needed
    elif path == ROOT:
        made["properties"] = {}
    if isinstance(more, Mapping) and more and path != ROOT:
        made["additionalProperties"] = _part(work, more, f"{path}.additionalProperties", depth + 1, trail)
    elif path != ROOT and (source.get("x-kubernetes-preserve-unknown-fields") or more is True):
        made.pop("additionalProperties", None)
    return _with_patterns(work, source, made, path, depth, trail)


def _with_patterns(
    work: Translation, source: Schema, made: dict[str, Any], path: str, depth: int, trail: tuple[str, ...]
) -> dict[str, Any]:
    """One pattern of names without named ones is a map; anything more cannot be said."""
    patterns = source.get("patternProperties")
    if not isinstance(patterns, Mapping) or not patterns:
        return made
    if len(patterns) == 1 and "properties" not in made:
        [(pattern, value)] = patterns.items()
        made["additionalProperties"] = _part(work, value, f"{path}.additionalProperties", depth + 1, trail)
        made["propertyNames"] = {"pattern": pattern}
    else:
        work.note(path, "pattern-names", "Names that match a pattern are left out; add those that teams need")
    return made


def _properties(
    work: Translation, properties: Mapping[str, Any], required: Sequence[str], path: str, depth: int, trail: Any
) -> dict[str, Any]:
    """Required ones first, then as they stand; what only the platform should say is left out."""
    kept: dict[str, Any] = {}
    left: list[str] = []
    for name in sorted(properties, key=lambda one: one not in required):
        schema, where = properties[name], f"{path}.properties.{name}"
        if schema is False or not isinstance(name, str):
            continue
        if name not in required and name in PLUMBING and depth < 2:
            left.append(name)
        elif "." in name or not name or "${" in name:
            work.note(path, "name", f"“{name}” cannot be the name of an input; it is left out", must=name in required)
        elif work.parts > MOST and name not in required:
            work.note(path, "too-many", f"“{name}” is left out, because there are more inputs than anyone would read")
        else:
            kept[name] = _bounded(work, schema, where, depth, trail)
    if left:
        work.note(path, "plumbing", f"Left out, as where and how pods run is the platform's to say: {', '.join(left)}")
    return kept


def _bounded(work: Translation, schema: Any, where: str, depth: int, trail: Any) -> dict[str, Any]:
    """One input; taken as YAML where it has too many parts to be filled in."""
    before, decided = work.parts, len(work.decisions)
    made = _part(work, schema, where, depth + 1, trail)
    count = work.parts - before
    if count <= MOST_OF_ONE or depth > 0:
        return made
    del work.decisions[decided:]
    work.parts = before + 1
    message = (
        f"It has {count:,} parts, so it is taken as YAML, as it is; name the parts that teams need, or leave it out"
    )
    work.note(where, "large", message)
    return {**{key: made[key] for key in ("title", "description") if key in made}, "type": made.get("type", "object")}


def _array(work: Translation, source: Schema, path: str, depth: int, trail: tuple[str, ...]) -> dict[str, Any]:
    items = source.get("items")
    if isinstance(items, list):
        work.note(path, "tuple", "Each place of the list has a form of its own, which contracts cannot say")
        items = {}
    made = _part(work, items, f"{path}.items", depth + 1, trail)
    return {"type": "array", "items": made} if made else {"type": "array"}


def _free(source: Schema) -> dict[str, Any]:
    kind = source.get("type")
    return {"type": kind if isinstance(kind, str) and kind in TYPES else "object"}


def _is_number_or_text(source: Schema) -> bool:
    if source.get("x-kubernetes-int-or-string") or source.get("format") == "int-or-string":
        return True
    given = source.get("type")
    return isinstance(given, list) and {one for one in given if one != "null"} in (
        {"integer", "string"},
        {"number", "string"},
    )


def _number_or_text(work: Translation, source: Schema, path: str) -> dict[str, Any]:
    """Text, since text can hold a number; a quantity loses nothing by it."""
    made = {**_words(source, path), "type": "string"}
    pattern = str(source.get("pattern", ""))
    if isinstance(source.get("default"), (str, int, float)) and not isinstance(source["default"], bool):
        made["default"] = str(source["default"])
    if _QUANTITY in pattern or _QUANTITY_SHORT in pattern:
        made["x-placeholder"] = "500m, 2 or 1Gi"
    else:
        work.note(path, "number-or-text", _TOLD_ONCE["number-or-text"])
    return made


def _note_rules(work: Translation, source: Schema, path: str) -> None:
    """Rules that contracts cannot say; the cluster or the chart still checks them."""
    rules = [key for key in _RULES if key in source]
    if rules:
        work.note(
            path, "rule", f"It has a rule that is left out ({', '.join(rules)}); say it with x-rules where it counts"
        )
    checks = source.get("x-kubernetes-validations")
    for one in checks[:3] if isinstance(checks, list) else ():
        said = one.get("message") or one.get("rule") if isinstance(one, Mapping) else None
        if isinstance(said, str):
            work.note(path, "cluster-rule", f"The cluster also asks: {first_sentence(said, 160)}")


def _names(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _resolved(work: Translation, schema: Schema, path: str, trail: tuple[str, ...]) -> Schema:
    """``schema`` with its reference followed, ``allOf`` merged and alternatives settled; one level of each."""
    work.spend()
    seen = list(trail)
    while isinstance(schema, Mapping) and isinstance(here := schema.get("$ref"), str):
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = _target(work.root, here) if here not in seen else None
        if target is None:
            work.note(
                path, "reference", f"“{here[:120]}” leads nowhere inside the schema; anything is taken there", must=True
            )
            return {key: value for key, value in beside.items() if key in ("title", "description")}
        seen.append(here)
        schema = {**target, **beside}
    if isinstance(schema.get("allOf"), list):
        schema = _merged(work, schema, path, tuple(seen))
    return _settled(work, schema, path, tuple(seen))


def _target(root: Schema, reference: str) -> Schema | None:
    if not reference.startswith("#"):
        return None
    found: Any = root
    for step in (one.replace("~1", "/").replace("~0", "~") for one in reference[1:].split("/") if one):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _merged(work: Translation, schema: Schema, path: str, trail: tuple[str, ...]) -> Schema:
    """All of ``allOf`` in one: properties and required together, the narrower of two bounds."""
    made: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for one in schema["allOf"][:20]:
        if not isinstance(one, Mapping) or len(trail) > DEEPEST:
            continue
        part = _resolved(work, one, path, trail)
        for key, value in part.items():
            made[key] = _both(key, made[key], value) if key in made else value
    return made


def _both(key: str, first: Any, second: Any) -> Any:
    if key == "properties" and isinstance(first, Mapping) and isinstance(second, Mapping):
        return {**first, **{name: value for name, value in second.items() if name not in first}}
    if key == "required":
        return list(dict.fromkeys([*_names(first), *_names(second)]))
    if (
        key in ("minimum", "minLength", "minItems")
        and isinstance(first, (int, float))
        and isinstance(second, (int, float))
    ):
        return max(first, second)
    if (
        key in ("maximum", "maxLength", "maxItems")
        and isinstance(first, (int, float))
        and isinstance(second, (int, float))
    ):
        return min(first, second)
    return first


def _settled(work: Translation, schema: Schema, path: str, trail: tuple[str, ...]) -> Schema:
    """``anyOf`` and ``oneOf`` in a way that a contract can say, and a note where it cannot say all of it."""
    for keyword in ("oneOf", "anyOf"):
        branches = schema.get(keyword)
        if not isinstance(branches, list):
            continue
        schema = {key: value for key, value in schema.items() if key != keyword}
        if not _is_number_or_text(schema):
            schema = _chosen(work, schema, [one for one in branches[:20] if isinstance(one, Mapping)], path, trail)
    return schema


def _chosen(work: Translation, rest: Schema, branches: Sequence[Schema], path: str, trail: tuple[str, ...]) -> Schema:
    if len(trail) > DEEPEST:
        return rest
    found = [_resolved(work, one, path, trail) for one in branches if one.get("type") != "null"]
    if found and all("const" in one or isinstance(one.get("enum"), list) for one in found):
        values = [value for one in found for value in (one["enum"] if "enum" in one else [one["const"]])]
        return {**rest, "enum": list(dict.fromkeys(values))} if all(isinstance(one, str) for one in values) else rest
    if len(found) == 1:
        return {**found[0], **rest}
    kinds = {one.get("type") for one in found if isinstance(one.get("type"), str)}
    if kinds in ({"integer", "string"}, {"number", "string"}):
        return {**rest, "x-kubernetes-int-or-string": True}
    if all("properties" in one for one in found) and found:
        return _union(work, rest, found, path)
    if all(set(one) <= {"required", "properties", "not", "anyOf", "allOf"} for one in found):
        names = list(dict.fromkeys(name for one in found for name in _names(one.get("required"))))
        if names:
            work.note(
                path, "alternatives", f"It asks for one of {', '.join(names)}; the draft leaves that to the cluster"
            )
        return rest
    chosen = next((one for one in found if one.get("type") == "string"), found[0] if found else {})
    work.note(
        path,
        "alternatives",
        f"It takes one of {len(found)} forms; the draft takes the one that is {_kind_word(chosen)}",
    )
    return {**chosen, **rest}


def _kind_word(schema: Schema) -> str:
    return {"string": "text", "object": "a map", "array": "a list", "boolean": "true or false"}.get(
        str(schema.get("type")), str(schema.get("type") or "the first")
    )


def _union(work: Translation, rest: Schema, found: Iterable[Schema], path: str) -> Schema:
    properties: dict[str, Any] = {}
    for one in found:
        properties = {**one["properties"], **properties}
    work.note(
        path, "alternatives", "It has several forms; the draft offers the fields of all, and none is required by one"
    )
    given = rest.get("properties")
    return {**rest, "type": "object", "properties": {**properties, **(given if isinstance(given, Mapping) else {})}}


def _mend(work: Translation, inputs: dict[str, Any]) -> None:
    """Take away whatever a contract still may not hold: patterns that can take for ever, defaults that do not fit."""
    for _ in range(_MOST_MENDED):
        found = check_schema(inputs, ROOT)
        if not found:
            return
        for error in found:
            _drop(work, inputs, error.path, error.message)


def _drop(work: Translation, inputs: dict[str, Any], path: str, reason: str) -> None:
    """Remove the keyword at ``path``, or the nearest one above it that is there."""
    steps = path.removeprefix(f"{ROOT}.").split(".")
    trail: list[tuple[Any, str]] = []
    place: Any = inputs
    for step in steps:
        if not isinstance(place, dict) or step not in place:
            break
        trail.append((place, step))
        place = place[step]
    keywords = [(owner, step) for owner, step in trail if step in (*_KEPT, "propertyNames", "additionalProperties")]
    for owner, step in keywords[-1:] or trail[-1:]:
        value = owner.pop(step)
        shown = f" {value}" if step == "pattern" and isinstance(value, str) and len(value) <= 80 else ""
        where = path.rpartition(f".{step}")[0] or path
        why = reason if reason.startswith("the ") else f"it {reason}"
        work.note(where, f"{step}-dropped", f"Its {step}{shown} is left out: {why}")

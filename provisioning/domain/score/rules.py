"""The rules by which Score workloads become resources: which capability, from which inputs, with which outputs. Pure.

A set of rules is plain data, ``{"rules": […]}``, kept in versions by ``provisioning.services.score_rules``. Values are
text with ``${…}`` that are paths and nothing that computes. Each rule is one of three: it makes a resource of a
capability, finds one that the environment has already, or tells values without making anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from idp.kernel.cel import did_you_mean
from idp.kernel.documents import load_yaml
from idp.kernel.errors import FieldError, InvalidInput, UserFault
from provisioning.domain.contract import Contract
from provisioning.domain.document_schemas import CAPABILITY_PATTERN
from provisioning.domain.schema import at, validate
from provisioning.domain.score.placeholders import placeholders

WHATS: Final[Mapping[str, str]] = {
    "web": "A workload with a service",
    "worker": "A workload without a service",
    "files": "Files of a container",
    "resource": "A resource",
}
DOES: Final[Mapping[str, str]] = {
    "makes": "Makes a resource of a capability",
    "finds": "Finds a resource that the environment has",
    "tells": "Tells values and makes nothing",
}
CONTAINER: Final[Mapping[str, str]] = {
    "image": "image",
    "command": "command",
    "args": "args",
    "variables": "variables",
    "size": "resources",
    "volumes": "volumes",
    "files": "files",
    "http_path": "an HTTP probe",
    "exec_command": "a probe that runs a command",
}
"""What of a container a rule may take, with what it is called in a Score file."""
NAMES: Final = ("workload", "system", "environment", "stage")
MOST_RULES: Final = 100
_WORD = "^[A-Za-z0-9][A-Za-z0-9-]{0,61}[A-Za-z0-9]$"
_PLACE = r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*$"
_VALUE = {"type": "string", "minLength": 1, "maxLength": 400, "x-message": "must be text such as ${params.size}"}
_OTHERWISE = {"type": "string", "maxLength": 400}


def _closed(required: Sequence[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": list(required), "properties": properties}


SCHEMA: Final[dict[str, Any]] = _closed(
    ("rules",),
    rules={
        "type": "array",
        "maxItems": MOST_RULES,
        "items": _closed(
            ("what",),
            what={"type": "string", "enum": list(WHATS)},
            type={"type": "string", "pattern": _WORD, "x-message": "must be a type of Score, such as postgres"},
            **{"class": {"type": "string", "pattern": _WORD, "x-message": "must be a class of Score, such as large"}},
            does={"type": "string", "enum": list(DOES)},
            capability={"type": "string", "pattern": CAPABILITY_PATTERN, "x-message": "must name a capability"},
            version={
                "type": "string",
                "pattern": r"^\d{1,9}(\.\d{1,9}(\.\d{1,9})?)?$",
                "x-message": "must be a version such as 1 or 1.2.0, in quotes",
            },
            find=_VALUE,
            inputs={
                "type": "array",
                "maxItems": 40,
                "items": _closed(
                    ("input", "value"),
                    input={"type": "string", "pattern": _PLACE, "x-message": "must name an input, such as health.path"},
                    value=_VALUE,
                    otherwise=_OTHERWISE,
                ),
            },
            outputs={
                "type": "array",
                "maxItems": 40,
                "items": _closed(
                    ("output", "value"),
                    output={"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,62}$"},
                    value=_VALUE,
                    otherwise=_OTHERWISE,
                ),
            },
            sizes={
                "type": "array",
                "maxItems": 20,
                "items": _closed(
                    ("size", "cpu", "memory_gib"),
                    size={"type": "string", "minLength": 1, "maxLength": 60},
                    cpu={"type": "number", "minimum": 0, "maximum": 10_000},
                    memory_gib={"type": "number", "minimum": 0, "maximum": 100_000},
                ),
            },
        ),
    },
)


@dataclass(frozen=True, slots=True)
class Line:
    """One input or output: its name, its value, and what is taken where the value has nothing."""

    name: str
    value: str
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Size:
    """What a size of the capability carries, in cores and GiB."""

    name: str
    cpu: float
    memory_gib: float


@dataclass(frozen=True, slots=True)
class Rule:
    what: str
    type: str = ""
    cls: str = ""
    does: str = "makes"
    capability: str = ""
    version: str = ""
    find: str = ""
    inputs: tuple[Line, ...] = ()
    outputs: tuple[Line, ...] = ()
    sizes: tuple[Size, ...] = ()

    @property
    def label(self) -> str:
        """``postgres``, ``postgres.large``, ``a workload with a service``."""
        if self.what != "resource":
            return WHATS[self.what][0].lower() + WHATS[self.what][1:]
        return f"{self.type}.{self.cls}" if self.cls else self.type

    @property
    def reference(self) -> str:
        return f"{self.capability}@{self.version}" if self.version else self.capability

    def takes(self, root: str) -> tuple[str, ...]:
        """First steps below ``root`` that it reads: for ``params`` the parameters that mean something."""
        texts = [self.find, *(text for one in (*self.inputs, *self.outputs) for text in (one.value, one.otherwise))]
        return tuple(
            dict.fromkeys(
                parts[parts.index(root) + 1]
                for text in texts
                for one in placeholders(text)
                if root in (parts := one.parts)[:-1]
            )
        )


@cache
def shipped() -> Mapping[str, Any]:
    """The rules that ship, as plain data."""
    data: Mapping[str, Any] = load_yaml(Path(__file__).with_name("defaults.yaml").read_text()).data
    return data


def rules_of(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a checked document, in their order."""
    return tuple(rule_of(one) for one in document["rules"])


def rule_of(one: Mapping[str, Any]) -> Rule:
    return Rule(
        what=one["what"],
        type=one.get("type", ""),
        cls=one.get("class", ""),
        does=one.get("does", "makes"),
        capability=one.get("capability", ""),
        version=one.get("version", ""),
        find=one.get("find", ""),
        inputs=tuple(Line(line["input"], line["value"], line.get("otherwise", "")) for line in one.get("inputs", [])),
        outputs=tuple(
            Line(line["output"], line["value"], line.get("otherwise", "")) for line in one.get("outputs", [])
        ),
        sizes=tuple(Size(line["size"], line["cpu"], line["memory_gib"]) for line in one.get("sizes", [])),
    )


def rule_for(rules: Sequence[Rule], what: str, type: str = "", cls: str = "default") -> Rule | None:
    """The first rule that fits; a rule without a class fits every class."""
    return next(
        (one for one in rules if one.what == what and one.type == type and one.cls in ("", cls)),
        None,
    )


def require_sound(document: Any, contracts: Callable[[str, str], Contract]) -> tuple[Rule, ...]:
    """The rules of ``document``; InvalidInput with every problem and its path when they cannot be used."""
    problems = validate(document, SCHEMA)
    rules: tuple[Rule, ...] = ()
    if not problems:
        rules = rules_of(document)
        problems = [found for place, one in enumerate(rules) for found in _problems(one, f"rules.{place}", contracts)]
        problems += _unreachable(rules)
    if problems:
        first = problems[0]
        raise InvalidInput(f"These rules are not right yet: {first.path} {first.message}.", errors=problems)
    return rules


def _unreachable(rules: Sequence[Rule]) -> Iterator[FieldError]:
    for place, one in enumerate(rules):
        before = rule_for(rules[:place], one.what, one.type, one.cls or "default")
        if before is not None and (not before.cls or before.cls == one.cls):
            yield FieldError(f"rules.{place}", f"is never used: an earlier rule takes {one.label} already")


def _problems(one: Rule, path: str, contracts: Callable[[str, str], Contract]) -> Iterator[FieldError]:
    if one.what == "resource" and not one.type:
        yield FieldError(f"{path}.type", "is missing: which type of Score it is for")
    if one.what != "resource" and (one.type or one.cls):
        yield FieldError(f"{path}.type", "is for resources only; leave it out")
    if one.what != "resource" and one.does != "makes":
        yield FieldError(f"{path}.does", "must be makes for a workload and its files")
    if one.does == "finds" and not one.find:
        yield FieldError(f"{path}.find", "is missing: which resource to find, such as ${params.workload}")
    if one.does != "makes" and (one.capability or one.inputs):
        yield FieldError(f"{path}.capability", "is for rules that make something; leave it and the inputs out")
    yield from _repeated(one, path)
    contract = None
    if one.does == "makes":
        if not one.capability:
            yield FieldError(f"{path}.capability", "is missing: what it makes")
            return
        try:
            contract = contracts(one.capability, one.version)
        except UserFault as error:
            yield FieldError(f"{path}.capability", f"{error.message} {error.remedy}".strip().rstrip("."))
            return
    yield from _lines(one, path, contract)


def _repeated(one: Rule, path: str) -> Iterator[FieldError]:
    for key, lines in (("inputs", one.inputs), ("outputs", one.outputs)):
        seen: set[str] = set()
        for place, line in enumerate(lines):
            if line.name in seen:
                yield FieldError(f"{path}.{key}.{place}.{key[:-1]}", f"“{line.name}” stands here twice; keep one")
            seen.add(line.name)


def _lines(one: Rule, path: str, contract: Contract | None) -> Iterator[FieldError]:
    for place, line in enumerate(one.inputs):
        where = f"{path}.inputs.{place}"
        if contract is not None and at(contract.inputs, tuple(line.name.split(".")), {}) is None:
            known = contract.inputs.get("properties", {})
            first = line.name.partition(".")[0]
            yield FieldError(
                f"{where}.input", f"{contract.capability} has no input “{line.name}”{did_you_mean(first, known)}"
            )
        yield from _values(line, where, _sources(one), contract)
    if one.find:
        yield from _values(Line("", one.find), path, ("params", *NAMES), None, key="find")
    for place, line in enumerate(one.outputs):
        sources = ("outputs", "params", *NAMES) if one.does != "tells" else ("params", *NAMES)
        yield from _values(line, f"{path}.outputs.{place}", sources, contract)


def _sources(one: Rule) -> tuple[str, ...]:
    if one.what == "files":
        return ("files", *NAMES)
    if one.what == "resource":
        return ("params", "service", *NAMES)
    return ("container", "service", *NAMES)


def _values(
    line: Line, path: str, sources: Sequence[str], contract: Contract | None, *, key: str = "value"
) -> Iterator[FieldError]:
    for name, text in ((key, line.value), ("otherwise", line.otherwise)):
        for one in placeholders(text):
            if wrong := _wrong_source(one.parts, sources, contract):
                yield FieldError(f"{path}.{name}", f"“{one.source[:60]}” {wrong}")


def _wrong_source(parts: tuple[str, ...], sources: Sequence[str], contract: Contract | None) -> str:
    root, rest = parts[0], parts[1:]
    if root not in sources:
        return f"cannot be read here; there are {', '.join(sources)}"
    if root in NAMES:
        return "" if rest == ("name",) else f"must be {root}.name"
    if root == "container":
        return (
            "" if len(rest) == 1 and rest[0] in CONTAINER else f"must be container. and one of {', '.join(CONTAINER)}"
        )
    if root == "files":
        return "" if not rest else "must be files alone"
    if root == "service":
        fits = rest == ("port",) or (len(rest) == 3 and rest[:2] == ("at", "params"))
        return "" if fits else "must be service.port, or service.at.params. and the parameter that names the port"
    if root == "outputs" and contract is not None and (not rest or rest[0] not in contract.outputs):
        return f"is no output of {contract.capability}; there are {', '.join(contract.outputs)}"
    return "" if rest else f"must name what it reads of {root}"

"""Whether a document is a Score workload, in words with path and line. Pure.

The rules are in ``schema.json``. A document of another format is told apart by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from idp.kernel.documents import Document, load_all_yaml
from idp.kernel.errors import FieldError, InvalidInput
from provisioning.domain.score.upgrade import upgraded

API_VERSION: Final = "score.dev/v1b1"
MAX_BYTES: Final = 200_000
MOST_WORKLOADS: Final = 20
MOST_CONTAINERS: Final = 20
MOST_RESOURCES: Final = 60
MOST_PROBLEMS: Final = 50
_TYPES = {
    "string": "text in quotes",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
}
_NAMES = "must be 2 to 63 lower-case letters, digits and dashes, and begin and end with a letter or digit"
_PATTERNS = {
    "name": _NAMES,
    "word": "must be 2 to 63 letters, digits and dashes, and begin and end with a letter or digit",
    "id": "must be lower-case letters, digits and dashes, in words separated by dots",
    "memory": "must be an amount such as 512Mi or 1.5Gi, in quotes",
    "cpu": "must be an amount such as 0.5 or 250m, in quotes",
    "mode": "must be three octal digits such as 0644, in quotes",
}


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload that keeps the rules, in today's form. ``place`` is which document of the text it is."""

    name: str
    document: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    place: int = 0
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)
    moved: Mapping[str, str] = field(default_factory=dict, repr=False)

    def problem(self, path: str, message: str) -> FieldError:
        return FieldError(f"{self.name}: {path}" if path else self.name, message, line_of(self.lines, self.moved, path))


def workloads_of(text: str) -> tuple[Workload, ...]:
    """The workloads of a text, one document each; InvalidInput with every problem, its path and line."""
    documents = load_all_yaml(text, max_bytes=MAX_BYTES)
    if not documents:
        raise InvalidInput("The text is empty.", errors=[FieldError("", "Paste a Score file.")])
    if len(documents) > MOST_WORKLOADS:
        told = f"At most {MOST_WORKLOADS} workloads are read at once."
        raise InvalidInput(told, errors=[FieldError("", told, documents[MOST_WORKLOADS].line(""))])
    found: list[Workload] = []
    problems: list[FieldError] = []
    for place, document in enumerate(documents):
        one, wrong = _workload(document, place, many=len(documents) > 1)
        problems += wrong
        if one is not None and any(one.name == other.name for other in found):
            problems.append(one.problem("metadata.name", f"“{one.name}” stands in this text twice; keep one"))
        elif one is not None:
            found.append(one)
    if problems:
        first = problems[0]
        raise InvalidInput(
            f"This is not a Score workload yet: {first.path} {first.message}.".replace("  ", " "),
            code="invalid-score",
            errors=problems[:MOST_PROBLEMS],
        )
    return tuple(found)


def line_of(lines: Mapping[str, int], moved: Mapping[str, str], path: str) -> int | None:
    """The line of ``path``, or of the nearest place above it; ``moved`` leads back to where it stood."""
    for new, old in moved.items():
        if path == new or path.startswith(f"{new}."):
            path = old + path[len(new) :]
            break
    while path not in lines and path:
        path = path.rpartition(".")[0]
    return lines.get(path)


def _workload(document: Document, place: int, *, many: bool) -> tuple[Workload | None, list[FieldError]]:
    data = document.data
    where = f"document {place + 1}" if many else ""
    if (foreign := _foreign(data)) is not None:
        return None, [FieldError(_join(where, "apiVersion"), foreign, document.line("apiVersion"))]
    made, moved, notes = upgraded(data)
    problems = [
        FieldError(_join(where, one.path), one.message, line_of(document.lines, moved, one.path))
        for one in [*_errors(made), *_too_many(made)]
    ]
    if problems:
        return None, problems
    name = made["metadata"]["name"]
    return Workload(name, made, tuple(notes), place, document.lines, moved), []


def _foreign(data: Any) -> str | None:
    """Why a document is of another format; None when it says that it is a Score workload."""
    if not isinstance(data, Mapping):
        return "must be there: a Score file is a map that begins with apiVersion: score.dev/v1b1"
    version = data.get("apiVersion")
    if version == API_VERSION:
        return None
    if version == "score.sh/v1b1":
        return "score.sh/v1b1 is an older format; write apiVersion: score.dev/v1b1"
    if isinstance(version, str) and version.startswith("humanitec.org/"):
        return "this is a vendor's extension file and no Score workload; paste the file that says score.dev/v1b1"
    return "must be score.dev/v1b1"


def _too_many(document: Mapping[str, Any]) -> Iterator[FieldError]:
    for key, most in (("containers", MOST_CONTAINERS), ("resources", MOST_RESOURCES)):
        inside = document.get(key)
        if isinstance(inside, Mapping) and len(inside) > most:
            yield FieldError(key, f"has {len(inside)}; at most {most} are read")


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(Path(__file__).with_name("schema.json").read_text()))


def _errors(document: Mapping[str, Any]) -> list[FieldError]:
    """What does not keep the rules, one thing per place, at most ``MOST_PROBLEMS``."""
    found: dict[str, FieldError] = {}
    for error in islice(_validator().iter_errors(document), MOST_PROBLEMS):
        for one in _in_words(error):
            found.setdefault(one.path, one)
    return sorted(found.values(), key=lambda one: one.path)


def _in_words(error: ValidationError) -> Iterator[FieldError]:
    path = ".".join(str(step) for step in error.absolute_path)
    rule: Any = error.validator_value
    instance: Any = error.instance
    match error.validator:
        case "required":
            for name in (name for name in rule if name not in instance):
                yield FieldError(_join(path, name), "is missing")
        case "additionalProperties":
            schema: Any = error.schema
            known = sorted(schema.get("properties", {}))
            for name in sorted(set(instance) - set(known))[:5]:
                yield FieldError(_join(path, name[:80]), f"is not known here; known are {', '.join(known)}")
        case "oneOf":
            yield FieldError(path, "must have exactly one of content, source and binaryContent")
        case "enum":
            yield FieldError(path, f"must be one of {', '.join(rule)}")
        case "type":
            yield FieldError(path, f"must be {_TYPES[rule]}")
        case "minimum" | "maximum":
            yield FieldError(path, "must be a port from 1 to 65535")
        case "minProperties":
            yield FieldError(path, "must have at least one entry" if path == "containers" else "needs httpGet or exec")
        case _:
            yield _text_error(error, path)


def _text_error(error: ValidationError, path: str) -> FieldError:
    """For what is wrong with a text or a key; a key is told with the map that it stands in."""
    is_key = "propertyNames" in error.schema_path
    last = path.rpartition(".")[2]
    words = _PATTERNS.get(last) if not is_key else None
    if words is None and last in ("type", "class"):
        words = _PATTERNS["word"]
    if words is None:
        words = "must not be empty" if error.validator == "minLength" and error.validator_value == 1 else ""
    if is_key:
        inside = path.rpartition(".")[2]
        words = "must not be empty or hold an equals sign" if inside == "variables" else _NAMES
        words = "must be a key of an annotation such as example.com/name" if inside == "annotations" else words
        return FieldError(_join(path, str(error.instance)[:80]), f"is a name that {words}")
    return FieldError(path, words or f"must match {error.validator_value}")


def _join(path: str, name: str) -> str:
    if not path or not name:
        return path or name
    return (
        f"{path}: {name}" if path.startswith("document ") and "." not in path and ":" not in path else f"{path}.{name}"
    )

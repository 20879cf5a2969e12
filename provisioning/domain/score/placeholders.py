"""Placeholders of Score: ``${metadata.name}``, ``${resources.db.host}``, the escapes ``\\.`` and ``$$``. Pure.

``$$`` is a dollar and ``$${…}`` is the text ``${…}``; any other ``$`` is itself. What is no string becomes JSON text.
Reads each character once, so that no text takes longer than its length.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_IN_A_TEXT = 200
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What stands between ``${`` and ``}``."""

    source: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Its steps; a dot that is escaped belongs to its step."""
        return tuple(part.replace("\0", ".") for part in self.source.replace("\\.", "\0").split("."))


@dataclass(frozen=True, slots=True)
class Reference:
    """A value that is known only when the environment is made: a reference of an environment's document.

    ``secret``: it never leaves the cluster, so that it can only be the whole of a value.
    """

    source: str
    secret: bool = False

    def __str__(self) -> str:
        return f"${{{self.source}}}"


@dataclass(frozen=True, slots=True)
class Composed:
    """A text with references in it."""

    parts: tuple[str | Reference, ...]

    @property
    def alone(self) -> Reference | None:
        one = self.parts[0] if len(self.parts) == 1 else None
        return one if isinstance(one, Reference) else None

    @property
    def has_secret(self) -> bool:
        return any(isinstance(part, Reference) and part.secret for part in self.parts)


class Unwritable(ValueError):
    """Why a text cannot be written in an environment's document."""


def parse(text: str) -> tuple[str | Placeholder, ...]:
    """``text`` as literal pieces, unescaped, and placeholders; empty pieces are left out."""
    parts: list[str | Placeholder] = []
    literal: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        literal.append(text[at:dollar])
        escaped = text.startswith("$$", dollar)
        opened = dollar + escaped + 1
        closed = text.find("}", opened) if text.startswith("{", opened) else -1
        if escaped:
            end = closed + 1 if closed >= 0 else dollar + 2
            literal.append(text[dollar + 1 : end])
        elif closed >= 0:
            parts += ["".join(literal)] if any(literal) else []
            parts.append(Placeholder(text[opened + 1 : closed]))
            literal, end = [], closed + 1
        else:
            literal.append("$")
            end = dollar + 1
        at = end
        if text.startswith("{", opened) and closed < 0:
            break  # nothing is closed any more, so that nothing behind this is a placeholder
    rest = "".join(literal) + (_unescaped(text[at:]) if at < len(text) else "")
    return (*parts, rest) if rest else tuple(parts)


def _unescaped(text: str) -> str:
    return text.replace("$$", "$")


def placeholders(value: Any) -> list[Placeholder]:
    """Every placeholder in ``value``, however deep."""
    if isinstance(value, str):
        return [part for part in parse(value) if isinstance(part, Placeholder)]
    inside: Iterable[Any] = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [found for one in inside for found in placeholders(one)]


def read_by(value: Any) -> frozenset[str]:
    """Names of the resources that ``value`` reads, whether they are there or not."""
    found = (one.parts for one in placeholders(value))
    return frozenset(parts[1] for parts in found if parts[0] == "resources" and len(parts) > 1)


def as_text(value: Any) -> str:
    """A value inside a text: itself when it is one, else compact JSON as the reference implementation writes it."""
    if isinstance(value, str):
        return value
    written = json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return "".join(_HTML.get(letter, letter) for letter in written)


def filled(text: str, resolve: Callable[[Placeholder], Any]) -> str | Composed:
    """``text`` with every placeholder replaced; ``resolve`` gives a plain value, a Reference or a Composed."""
    parts: list[str | Reference] = []
    for part in parse(text):
        value = part if isinstance(part, str) else resolve(part)
        if isinstance(value, Composed):
            parts += value.parts
        elif isinstance(value, Reference):
            parts.append(value)
        else:
            parts.append(as_text(value))
    if not any(isinstance(part, Reference) for part in parts):
        return "".join(str(part) for part in parts)
    return Composed(_joined(parts))


def _joined(parts: list[str | Reference]) -> tuple[str | Reference, ...]:
    """The same with neighbouring texts as one, and without empty ones."""
    made: list[str | Reference] = []
    for part in parts:
        if isinstance(part, str) and made and isinstance(made[-1], str):
            made[-1] += part
        elif part != "":
            made.append(part)
    return tuple(made)


def written(value: Any) -> Any:
    """``value`` as it stands in an environment's document, where ``${`` that is only text is written ``$${``.

    Raises Unwritable for a dollar right before a reference, which that document has no way to write.
    """
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Reference):
        return str(value)
    if isinstance(value, Composed):
        return _composed(value)
    if isinstance(value, Mapping):
        return {key: written(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [written(one) for one in value]
    return value


def _composed(value: Composed) -> str:
    made = ""
    for part in value.parts:
        if isinstance(part, Reference) and made.endswith("$"):
            raise Unwritable("has a dollar right before a placeholder, which cannot be written; put something between")
        made += str(part) if isinstance(part, Reference) else part.replace("${", "$${")
    return made

"""References in an environment's inputs: ``${resources.db.outputs.host}`` and a few words about where it runs.

An environment's document is written by developers, so what it may hold between ``${`` and ``}`` is a plain path
and nothing that computes. Called by ``graph`` (which resources need which), ``revision`` (checks) and rendering
(replaces them). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from idp.kernel.cel import CelError
from idp.kernel.cel import expressions as _expressions
from idp.kernel.cel import whole as _whole
from idp.kernel.errors import FieldError

CONTEXT: Mapping[str, tuple[str, ...]] = {
    "environment": ("name", "namespace", "stage"),
    "system": ("name",),
    "team": ("name", "slug"),
    "stage": ("name",),
}
_OUTPUT = re.compile(
    r"resources(?:\.([A-Za-z0-9-]+)|\[[\"']([A-Za-z0-9-]+)[\"']\])\.outputs\.([A-Za-z][A-Za-z0-9_]*)((?:\.[A-Za-z0-9_-]+)*)"
)
_CONTEXT = re.compile(r"(environment|system|team|stage)\.([a-z]+)")
EXAMPLE = "${resources.db.outputs.host}"


@dataclass(frozen=True, slots=True)
class Reference:
    """One ``${…}``. ``resource`` is empty when it reads the context (``steps`` is then the path, ``("environment",
    "name")``); else ``output`` is the output it reads and ``steps`` what it takes from inside it.

    ``path`` is where it stands; ``alone`` is whether it is the whole value there.
    """

    path: str
    source: str
    alone: bool
    resource: str = ""
    output: str = ""
    steps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"${{{self.source}}}"


def references(value: Any, path: str = "") -> tuple[list[Reference], list[FieldError]]:
    """All references in ``value``, and what stands in ``${…}`` without being one."""
    try:
        found = _expressions(value, path)
    except CelError as error:
        return [], list(error.errors)
    alone = _places_of_whole(value, path)
    read: list[Reference] = []
    wrong: list[FieldError] = []
    for where, source in found:
        reference = parse_reference(source, where, alone=where in alone)
        if reference is None:
            wrong.append(FieldError(where, _advice(source)))
        else:
            read.append(reference)
    return read, wrong


def parse_reference(source: str, path: str = "", *, alone: bool = True) -> Reference | None:
    """The reference that ``source`` (without ``${`` and ``}``) writes, or None when it is something else."""
    source = source.strip()
    if (match := _OUTPUT.fullmatch(source)) is not None:
        steps = tuple(match[4].split(".")[1:])
        return Reference(path, source, alone, match[1] or match[2], match[3], steps)
    if (match := _CONTEXT.fullmatch(source)) is not None and match[2] in CONTEXT[match[1]]:
        return Reference(path, source, alone, steps=(match[1], match[2]))
    return None


def _places_of_whole(value: Any, path: str) -> set[str]:
    if isinstance(value, str):
        return {path} if _whole(value) is not None else set()
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    places: set[str] = set()
    for key, item in items:
        places |= _places_of_whole(item, f"{path}.{key}" if path else str(key))
    return places


def _advice(source: str) -> str:
    shown = source if len(source) <= 60 else source[:59] + "…"
    context = ", ".join(f"{root}.{name}" for root, names in CONTEXT.items() for name in names)
    return f"“{shown}” is not a reference; write {EXAMPLE}, or one of {context}"

"""References between entities: ``[kind:][namespace/]name``, with the leniency of Backstage's own parser.

``a:b:c`` is the name ``b:c`` of kind ``a``; ``a/b/c`` is the name ``b/c`` in namespace ``a``. Identity is the
lower-case canonical form ``kind:namespace/name``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

DEFAULT_NAMESPACE: Final = "default"


class WrongRef(ValueError):
    """Its text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Ref:
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}".lower()


def parse(text: str, *, kind: str = "", namespace: str = DEFAULT_NAMESPACE) -> Ref:
    """``text`` in a context that says which kind and namespace are meant where none is written; WrongRef otherwise."""
    if not text:
        raise WrongRef("A reference must not be empty.")
    colon, slash = text.find(":"), text.find("/")
    if slash != -1 and slash < colon:
        colon = -1
    written = None if colon == -1 else text[:colon]
    space = None if slash == -1 else text[colon + 1 : slash]
    name = text[max(colon, slash) + 1 :]
    if written == "" or space == "" or not name:
        raise WrongRef(f"“{text[:80]}” is no reference; write [kind:][namespace/]name, for example component:shop.")
    if not (written or kind):
        raise WrongRef(f"Write the kind of “{text[:80]}” too, for example component:{text[:80]}.")
    return Ref(written or kind, space or namespace, name)


def ref_of(data: Mapping[str, Any]) -> Ref:
    """The reference of an entity that is valid."""
    metadata = data["metadata"]
    return Ref(data["kind"], metadata.get("namespace") or DEFAULT_NAMESPACE, metadata["name"])

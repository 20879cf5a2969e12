"""Policies as text: a document written out as people read it, and a text with another mode. Pure.

What people wrote is kept as they wrote it, comments included; documents that came as JSON are written out here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from governance.domain.policy import Mode
from idp.kernel.canonical import digest
from idp.kernel.documents import load_yaml
from idp.kernel.errors import InvalidInput

MAX_BYTES: Final = 60_000
_ORDER: Final = ("title", "mode", "scope", "when", "effect", "approvals", "message", "remedy", "tests")
_PARTS: Final = {"approvals": ("from", "count"), "tests": ("name", "facts", "expect")}
_MODE: Final = re.compile(r"\bmode:\s*[\"']?(?:enforce|observe)[\"']?")


def policy_text(document: Mapping[str, Any]) -> str:
    """A valid document as YAML, in the order in which a policy is read."""
    spec = document["spec"]
    ordered: dict[str, Any] = {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": document["metadata"],
        "spec": {key: spec[key] for key in _ORDER if key in spec},
    }
    for part, keys in _PARTS.items():
        if part in spec:
            ordered["spec"][part] = [{key: one[key] for key in keys if key in one} for one in spec[part]]
    return str(yaml.dump(ordered, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110))


def with_mode(text: str, mode: Mode) -> str:
    """``text``, a valid policy, with ``mode``; only that line differs where the text allows it."""
    found = load_yaml(text, max_bytes=MAX_BYTES)
    wanted = {**found.data, "spec": {**found.data["spec"], "mode": mode}}
    lines = text.splitlines(keepends=True)
    there, title = found.lines.get("spec.mode"), found.lines.get("spec.title")
    if there is not None:
        lines[there - 1] = _MODE.sub(f"mode: {mode}", lines[there - 1], count=1)
    elif title is not None:
        indent = re.match(r"\s*", lines[title - 1])
        lines.insert(title - 1, f"{indent.group() if indent else ''}mode: {mode}\n")
    edited = "".join(lines)
    return edited if _is(edited, wanted) else policy_text(wanted)


def _is(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return digest(load_yaml(text, max_bytes=MAX_BYTES).data) == digest(wanted)
    except (InvalidInput, TypeError):
        return False


class _Dumper(yaml.SafeDumper):
    """Without aliases, and with texts of several lines as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text.strip() else None)


_Dumper.add_representer(str, _block)

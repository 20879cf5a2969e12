"""Turns deprecated forms of a Score document into those of today, as the reference implementation does. Pure.

Called before a document is checked. What cannot be turned stays as it is, so that the check says what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def upgraded(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """The document in today's form, where each moved place stood before, and what was changed, in sentences."""
    moved: dict[str, str] = {}
    notes: list[str] = []
    containers = document.get("containers")
    if not isinstance(containers, Mapping):
        return dict(document), moved, notes
    made = {name: _container(one, f"containers.{name}", moved, notes) for name, one in containers.items()}
    return {**document, "containers": made}, moved, notes


def _container(one: Any, path: str, moved: dict[str, str], notes: list[str]) -> Any:
    if not isinstance(one, Mapping):
        return one
    made = dict(one)
    for key in ("files", "volumes"):
        if isinstance(made.get(key), list):
            made[key] = _mapped(made[key], f"{path}.{key}", moved, notes)
    return made


def _mapped(items: list[Any], path: str, moved: dict[str, str], notes: list[str]) -> Any:
    """The list as a map by ``target``; the list itself where an entry has none, or two have the same."""
    entries = [_entry(one, f"{path}.{place}", notes) for place, one in enumerate(items)]
    targets = [one.get("target") if isinstance(one, Mapping) else None for one in entries]
    if not all(isinstance(one, str) and one for one in targets) or len(set(targets)) < len(targets):
        return entries
    for place, target in enumerate(targets):
        moved[f"{path}.{target}"] = f"{path}.{place}"
    if items:
        notes.append(f"{path} is a list, which is deprecated; it was read as a map by target.")
    return {
        target: {key: value for key, value in one.items() if key != "target"}
        for target, one in zip(targets, entries, strict=True)
    }


def _entry(one: Any, path: str, notes: list[str]) -> Any:
    if not isinstance(one, Mapping):
        return one
    made = dict(one)
    if isinstance(made.get("content"), list):
        made["content"] = "\n".join(_line(line) for line in made["content"])
        notes.append(f"{path}.content is a list of lines; they were joined.")
    if isinstance(made.get("read_only"), bool):
        made["readOnly"] = made.pop("read_only")
        notes.append(f"{path}.read_only is called readOnly now.")
    return made


def _line(line: Any) -> str:
    """A line as the reference implementation prints it."""
    if isinstance(line, bool):
        return str(line).lower()
    return str(line)

"""Files in Git: what a file would have to say for an environment to become something else, as a patch to apply there.

Called by ``services.git_patches`` and by pages that show how Git and Slipway differ. An edit touches the lines that it
is about and leaves the others, with their comments, as they stand; where that cannot be, the document is written anew.
Texts are those of files that were read before, so they are YAML; what they say inside is data and nothing else. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

import yaml

from idp.kernel.documents import Document, load_all_yaml
from idp.kernel.errors import InvalidInput

OWNED: Final = "git"
"""The name under which Git speaks among the policies' verdicts."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_SEPARATOR: Final = re.compile(r"^---(\s|$)")
_NONE: Final = object()


def commit_link(url: str, commit: str) -> str:
    """The page of a commit as GitHub, GitLab and Gitea have it; empty where the address tells no web site."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ssh") or not parts.hostname:
        return ""
    scheme = "https" if parts.scheme == "ssh" else parts.scheme
    port = f":{parts.port}" if parts.port and parts.scheme != "ssh" else ""
    path = parts.path.strip("/").removesuffix(".git")
    between = "-/commit" if "gitlab" in parts.hostname else "commit"
    return f"{scheme}://{parts.hostname}{port}/{quote(path)}/{between}/{commit}"


def same_wish(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two revisions' documents ask for the same, asleep or awake."""
    return _wish(one) == _wish(other)


def _wish(document: Mapping[str, Any] | None) -> Any:
    if document is None:
        return None
    named = ("capability", "contract", "component", "inputs")
    resources = {
        name: [one.get(key) or None for key in (("from", "component") if "from" in one else named)]
        for name, one in document.get("resources", {}).items()
    }
    return resources, document.get("expires")


def spec_towards(
    written: Mapping[str, Any], agreed: Mapping[str, Any] | None, target: Mapping[str, Any]
) -> dict[str, Any]:
    """The ``spec`` that asks for ``target`` where ``written`` asks for ``agreed``, both documents of revisions.

    What is equal in both stays as it is written: a capability with its span of versions, an input that is left out.
    """
    before = agreed or {}
    spec = dict(written)
    asked = written.get("resources") or {}
    wanted = target.get("resources", {})
    known = before.get("resources", {})
    names = [name for name in asked if name in wanted] + [name for name in wanted if name not in asked]
    spec["resources"] = {name: _resource_towards(asked.get(name), known.get(name), wanted[name]) for name in names}
    if before.get("expires") != target.get("expires"):
        spec.pop("expires", None)
        if target.get("expires"):
            spec["expires"] = target["expires"]
    return spec


def _resource_towards(written: Any, agreed: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
    if "from" in wanted:
        return _borrowed_towards(written, wanted)
    pinned = f"{wanted['capability']}@{wanted['contract']}"
    if not isinstance(written, Mapping) or agreed is None or agreed["capability"] != wanted["capability"]:
        component = {"component": wanted["component"]} if wanted.get("component") else {}
        return {"capability": pinned, **component, "inputs": dict(wanted["inputs"])}
    made = dict(written)
    if agreed["contract"] != wanted["contract"]:
        made["capability"] = pinned
    if (agreed.get("component") or None) != (wanted.get("component") or None):
        made.pop("component", None)
        if wanted.get("component"):
            made["component"] = wanted["component"]
    inputs = dict(made.get("inputs") or {})
    for name in {**agreed["inputs"], **wanted["inputs"]}:
        value = wanted["inputs"].get(name, _NONE)
        if value is _NONE:
            inputs.pop(name, None)
        elif agreed["inputs"].get(name, _NONE) != value:
            inputs[name] = value
    if inputs or "inputs" in made:
        made["inputs"] = inputs
    return made


def _borrowed_towards(written: Any, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What another environment lends: where it comes from, and no version, as that is not for the file to say."""
    made = {key: value for key, value in written.items() if key != "component"} if _is_from(written, wanted) else {}
    component = {"component": wanted["component"]} if wanted.get("component") else {}
    return {**(made or {"from": dict(wanted["from"])}), **component}


def _is_from(written: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(written, Mapping) and written.get("from") == wanted["from"]


def file_edited(text: str, document: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> str:
    """``text`` with ``wanted`` in place of ``document``, which is one of it; None takes it out.

    Empty when nothing is left. Raises InvalidInput when the text has no such document.
    """
    found = load_all_yaml(text)
    number = next((at for at, one in enumerate(found) if one.data == document), None)
    if number is None:
        raise InvalidInput("The file has no such document.")
    if wanted is None:
        return "" if len(found) == 1 else _without(text, found, number)
    edited = _surgery(text, number, document, wanted)
    expected = [wanted if at == number else other.data for at, other in enumerate(found)]
    if edited is not None and _says(edited, expected):
        return edited
    return _rewritten(text, found, number, wanted)


def patch(path: str, before: str, after: str) -> str:
    """What ``git apply`` takes; empty ``after`` deletes the file. Empty when nothing differs."""
    if before == after:
        return ""
    head = [f"diff --git a/{path} b/{path}\n"] + ([] if after else ["deleted file mode 100644\n"])
    to = f"b/{path}" if after else "/dev/null"
    body = difflib.unified_diff(_lines(before), _lines(after), f"a/{path}", to)
    shown = (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in body)
    return "".join([*head, *shown])


def _lines(text: str) -> list[str]:
    """Lines as Git counts them: only a line feed ends one."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _says(text: str, expected: list[Any]) -> bool:
    try:
        return [one.data for one in load_all_yaml(text)] == expected
    except InvalidInput:
        return False


def _span(text: str, found: list[Document], number: int) -> tuple[int, int]:
    """First line and the line after the last of a document, its own ``---`` left out; counted from 0."""
    lines = _lines(text)
    marks = [at for at, line in enumerate(lines) if _SEPARATOR.match(line)]
    start = (found[number].line("") or 1) - 1
    begin = max((at + 1 for at in marks if at <= start), default=0)
    end = min((at for at in marks if at > start), default=len(lines))
    return min(begin, start), end


def _without(text: str, found: list[Document], number: int) -> str:
    lines = _lines(text)
    begin, end = _span(text, found, number)
    if begin and _SEPARATOR.match(lines[begin - 1]):
        begin -= 1
    elif end < len(lines):
        end += 1
    return "".join([*lines[:begin], *lines[end:]])


def _rewritten(text: str, found: list[Document], number: int, wanted: Mapping[str, Any]) -> str:
    """The document written anew between its neighbours."""
    begin, end = _span(text, found, number)
    lines = _lines(text)
    inline = begin and lines[begin - 1].strip() != "---" and _SEPARATOR.match(lines[begin - 1]) is None
    kept = lines[:begin] if not inline else [*lines[:begin], "---\n"]
    return "".join([*kept, _dumped(wanted), *lines[end:]])


def _dumped(value: Any, *, flow: bool = False) -> str:
    return str(
        yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6, default_flow_style=flow)
    ).removesuffix("...\n")


# --- edits of the lines that are concerned ---


@dataclass
class _Edits:
    """Pieces of a text to be replaced, by offset; ``done`` is False once one cannot be told."""

    text: str
    pieces: list[tuple[int, int, str]] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        at = 0
        for line in _lines(self.text):
            self.starts.append(at)
            at += len(line)
        self.starts.append(at)

    def at(self, mark: Any) -> int:
        return int(self.starts[min(mark.line, len(self.starts) - 1)] + mark.column)

    def replace(self, begin: int, end: int, text: str) -> None:
        self.pieces.append((begin, end, text))

    def line_after(self, line: int) -> int:
        return self.starts[min(line + 1, len(self.starts) - 1)]

    def result(self) -> str:
        text = self.text
        for begin, end, piece in sorted(self.pieces, reverse=True):
            text = f"{text[:begin]}{piece}{text[end:]}"
        return text


def _surgery(text: str, number: int, old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    nodes = [one for one in yaml.compose_all(text, Loader=_LOADER) if one is not None]
    if number >= len(nodes):
        return None
    ended = text if text.endswith("\n") else f"{text}\n"
    edits = _Edits(ended)
    _merge(edits, nodes[number], old, new)
    return edits.result()


def _merge(edits: _Edits, node: Any, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Edits by which the block ``node``, which says ``old``, says ``new``."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not new:
        edits.replace(edits.at(node.start_mark), edits.at(node.end_mark), _dumped(new, flow=True).strip())
        return
    last = node.start_mark.line - 1
    for key, value in node.value:
        name = key.value
        last = max(last, _last_line(value))
        if name not in new:
            edits.replace(edits.starts[key.start_mark.line], edits.line_after(_last_line(value)), "")
        elif old.get(name) != new[name]:
            _entry(edits, key, value, old.get(name), new[name])
    added = {name: new[name] for name in new if name not in old}
    if added:
        at = edits.line_after(last)
        edits.replace(at, at, _indented(added, node.start_mark.column))


def _entry(edits: _Edits, key: Any, value: Any, old: Any, new: Any) -> None:
    if isinstance(value, yaml.MappingNode) and isinstance(old, Mapping) and isinstance(new, Mapping) and new:
        _merge(edits, value, old, new)
    elif isinstance(value, yaml.ScalarNode) and value.style not in ("|", ">") and not isinstance(new, (Mapping, list)):
        said = _dumped([new], flow=True).strip()[1:-1]
        gap = " " if edits.at(value.start_mark) == edits.at(value.end_mark) else ""
        edits.replace(edits.at(value.start_mark), edits.at(value.end_mark), f"{gap}{said}")
    elif isinstance(value, yaml.CollectionNode) and value.flow_style:
        edits.replace(edits.at(value.start_mark), edits.at(value.end_mark), _dumped(new, flow=True).strip())
    else:
        begin, end = edits.starts[key.start_mark.line], edits.line_after(_last_line(value))
        edits.replace(begin, end, _indented({key.value: new}, key.start_mark.column))


def _indented(value: Mapping[str, Any], column: int) -> str:
    lines: Iterator[str] = iter(_lines(_dumped(dict(value))))
    return "".join(f"{' ' * column}{line}" if line.strip() else line for line in lines)


def _last_line(node: Any) -> int:
    """The line on which the node's own text ends; a block's mark stands behind the comments that follow."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return max(_last_line(value) for _, value in node.value)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return max(_last_line(value) for value in node.value)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return int(node.end_mark.line) - (1 if node.end_mark.column == 0 else 0)
    return int(node.end_mark.line)

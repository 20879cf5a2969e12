"""Turns files of a catalog into entities that may be stored, and everything else into findings.

Called by ``backstage_import`` with the files of one source, whole. Writes nothing. What a document takes in from other
files comes from the same set of files, or through ``fetch``, which the caller gives or not.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urljoin, urlsplit

from governance.domain.backstage.findings import Finding
from governance.domain.backstage.outgoing import unmarked
from governance.domain.backstage.placeholders import Unreadable, resolve
from governance.domain.backstage.reading import MOST_ENTITY_BYTES, Draft, read_file
from governance.domain.backstage.refs import ref_of
from governance.domain.backstage.rules import SERVER_MADE, faults_of
from governance.domain.backstage.writing import with_numbers
from idp.kernel.documents import MAX_DEPTH, MAX_NODES

LONGEST_REF: Final = 200
_BOUNDS: Final = (
    f"An entity has at most {MAX_NODES:,} values, {MAX_DEPTH} levels deep, with the files that it takes in."
)
Fetch = Callable[[str], bytes]
"""What stands at an address; Unreadable says why not."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source: ``path`` is relative to its root, or an address."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Item:
    """One entity that may be stored; ``digest`` changes with its data."""

    ref: str
    kind: str
    data: dict[str, Any]
    digest: str
    file: str
    line: int

    def finding(self, code: str, reason: str, path: str = "") -> Finding:
        return Finding(code, reason, self.file, self.line, path, self.ref)


@dataclass(slots=True)
class Gathered:
    """Entities by reference, in the order in which they stand, and why the others are refused."""

    items: dict[str, Item] = field(default_factory=dict)
    refused: list[Finding] = field(default_factory=list)

    def refuse(self, findings: Iterable[Finding]) -> None:
        self.refused.extend(findings)


def gather(files: Sequence[SourceFile], fetch: Fetch | None = None, beside: Fetch | None = None) -> Gathered:
    """Every entity of ``files``. The second of two with the same reference is refused.

    ``fetch`` reads an address that a document takes in, ``beside`` a path of the same repository.
    """
    gathered, reader = Gathered(), _Reader(files, fetch, beside)
    for file in files:
        for draft in read_file(file.path, file.content):
            if isinstance(draft, Finding):
                gathered.refuse([draft])
            else:
                _take(gathered, draft, reader)
    return gathered


def entity_items(entities: Iterable[Any], file: str) -> Gathered:
    """The same for entities that came as JSON (a running Backstage): the document is the place in the list."""
    gathered = Gathered()
    for number, data in enumerate(entities, 1):
        place = f"{file} (entity {number})"
        if not isinstance(data, dict):
            gathered.refuse([Finding("not-an-entity", "An entity is a map.", place)])
            continue
        if not _is_bounded(data):
            gathered.refuse([Finding("too-large", _BOUNDS, place)])
            continue
        taken = with_numbers(kept(data))
        faults = faults_of(taken)
        if faults:
            gathered.refuse(Finding(code, reason, place, None, path, _named(data)) for code, path, reason in faults)
        else:
            _put(gathered, taken, file, 1)
    return gathered


def kept(data: dict[str, Any]) -> dict[str, Any]:
    """What is stored of a document: all but what servers add to it."""
    held = {key: value for key, value in data.items() if key not in ("relations", "status")}
    metadata = held.get("metadata")
    if isinstance(metadata, dict):
        held["metadata"] = unmarked({key: value for key, value in metadata.items() if key not in SERVER_MADE})
    return held


def _is_bounded(data: Any) -> bool:
    """Whether it is no deeper and has no more values, keys with them, than a document may; never deeper itself."""
    waiting, nodes = [(data, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        nodes += 1 + (len(value) if isinstance(value, dict) else 0)
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            return False
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((one, depth + 1) for one in inner)
    return True


def _take(gathered: Gathered, draft: Draft, reader: _Reader) -> None:
    data, unfilled = resolve(draft, reader.read)
    if unfilled is not None:
        gathered.refuse([unfilled])
        return
    if not _is_bounded(data):
        gathered.refuse([draft.finding("too-large", _BOUNDS, ref=_named(data))])
        return
    faults = faults_of(data)
    if faults:
        gathered.refuse(draft.finding(code, reason, path, _named(data)) for code, path, reason in faults)
        return
    _put(gathered, kept(data), draft.file, draft.line("") or 1)


def _put(gathered: Gathered, data: dict[str, Any], file: str, line: int) -> None:
    ref = str(ref_of(data))
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    if "-0.0" in text:
        data = with_numbers(data)
        text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    item = Item(ref, data["kind"].lower(), data, sha256(text.encode()).hexdigest(), file, line)
    if len(text) > MOST_ENTITY_BYTES:
        told = f"An entity has at most {MOST_ENTITY_BYTES:,} bytes, with the files that it takes in."
        gathered.refuse([item.finding("too-large", told)])
        return
    first = gathered.items.setdefault(ref, item)
    if first is not item:
        told = f"{ref} stands twice; the first, in {first.file[-120:]} line {first.line}, is taken."
        gathered.refuse([item.finding("stands-twice", told, "metadata.name")])


def _named(data: dict[str, Any]) -> str:
    """How a document that is wrong calls itself, as far as it does."""
    metadata = data.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(name, str):
        return ""
    return f"{data.get('kind')}:{metadata.get('namespace') or 'default'}/{name}".lower()[:LONGEST_REF]


class _Reader:
    """Reads what documents point at: files beside them, or addresses where the source may."""

    def __init__(self, files: Sequence[SourceFile], fetch: Fetch | None, beside: Fetch | None) -> None:
        self._files = {plain_path(file.path): file.content for file in files}
        self._fetch, self._beside = fetch, beside

    def read(self, said: str, base: str) -> bytes:
        if is_address(said) or is_address(base):
            target = urljoin(base, said)
            if target in self._files:
                return self._files[target]
            if self._fetch is None or not is_address(target):
                raise Unreadable("addresses are not read for this source")
            return self._fetch(target)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(plain_path(base)), said))
        if path.startswith(("..", "/")):
            raise Unreadable("it lies outside of the source")
        if path in self._files:
            return self._files[path]
        if self._beside is None:
            raise Unreadable("the source has no such file")
        return self._beside(path)


def is_address(text: str) -> bool:
    return urlsplit(text).scheme in ("http", "https") if "://" in text else False


def plain_path(path: str) -> str:
    return path if is_address(path) else posixpath.normpath(unquote(path)).lstrip("/")

"""Reads files that people write: Environment documents as data with the lines of their places, others as they are.

What is right in a document is the installation's to say; here only what keeps it from being sent is told.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from .exits import USAGE, Fault

ENDINGS: Final = (".yaml", ".yml", ".json")
API_VERSION: Final = "slipway.dev/v1"
MOST_BYTES: Final = 1_000_000


class _Strict(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would keep the last in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"“{key.value}” stands twice", key.start_mark)
            if key.tag != "tag:yaml.org,2002:merge" and isinstance(key.value, str):
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# A date stays the text that it is in the file: JSON has no dates, and the installation reads it as text too.
_Strict.yaml_implicit_resolvers = {
    first: [one for one in known if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True, slots=True)
class Document:
    """One Environment document. ``file`` is as it was named; ``node`` knows the lines."""

    file: str
    data: dict[str, Any]
    node: yaml.Node

    @property
    def system(self) -> str:
        return str(self.data["metadata"]["system"])

    @property
    def name(self) -> str:
        return str(self.data["metadata"]["name"])

    @property
    def place(self) -> str:
        return f"{self.system}/{self.name}"

    def line_of(self, path: str) -> int:
        """The line of a dotted path, from 1, or of the nearest place around it that the document has."""
        node = self.node
        line = node.start_mark.line + 1
        for word in path.replace("[", ".").replace("]", "").split("."):
            found = _inner(node, word)
            if found is None:
                break
            line, node = found
        return line


def texts_read(named: Sequence[str], *, most: int = MOST_BYTES) -> list[tuple[str, bytes]]:
    """Files and folders with what is in them, ``-`` for standard input, which can be read only once."""
    return [(shown_name(file), text_of(file, most=most)) for file in files_named(named)]


def environments_in(texts: Sequence[tuple[str, bytes]]) -> list[Document]:
    """The Environment documents of these texts; Fault names what is none."""
    found = [one for file, text in texts for one in _documents(file, text)]
    if not found:
        raise Fault("There is no document in what was named.", exit_code=USAGE)
    return found


def is_one_environment(texts: Sequence[tuple[str, bytes]]) -> bool:
    """Whether it is a single document that is, or tries to be, of an environment."""
    if len(texts) != 1 or len(texts[0][1]) > MOST_BYTES:
        return False
    try:
        found = [one for one in yaml.safe_load_all(texts[0][1]) if one is not None]
    except (yaml.YAMLError, RecursionError, ValueError):
        return True
    return len(found) == 1 and isinstance(found[0], dict) and found[0].get("kind") == "Environment"


def files_named(named: Sequence[str]) -> list[str]:
    """The files, and of folders those that end as documents do, each once and in order."""
    found: dict[str, None] = {}
    for name in named:
        path = Path(name)
        if name == "-" or not path.is_dir():
            found[name] = None
            continue
        inside = sorted(str(one) for one in path.rglob("*") if one.suffix in ENDINGS and one.is_file())
        if not inside:
            raise Fault(f"The folder {name} holds no YAML or JSON file.", exit_code=USAGE)
        found |= dict.fromkeys(inside)
    return list(found)


def text_of(file: str, *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file, or of standard input for ``-``; Fault when they cannot be read or are more than ``most``."""
    try:
        if file == "-":
            text = sys.stdin.buffer.read(most + 1)
        else:
            with Path(file).open("rb") as opened:
                text = opened.read(most + 1)
    except OSError as error:
        raise Fault(f"{file} cannot be read: {error.strerror}.", exit_code=USAGE) from None
    if len(text) > most:
        raise Fault(f"{file} is larger than {most // 1_000_000} MB, which is the most that Slipway takes.")
    return text


def shown_name(file: str) -> str:
    return "standard input" if file == "-" else file


def _documents(name: str, text: bytes) -> Iterator[Document]:
    try:
        loader = _Strict(text)
        try:
            while loader.check_node():
                node = loader.get_node()
                data = loader.construct_document(node) if node is not None else None
                if node is not None and data is not None:
                    yield _environment(name, data, node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}" if mark else name
        raise Fault(f"{where}: {error.problem or 'this is not YAML'}.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Fault(f"{name}: this is not YAML: {error}") from None


def _environment(file: str, data: Any, node: yaml.Node) -> Document:
    line = node.start_mark.line + 1
    if not isinstance(data, dict):
        raise Fault(f"{file}:{line}: A document is a map with apiVersion, kind, metadata and spec.")
    if data.get("kind") != "Environment" or data.get("apiVersion") != API_VERSION:
        given = f"{data.get('apiVersion', 'nothing')} {data.get('kind', '')}".strip()
        raise Fault(
            f"{file}:{line}: This is {given}; here a document is apiVersion: {API_VERSION}, kind: Environment.",
            remedy="Documents of any kind go to slipway apply; --dry-run says what would become of them.",
        )
    metadata = data.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("system") or not metadata.get("name"):
        raise Fault(f"{file}:{line}: metadata needs system and name.")
    if not isinstance(data.get("spec"), dict):
        raise Fault(f"{file}:{line}: spec must be a map with stage and resources.")
    try:
        json.dumps(data, allow_nan=False)
    except (TypeError, ValueError):
        raise Fault(f"{file}:{line}: The document holds what JSON cannot say, such as an alias of itself.") from None
    return Document(file, data, node)


def _inner(node: yaml.Node, word: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        found = next((pair for pair in node.value if pair[0].value == word), None)
        return (found[0].start_mark.line + 1, found[1]) if found else None
    if isinstance(node, yaml.SequenceNode) and word.isdigit() and int(word) < len(node.value):
        inner = node.value[int(word)]
        return inner.start_mark.line + 1, inner
    return None

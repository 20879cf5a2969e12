"""Documents that are too many for one call, cut into batches in the order in which they need each other. Pure.

Called by ``applying``. A file is cut between its documents, and what is left out of a part becomes empty lines, so that
a document stands on the same line in every part. What is right in a document is the installation's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import yaml

Texts = Sequence[tuple[str, str]]

ONE_CALL: Final = 200
"""Documents that an installation takes at once, and files."""
MOST_DOCUMENTS: Final = 100
ONE_CALL_LETTERS: Final = 800_000
MOST_LETTERS: Final = 300_000
"""Of a batch; what is cut from one file stays below 1 MB then, whatever bytes its letters have."""
LARGEST: Final = 20_000_000
"""Bytes of one file that is cut."""
TOGETHER: Final = ("Contract", "CustomResourceDefinition")
"""A definition is kept with the contract of its file."""
RANKS: Final = {"Contract": 0, "CustomResourceDefinition": 0, "ApprovalRoute": 1, "Policy": 2}
LAST: Final = 3
"""Environments, and what cannot be read, which the installation refuses in its own words."""
_START: Final = re.compile(r"^---(?=\s|\Z)", re.MULTILINE)
_WHOLE: Final = re.compile(r"^(?:%|\.\.\.)", re.MULTILINE)
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Part:
    """Documents of one file that are sent together, at ``spans`` of its text."""

    file: str
    rank: int
    spans: tuple[tuple[int, int], ...]
    source: str = field(repr=False)

    @property
    def documents(self) -> int:
        return len(self.spans)

    @property
    def letters(self) -> int:
        return sum(end - start for start, end in self.spans)


Batch = tuple[Part, ...]


def fits_one_call(texts: Texts) -> bool:
    """Whether all goes as one whole, judged without reading it."""
    documents = sum(1 + text.count("\n---") for _, text in texts)
    return documents <= ONE_CALL and sum(len(text) for _, text in texts) <= ONE_CALL_LETTERS


def batches_of(texts: Texts, *, documents: int = MOST_DOCUMENTS, letters: int = MOST_LETTERS) -> list[Batch]:
    """Batches of one rank each, lower ranks first; a part that is larger than a batch is one alone."""
    parts = sorted((one for file, text in texts for one in _parts(file, text)), key=lambda one: one.rank)
    found: list[Batch] = []
    for _, of_rank in groupby(parts, key=lambda one: one.rank):
        found += _filled(list(of_rank), documents, letters)
    return found


def files_of(parts: Sequence[Part]) -> list[dict[str, str]]:
    """The parts as the files of a call, each file once."""
    spans: dict[str, list[tuple[int, int]]] = {}
    for one in parts:
        spans.setdefault(one.file, []).extend(one.spans)
    sources = {one.file: one.source for one in parts}
    return [{"path": file, "text": _text(sources[file], sorted(each))} for file, each in spans.items()]


def _filled(parts: list[Part], documents: int, letters: int) -> Iterator[Batch]:
    batch: list[Part] = []
    for one in parts:
        held, size = sum(each.documents for each in batch), sum(each.letters for each in batch)
        if batch and (held + one.documents > documents or size + one.letters > letters):
            yield tuple(batch)
            batch = []
        batch.append(one)
    if batch:
        yield tuple(batch)


def _parts(file: str, text: str) -> Iterator[Part]:
    starts = [one.start() for one in _START.finditer(text)]
    spans = [span for span in zip([0, *starts], [*starts, len(text)], strict=True) if span[0] < span[1]]
    kinds = [_kind(text[start:end]) for start, end in spans]
    if _WHOLE.search(text) or None in kinds:
        yield Part(file, LAST, ((0, len(text)),), text)
        return
    together = tuple(span for span, kind in zip(spans, kinds, strict=True) if kind in TOGETHER)
    if together:
        yield Part(file, 0, together, text)
    for span, kind in zip(spans, kinds, strict=True):
        if kind and kind not in TOGETHER:
            yield Part(file, RANKS.get(kind, LAST), (span,), text)


def _kind(text: str) -> str | None:
    """Empty where there is no document; None where there is one that cannot be read."""
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except (yaml.YAMLError, RecursionError, ValueError):
        return None
    if node is None:
        return ""
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((str(value.value) for key, value in pairs if key.value == "kind"), "?")


def _text(source: str, spans: list[tuple[int, int]]) -> str:
    written, at = "", 0
    for start, end in spans:
        written += _emptied(source[at:start]) + source[start:end]
        at = end
    return written


def _emptied(text: str) -> str:
    """As many lines without a document. What begins one stays, so that the lines are not of the document above."""
    return ("---" if text.startswith("---") else "") + "\n" * text.count("\n")

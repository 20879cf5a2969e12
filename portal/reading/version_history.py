"""What each version changed against the one before it, in sentences, for the capability page and for drafts.

Differences of two documents never change, so they are kept per process by the two digests. Asks the database nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from idp.kernel.errors import SlipwayError
from portal.reading.readme import Spans, spans
from provisioning.domain.contract import parse_contract
from provisioning.domain.version import parse_version
from provisioning.domain.version_diff import Difference, differences
from provisioning.models import Contract

MOST_COMPARED: Final = 40
MOST_KNOWN: Final = 5_000
_KNOWN: dict[tuple[str, str], tuple[Difference, ...]] = {}


@dataclass(frozen=True, slots=True)
class Changed:
    """One sentence; ``kind`` is added, removed or changed."""

    kind: str
    spans: Spans


@dataclass(frozen=True, slots=True)
class Step:
    """What a version changed. ``before`` is the version it is compared with; nothing for the first."""

    before: str
    changes: tuple[Changed, ...]


def history(rows: Sequence[Contract]) -> dict[int, Step]:
    """By contract: its step from the next older version. Only the newest ``MOST_COMPARED``. Needs the documents."""
    ordered = sorted(rows, key=lambda row: parse_version(row.version), reverse=True)
    pairs = list(pairwise(ordered))[:MOST_COMPARED]
    return {newer.pk: Step(older.version, told(_between(older, newer))) for newer, older in pairs}


def told(found: Iterable[Difference]) -> tuple[Changed, ...]:
    """Differences with their code set apart."""
    return tuple(Changed(one.kind, spans(one.sentence)) for one in found)


def _between(older: Contract, newer: Contract) -> tuple[Difference, ...]:
    key = (older.digest, newer.digest)
    if key not in _KNOWN:
        if len(_KNOWN) > MOST_KNOWN:
            _KNOWN.clear()
        try:
            _KNOWN[key] = differences(parse_contract(older.document), parse_contract(newer.document))
        except SlipwayError:
            _KNOWN[key] = ()
    return _KNOWN[key]

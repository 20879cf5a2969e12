"""What each version changed against the one before it, in sentences, for the capability page and for drafts.

Differences of two documents never change, so they are kept per process by the two digests. Asks the database for the
documents of the versions that are shown, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from idp.kernel.errors import SlipwayError
from portal.reading.readme import Spans, spans
from provisioning.domain.contract import parse_contract
from provisioning.domain.version import parse_version
from provisioning.domain.version_diff import Difference, differences
from provisioning.models import Contract

SHOWN: Final = 12
"""Versions on one page; each is compared with the next older one, whose document is read too."""
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


@dataclass(frozen=True, slots=True)
class Page:
    """``rows`` are the versions of one page, newest first; ``steps`` is what each changed, by its key.

    ``newer`` and ``older`` are numbers of pages, None where there is none.
    """

    rows: Sequence[Contract]
    steps: Mapping[int, Step]
    newer: int | None
    older: int | None


def page_of(rows: Sequence[Contract], number: int, *, also: Contract | None = None) -> Page:
    """Page ``number`` (from 1) of ``rows``, which come without documents and get those that are needed.

    ``also`` gets its document as well. One query.
    """
    ordered = sorted(rows, key=lambda row: parse_version(row.version), reverse=True)
    last = max(1, -(-len(ordered) // SHOWN))
    number = min(max(number, 1), last)
    first = (number - 1) * SHOWN
    compared = ordered[first : first + SHOWN + 1]
    _load([*compared, *([also] if also is not None else [])])
    return Page(
        ordered[first : first + SHOWN],
        history(compared),
        newer=number - 1 if number > 1 else None,
        older=number + 1 if number < last else None,
    )


def _load(rows: Iterable[Contract]) -> None:
    wanted = {row.pk: row for row in rows}
    for key, document in Contract.objects.filter(pk__in=wanted).values_list("pk", "document"):
        wanted[key].document = document


def history(ordered: Sequence[Contract]) -> dict[int, Step]:
    """By contract: its step from the next older version. Rows come newest first, with their documents."""
    return {newer.pk: Step(older.version, told(_between(older, newer))) for newer, older in pairwise(ordered)}


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

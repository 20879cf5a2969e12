"""How far a campaign is: one bar of environments by what became of them, and its waves along the days.

Widths come from data, so they are SVG attributes. What the colours mean stands beside them in words, and in the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from portal.drawing import words
from portal.drawing.bars import bar
from portal.drawing.svg import short, text

PARTS: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("used", "moved", ("succeeded", "skipped")),
    ("q3", "moving", ("running", "reverting")),
    ("asked", "waiting for approval", ("waiting",)),
    ("over", "failed", ("failed", "stuck")),
    ("near", "with a person", ("refused", "needs-person")),
    ("", "still to come", ("planned", "rescheduled", "reverted", "withdrawn")),
)
"""Class, words and states of each part of a bar, from left to right; what is still to come is the track."""

_WIDTH: Final = 720
_NAME: Final = 150
_ROW: Final = 28
_FOOT: Final = 22
_TONES: Final = {
    "planned": "plan",
    "running": "now",
    "settled": "done",
    "reverting": "back",
    "reverted": "back",
    "cancelled": "plan",
}


def campaign_bar(counts: Mapping[str, int], label: str) -> str:
    """Environments by what became of them; the label says the figures."""
    parts = [(cls, float(_sum(counts, states))) for cls, _, states in PARTS]
    total = sum(value for _, value in parts)
    return bar([(cls, value) for cls, value in parts if cls], total, f"{label}: {in_words(counts)}")


def in_words(counts: Mapping[str, int]) -> str:
    """ "8 moved, 1 failed, 3 still to come of 12"; parts that nobody is in are left out."""
    said = [f"{number} {word}" for _, word, states in PARTS if (number := _sum(counts, states))]
    return f"{', '.join(said)} of {sum(counts.values())}" if said else "nobody"


def _sum(counts: Mapping[str, int], states: Sequence[str]) -> int:
    return sum(counts.get(state, 0) for state in states)


@dataclass(frozen=True, slots=True)
class Span:
    """One wave along the days. ``end`` is when it settled, or as long as it is planned to have."""

    name: str
    state: str
    start: datetime
    end: datetime


def wave_chart(spans: Sequence[Span], now: datetime, label: str) -> str:
    """A row for each wave, and a line where today is. What is planned is outlined, what has begun is filled."""
    if not spans:
        return ""
    first = min(now, *(one.start for one in spans))
    last = max(now, *(one.end for one in spans), first + timedelta(hours=1))
    room = _WIDTH - _NAME - 12

    def x(moment: datetime) -> float:
        return _NAME + room * ((moment - first) / (last - first))

    height = len(spans) * _ROW + _FOOT
    rows = "".join(_row(at, one, x) for at, one in enumerate(spans))
    here = short(x(now))
    side = "end" if x(now) > _WIDTH - 60 else "start"
    today = (
        f'<line class="target" x1="{here}" x2="{here}" y1="0" y2="{height - _FOOT + 4}"/>'
        f'<text class="target-word" x="{here}" y="{height - 5}" text-anchor="{side}">now</text>'
    )
    return (
        f'<svg class="chart waves" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{text(label)}">'
        f"{rows}{today}</svg>"
    )


def _row(at: int, one: Span, x: object) -> str:
    assert callable(x)
    top, left = at * _ROW, x(one.start)
    width = max(x(one.end) - left, 4)
    cls = _TONES.get(one.state, "plan")
    day = words.day(one.start)
    inside = width > 90
    place = left + 8 if inside else min(left + width + 6, _WIDTH - 70)
    return (
        f'<text class="strong" x="0" y="{top + 18}">{text(one.name)}</text>'
        f'<line class="grid" x1="{_NAME}" x2="{_WIDTH}" y1="{top + _ROW - 2}" y2="{top + _ROW - 2}"/>'
        f'<rect class="wave-{cls}" x="{short(left)}" y="{top + 5}" width="{short(width)}" height="18" rx="3"/>'
        f'<text class="{"on-" + cls if inside else ""}" x="{short(place)}" y="{top + 18}">{text(day)}</text>'
    )

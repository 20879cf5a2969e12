"""What a version would do to a fleet as one bar: the share of each outcome, the worst first.

Widths come from data, so they are SVG attributes. Nothing here is told by colour alone: the label holds every figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from portal.drawing import words
from portal.drawing.states import STATES
from portal.drawing.svg import short, text

HEIGHT: Final = 12
GAP: Final = 0.25
THINNEST: Final = 0.8


def impact_bar(counts: Mapping[str, int]) -> str:
    """``counts`` by outcome. What is rare is drawn wide enough to be seen, at the cost of what is not."""
    known = [(key, counts[key]) for key in STATES["impact"] if counts.get(key)]
    total = sum(count for _, count in known)
    wide = {key: max(count / total * 100, THINNEST) for key, count in known}
    shares = {key: width / sum(wide.values()) * 100 for key, width in wide.items()}
    at, drawn = 0.0, []
    for key, width in shares.items():
        drawn.append(f'<rect class="{key}" x="{short(at)}" width="{short(width - GAP)}" height="{HEIGHT}"/>')
        at += width
    said = ", ".join(f"{words.number(count)} {STATES['impact'][key].word.lower()}" for key, count in known)
    return (
        f'<svg class="impact-bar" viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(said or "Nothing is reached")}">{"".join(drawn)}</svg>'
    )

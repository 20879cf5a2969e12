"""Bars: how much of a quota is used, held and asked for; when a step of a run was at work; a small line of figures.

Widths come from data, so they are SVG attributes: the content policy forbids inline styles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from portal.drawing import words
from portal.drawing.svg import short, text

HEIGHT: Final = 8
GAP: Final = 0.35  # of 100, the hair that separates two neighbours
THINNEST: Final = 0.6  # of 100, so that a little is not nothing
SWATCHES: Final = frozenset({"used", "held", "asked", "near", "over", "q1", "q2", "q3", "q4"})
_STEP_CLASS: Final = {
    "done": "done",
    "succeeded": "done",
    "running": "doing",
    "waiting": "doing",
    "failed": "broke",
    "cancelled": "off",
}

Figure = words.Figure


def quota_bar(
    used: Figure | None,
    held: Figure | None,
    asked: Figure | None,
    limit: Figure | None,
    label: str,
    *,
    unit: str = "",
    currency: str = "",
) -> str:
    """Used, held by others and asked for here, as shares of the limit. What goes over the limit is drawn red.

    No figure counts as 0; no limit means that there is none, and the bar is then as long as what is used.
    """
    u, h, a = (float(words.decimal(part or 0)) for part in (used, held, asked))
    top = float(words.decimal(limit or 0))
    over = bool(top) and u + h + a > top
    parts = [("used", u), ("held", h), ("over" if over else "asked", a)]
    if over and not a:
        parts[0] = ("over", u)
    spoken = _spoken(label, (("used", u), ("held", h), ("asked", a)), top, unit, currency)
    return bar(parts, max(top, u + h + a), spoken)


def owner_bar(
    owners: Iterable[tuple[str, Figure]],
    limit: Figure | None,
    label: str,
    *,
    held: Figure | None = 0,
    unit: str = "",
) -> str:
    """Who uses a quota. Four owners have a colour of their own; the fifth and later share the fourth."""
    shares = [(name, float(words.decimal(value))) for name, value in owners]
    top, kept = float(words.decimal(limit or 0)), float(words.decimal(held or 0))
    parts = [(f"q{min(at, 4)}", value) for at, (_, value) in enumerate(shares, 1)] + [("asked", kept)]
    total = sum(value for _, value in parts)
    tail = f" {unit}" if unit else ""
    said = [f"{name} {words.number(value)}" for name, value in shares]
    said += [f"held {words.number(kept)}"] if kept else []
    said += [f"of {words.number(top)}{tail}"] if top else []
    return bar(parts, max(top, total), f"{label}: {', '.join(said)}")


def _spoken(
    label: str,
    parts: Iterable[tuple[str, float]],
    limit: float,
    unit: str,
    currency: str,
) -> str:
    def figure(value: float) -> str:
        return words.money(value, currency) if currency else words.number(value)

    tail = f" {unit}" if unit else ""
    said = [f"{figure(value)} {name}" for name, value in parts if value or name == "used"]
    left = limit - sum(value for _, value in parts)
    if limit:
        rest = f"{figure(left)} left" if left >= 0 else f"{figure(-left)} too much"
        said.append(f"{rest} of {figure(limit)}{tail}")
    return f"{label}: {', '.join(said)}"


def bar(parts: Iterable[tuple[str, float]], total: float, label: str) -> str:
    """Parts by class, side by side, as shares of ``total``; ``label`` is what is read aloud."""
    at, drawn = 0.0, []
    for cls, value in parts:
        if value <= 0 or total <= 0:
            continue
        width = value / total * 100
        drawn.append(
            f'<rect class="{cls}" x="{short(at)}" width="{short(max(width - GAP, THINNEST))}" height="{HEIGHT}"/>'
        )
        at += width
    return (
        f'<svg class="quota-bar" viewBox="0 0 100 {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{text(label)}">{"".join(drawn)}</svg>'
    )


def swatch(cls: str) -> str:
    """A square of a bar's colour for a legend. Raises KeyError for a class that no bar has."""
    if cls not in SWATCHES:
        raise KeyError(cls)
    return (
        f'<svg class="quota-bar" viewBox="0 0 8 8" aria-hidden="true"><rect class="{cls}" width="8" height="8"/></svg>'
    )


def run_bar(start: float | None, length: float | None, total: float | None, state: str) -> str:
    """When a step was at work within its run; all three in seconds. A step not begun shows the track alone."""
    whole = max(float(total or 0), 1.0)
    cls = _STEP_CLASS.get(state, "")
    bar = ""
    if cls and start is not None:
        width = min(max(float(length or 0), whole * 0.008), whole)
        left = min(max(float(start), 0.0), whole - width)
        bar = f'<rect class="{cls}" x="{short(left)}" y="2" width="{short(width)}" height="8"/>'
    return (
        f'<svg class="when" viewBox="0 0 {short(whole)} 12" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" y="5.5" width="{short(whole)}" height="1"/>{bar}</svg>'
    )


def sparkline(values: Sequence[float], label: str, *, width: int = 72, height: int = 20) -> str:
    """A line without axes, from zero, oldest value first. Fewer than two values draw only the last point."""
    top = max(values, default=0) or 1
    step = width / max(len(values) - 1, 1)
    points = [(at * step, height - 2 - (height - 4) * value / top) for at, value in enumerate(values)]
    line = " ".join(f"{short(x)},{short(y)}" for x, y in points)
    dot = f'<circle class="dot" cx="{short(points[-1][0])}" cy="{short(points[-1][1])}" r="2"/>' if points else ""
    return (
        f'<svg class="sparkline" viewBox="0 0 {width} {height}" role="img" aria-label="{text(label)}">'
        f'<polyline class="a" points="{line}"/>{dot}</svg>'
    )

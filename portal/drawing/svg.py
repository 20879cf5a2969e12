"""The few lines every drawing shares: escaping, short numbers, and references into the icon sprite."""

from __future__ import annotations

from html import escape as _escape

from portal.drawing.icons import known
from portal.drawing.states import State


def text(value: object) -> str:
    """Text as content or as a double-quoted attribute value."""
    return _escape(str(value), quote=True)


def short(value: float) -> str:
    """A coordinate with at most two decimals and nothing to spare: 12.50 is 12.5, 3.00 is 3, -0.001 is 0."""
    trimmed = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if trimmed == "-0" else trimmed


def icon(sprite: str, name: str, extra: str = "") -> str:
    """A decorative icon. A name the sprite lacks is drawn as the fallback. `sprite` is the URL of icons.svg."""
    cls = f"icon {extra}".rstrip()
    return f'<svg class="{text(cls)}" aria-hidden="true"><use href="{text(sprite)}#{known(name)}"/></svg>'


def mark(sprite: str, state: State) -> str:
    """The shape of a state, decorative because the word stands beside it. What moves turns."""
    turning = " turning" if state.mark == "s-running" else ""
    return f'<svg class="state-mark{turning}" aria-hidden="true"><use href="{text(sprite)}#{state.mark}"/></svg>'


def state_label(sprite: str, state: State, *, word: str = "", pill: bool = False) -> str:
    """Mark and word in the state's tone; `word` replaces the table's word ("1 of 2 agreed"), never the tone."""
    tone = "" if state.tone == "off" else f" {state.tone}"
    return f'<span class="state{tone}{" pill" if pill else ""}">{mark(sprite, state)}{text(word or state.word)}</span>'

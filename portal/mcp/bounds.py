"""Keeps answers small enough to be read by a model: long texts and lists are cut, and say so. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from idp.kernel.errors import InvalidInput

MOST_LETTERS: Final = 60_000
STEPS: Final = ((4_000, 200), (1_000, 60), (300, 25))
"""Longest text and longest list, tried one after the other until the whole is small enough."""


def bounded(found: Mapping[str, Any]) -> dict[str, Any]:
    """The answer with at most ``MOST_LETTERS`` of JSON; InvalidInput when it cannot be cut to that."""
    for text, items in STEPS:
        made = {name: _cut(value, text, items) for name, value in found.items()}
        if len(json.dumps(made, ensure_ascii=False, default=str)) <= MOST_LETTERS:
            return made
    raise InvalidInput(
        "The answer is too long.", code="too-large", remedy="Ask for one thing of it, or a smaller page."
    )


def _cut(value: Any, text: int, items: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= text else f"{value[:text]}… ({len(value) - text:,} more letters)"
    if isinstance(value, Mapping):
        kept = {str(name): _cut(one, text, items) for name, one in list(value.items())[:items]}
        if len(value) > items:
            kept["…"] = f"{len(value) - items} more"
        return kept
    if isinstance(value, list | tuple):
        return [_cut(one, text, items) for one in value[:items]]
    return value

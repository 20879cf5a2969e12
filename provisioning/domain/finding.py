"""One difference between two versions of a contract that somebody must know of. Pure data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """``path`` is in the newer document. ``example`` is an input that worked and would not, None when none is known.

    ``rule`` is stable and may be matched by programs; ``message`` is for people. What is not ``breaking`` only tells.
    """

    path: str
    rule: str
    message: str
    example: Mapping[str, Any] | None = None
    breaking: bool = True

    @property
    def sentence(self) -> str:
        """Message, rule and example in one line, without the last full stop."""
        text = f"{self.message.rstrip('.')} ({self.rule})"
        if self.example is None:
            return text
        shown = json.dumps(self.example, ensure_ascii=False, sort_keys=True)
        return f"{text}; for example {shown if len(shown) <= 300 else shown[:299] + '…'}"

"""“Was this easy?”: the answers there are, what a run was about, and what many answers say together.

Called by the service that stores an answer and by pages. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.kernel.errors import FieldError

EASY: Final = "easy"
HARD: Final = "hard"
DISMISSED: Final = "dismissed"
ANSWERS: Final = (EASY, HARD, DISMISSED)
LONGEST_WORDS: Final = 600


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of those who answered found it easy; who would rather not say is in neither."""

    easy: int = 0
    hard: int = 0

    @property
    def answers(self) -> int:
        return self.easy + self.hard

    @property
    def share(self) -> int:
        """Percent that found it easy, rounded half up; 0 without answers."""
        return (200 * self.easy + self.answers) // (2 * self.answers) if self.answers else 0


def answer_problems(answer: str, words: str) -> Iterator[FieldError]:
    """What is wrong with what somebody sent."""
    if answer not in ANSWERS:
        yield FieldError("answer", f"Write {EASY}, {HARD} or {DISMISSED}.")
    if len(words) > LONGEST_WORDS:
        yield FieldError("words", f"Write at most {LONGEST_WORDS} characters.")
    if words and answer == DISMISSED:
        yield FieldError("words", f"Say whether it was {EASY} or {HARD}; only then are words kept.")


def subjects(plan: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Capability and version of everything that a plan made, changed or took away, each once."""
    found = (
        (one["capability"], one["contract_after"] or one["contract_before"])
        for one in plan["resources"]
        if one["action"] != "unchanged"
    )
    return tuple(dict.fromkeys(found))

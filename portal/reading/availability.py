"""Where a version can be had, for its page: stages that share an answer are one line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisioning.domain.availability import joined
from provisioning.selectors.availability import StageAvailability


@dataclass(frozen=True, slots=True)
class Line:
    """``stages`` are named as in a sentence; ``why`` is empty where it can be had."""

    stages: str
    available: bool
    why: str


def lines(found: Iterable[StageAvailability]) -> list[Line]:
    """In the order of the first stage that each is about."""
    by_answer: dict[tuple[bool, str], list[str]] = {}
    for one in found:
        by_answer.setdefault((one.available, one.why), []).append(one.stage)
    return [Line(joined(stages), available, why) for (available, why), stages in by_answer.items()]

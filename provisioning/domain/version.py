"""SemVer 2.0 and the constraints by which an environment asks for a contract: ``1``, ``1.2``, ``1.2.0``.

Pure. Called by contracts, revisions and the services that pick a contract.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import total_ordering

from idp.kernel.errors import InvalidInput

_NUMBER = r"(0|[1-9]\d{0,8})"
_PATTERN = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z.-]+))?"
)
_CONSTRAINT = re.compile(rf"{_NUMBER}(?:\.{_NUMBER})?")


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One version. Equal and ordered as SemVer says, build metadata aside."""

    major: int
    minor: int
    patch: int
    prerelease: str = ""

    def __str__(self) -> str:
        core = f"{self.major}.{self.minor}.{self.patch}"
        return f"{core}-{self.prerelease}" if self.prerelease else core

    def __lt__(self, other: Version) -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[object, ...]:
        parts = self.prerelease.split(".") if self.prerelease else []
        ranked = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
        return (self.major, self.minor, self.patch, not ranked, ranked)


def parse_version(text: str) -> Version:
    """The version that ``text`` writes; InvalidInput when it is not SemVer, or longer than 64 characters."""
    match = _PATTERN.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise InvalidInput(f"“{text[:64]}” is not a version; write it like 1.2.3.")
    return Version(int(match[1]), int(match[2]), int(match[3]), match[4] or "")


def is_exact(constraint: str) -> bool:
    """Whether ``constraint`` names one version."""
    return _PATTERN.fullmatch(constraint) is not None


def matches(constraint: str, version: Version) -> bool:
    """Whether ``version`` is one that ``constraint`` asks for; ``""`` asks for any. InvalidInput when malformed."""
    if not constraint:
        return True
    if is_exact(constraint):
        return parse_version(constraint) == version
    match = _CONSTRAINT.fullmatch(constraint)
    if match is None:
        raise InvalidInput(f"“{constraint[:64]}” is not a version to ask for; write 1, 1.2 or 1.2.3.")
    return version.major == int(match[1]) and (match[2] is None or version.minor == int(match[2]))


def choose(
    constraint: str,
    offered: Iterable[tuple[str, str]],
    *,
    keep: str | None = None,
    defaults: Container[str] = frozenset(),
) -> str | None:
    """The version that ``constraint`` resolves to among ``offered`` (version, state), None when there is none.

    The newest stable one, or the one among ``defaults`` of the same major where that fits and is stable; failing that
    the newest deprecated one. A default does not move back what runs a newer stable version already, which is
    ``keep``. A preview or defective version must be named exactly. A retired one is never chosen, unless it is
    ``keep``.
    """
    fitting = [
        (parse_version(text), text, state) for text, state in offered if matches(constraint, parse_version(text))
    ]
    if is_exact(constraint):
        return next((text for _, text, state in fitting if state != "retired" or text == keep), None)
    for wanted in ("stable", "deprecated"):
        of_state = [(version, text) for version, text, state in fitting if state == wanted and not version.prerelease]
        if of_state:
            return _leading(of_state, keep, defaults if wanted == "stable" else ())
    return next((text for _, text, _ in fitting if text == keep), None)


def _leading(fitting: Sequence[tuple[Version, str]], keep: str | None, defaults: Container[str]) -> str:
    """The default of the newest major among ``fitting``, else the newest, unless ``keep`` is there and beyond it."""
    newest = max(fitting)
    own = [one for one in fitting if one[0].major == newest[0].major]
    chosen = next((one for one in own if one[1] in defaults), newest)
    kept = next((one for one in own if one[1] == keep), chosen)
    return max(chosen, kept)[1]

"""What is wrong with the expressions of a policy, each with the place in its source. Pure.

Also finds what the language cannot: a fact that no change has. Without this such a policy would be stored and deny
everything. Called by ``governance.domain.policy`` and ``policy_check``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.domain.facts import NAMES, neutral_facts, neutral_resource
from idp.kernel import cel
from idp.kernel.errors import FieldError

_ANY = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. ``source`` is the line of the expression, ``at`` the character of it that is meant."""

    path: str
    message: str
    source: str = ""
    at: int | None = None

    @property
    def pointer(self) -> str:
        """A line to stand below ``source`` in type of one width: the caret is under the place."""
        return "" if self.at is None else " " * self.at + "^"

    def as_error(self) -> FieldError:
        return FieldError(self.path, self.message)


def expression_faults(spec: Mapping[str, Any]) -> list[Fault]:
    """Of ``when`` and of every ``${…}`` in ``message`` and ``remedy``."""
    found = _faults_of(spec["when"], "spec.when")
    for field in ("message", "remedy"):
        path = f"spec.{field}"
        try:
            inside = cel.expressions(spec.get(field, ""))
        except cel.CelError as error:
            found.append(Fault(path, error.message))
            continue
        for _, source in inside:
            found += _faults_of(source, path)
    return found


def _faults_of(source: str, path: str) -> list[Fault]:
    try:
        program = cel.compile(source, names=NAMES)
    except cel.CelError as error:
        return [_placed(path, error.message, source, error.at)]
    return [_placed(path, message, source, at) for message, at in unknown_reads(program)]


def _placed(path: str, message: str, source: str, at: int | None) -> Fault:
    """The fault with the one line of ``source`` that it is on."""
    if at is None:
        return Fault(path, message)
    begin = source.rfind("\n", 0, at) + 1
    end = source.find("\n", at)
    line = source[begin : end if end >= 0 else len(source)]
    return Fault(path, message, line.replace("\t", " "), at - begin)


def unknown_reads(program: cel.Program) -> Iterator[tuple[str, int]]:
    """(what is wrong, place) for each path that no facts have; what is below free values is not looked at."""
    shape = neutral_facts()
    told = set()
    for read in program.reads:
        wrong, step = _unknown(read, shape)
        if wrong and wrong not in told:
            told.add(wrong)
            yield wrong, max(program.source.find(step, read.start), read.start)


def _unknown(read: cel.Read, shape: Any) -> tuple[str, str]:
    """What is wrong with a path, and the step of it that is; nothing for one that there is."""
    reached: Any = shape
    for depth, step in enumerate(read.path):
        if step == _ANY:
            reached = neutral_resource() if read.path[:depth] == ("plan", "resources") else None
        elif isinstance(reached, Mapping) and reached:
            if step not in reached:
                above = ".".join(read.path[:depth]).replace(f".{_ANY}", "[]")
                return f"“{above}” has no “{step}”{cel.did_you_mean(step, reached) or _listed(reached)}.", step
            reached = reached[step]
        else:
            return "", ""
    return "", ""


def _listed(shape: Mapping[str, Any]) -> str:
    return f"; it has {', '.join(shape)}"

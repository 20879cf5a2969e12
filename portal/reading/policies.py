"""Policies as their pages show them: lines of the list, what a rule says in words, and how two versions differ.

Judges nothing by itself: checks come from ``governance.services.policy_checks``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.approval import source_label
from governance.domain.facts import neutral_facts, neutral_resource
from governance.domain.policy import CompiledPolicy, TriedTest, compiled, tried_tests
from governance.models import Policy, PolicyVersion
from governance.selectors.policies import text_of
from idp.kernel.cel import REGISTER
from idp.kernel.errors import FieldError, InvalidInput
from portal.drawing import words

START: Final = """apiVersion: slipway.dev/v1
kind: Policy
metadata: {name: my-policy}
spec:
  title: What people read first
  mode: observe
  when: stage.production && change.kind == "delete"
  effect: warn
  message: This deletes ${environment.name} of ${system.name}.
  remedy: Say in the reason why nobody needs it any more.
  tests:
    - {name: dev is free, facts: {stage: {production: false}, change: {kind: delete}}, expect: pass}
    - {name: production warns, facts: {stage: {production: true}, change: {kind: delete}}, expect: warn}
"""

EFFECT_WORDS: Final[Mapping[str, str]] = {
    "deny": "Denies",
    "warn": "Warns",
    "require-approval": "Asks for approval",
}
EFFECT_STATES: Final[Mapping[str, str]] = {"deny": "denies", "warn": "warns", "require-approval": "asks"}
DAYS_OFFERED: Final = (7, 30, 90, 365)


@dataclass(frozen=True, slots=True)
class Line:
    """One policy of the list."""

    policy: Policy
    state: str
    effect: str
    scope: str
    tests: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy in words. ``approvals`` are empty unless it asks."""

    policy: CompiledPolicy
    state: str
    effect: str
    scope: str
    approvals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DiffLine:
    """``kind`` is ``plus``, ``minus`` or nothing."""

    kind: str
    text: str


def lines(policies: Iterable[Policy]) -> list[Line]:
    return [_line(policy) for policy in policies]


def _line(policy: Policy) -> Line:
    spec = policy.document["spec"]
    rule = rule_of(policy.document)
    return Line(policy, rule.state, rule.effect, rule.scope, len(spec.get("tests", [])))


def rule_of(document: Mapping[str, Any]) -> Rule:
    """``document`` was valid when it was stored."""
    policy = compiled(document)
    return Rule(
        policy,
        EFFECT_STATES[policy.effect],
        EFFECT_WORDS[policy.effect],
        policy.scope.words,
        tuple(source_label(one.source, one.count) for one in policy.approvals),
    )


def difference(before: PolicyVersion | None, after: PolicyVersion) -> list[DiffLine]:
    """Line by line, unchanged lines included: a policy is short."""
    old = text_of(before).splitlines() if before is not None else []
    kinds = {"+ ": "plus", "- ": "minus", "  ": ""}
    compared = difflib.ndiff(old, text_of(after).splitlines())
    return [DiffLine(kinds[line[:2]], line) for line in compared if line[:2] in kinds]


def language() -> dict[str, Any]:
    """What a rule may call and read, from the register and the shape of the facts themselves."""
    return {"functions": REGISTER, "facts": [(name, _fields(value)) for name, value in neutral_facts().items()]}


def _fields(value: Any) -> str:
    """“kind, requester, reason” with what lies below in brackets."""
    found = []
    for name, inner in value.items():
        if name == "resources":
            found.append(f"resources [{', '.join(neutral_resource())}]")
        elif isinstance(inner, Mapping) and inner:
            found.append(f"{name} ({', '.join(inner)})")
        else:
            found.append(name)
    return ", ".join(found)


def tests_words(failing: int, total: int) -> str:
    if not total:
        return "It has no tests yet; a rule that denies deserves some."
    if not failing:
        return f"{words.count(total, 'test holds,tests hold').capitalize()}."
    return f"{failing} of {words.count(total, 'test fails,tests fail')}."


def tried(policy: CompiledPolicy) -> tuple[TriedTest, ...]:
    """Its own tests; none for one whose rule no longer compiles, which says so itself."""
    return tried_tests(policy)


def require_free(name: str) -> None:
    """A new policy takes a new name, so that nobody overwrites one unseen."""
    if Policy.objects.filter(name=name, active=True).exists():
        error = FieldError("metadata.name", f"There is a policy “{name}” already; choose another name.")
        raise InvalidInput(error.message, remedy="Open that policy to edit it.", errors=[error])

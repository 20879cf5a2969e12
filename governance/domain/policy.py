"""Policies: rules in CEL over the facts of a change. Pure: documents and facts in, verdicts out.

``governance.services.policies`` stores documents and keeps them compiled; the gate calls ``evaluate``. A policy that
cannot be evaluated denies, and says why to its owner only (``Verdict.detail``): facts may name what the requester
must not see. In mode ``observe`` a policy never blocks, whatever happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from governance.domain.facts import NAMES, completed, unknown_facts
from governance.domain.policy_faults import expression_faults
from governance.domain.policy_schema import schema_errors
from governance.domain.policy_scope import EVERYWHERE, Scope
from idp.kernel import cel
from idp.kernel.errors import FieldError, InvalidInput

Mode = Literal["enforce", "observe"]
Effect = Literal["deny", "warn", "require-approval"]
Outcome = Literal["passes", "warns", "denies", "asks", "observes", "errors"]

FIRED: Mapping[str, Outcome] = {"deny": "denies", "warn": "warns", "require-approval": "asks"}
EXPECTED: Mapping[str, str] = {"deny": "deny", "warn": "warn", "require-approval": "ask"}


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """``count`` people from ``source``, one of ``team:maintainer`` (the owning team's), ``team:<slug>:maintainer`` and
    ``group:<name>``."""

    source: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """Partial facts, and what the policy must say of them: ``pass`` or its own effect."""

    name: str
    facts: Mapping[str, Any]
    expect: str


@dataclass(frozen=True, slots=True)
class CompiledPolicy:
    """One policy, ready to be asked. ``program`` is None when its source no longer compiles; then it errors."""

    name: str
    title: str
    mode: Mode
    effect: Effect
    when: str
    program: cel.Program | None
    message: str
    remedy: str = ""
    approvals: tuple[ApprovalRule, ...] = ()
    tests: tuple[PolicyTest, ...] = ()
    scope: Scope = EVERYWHERE


@dataclass(frozen=True, slots=True)
class TriedTest:
    """What one of a policy's own tests came out as: ``pass``, an effect, or ``error`` with ``detail``."""

    name: str
    expect: str
    came: str
    detail: str = ""

    @property
    def holds(self) -> bool:
        return self.came == self.expect

    @property
    def words(self) -> str:
        if self.detail:
            return f"Cannot be evaluated: {self.detail}"
        return f"Comes out as {self.came}." if self.holds else f"Expects {self.expect} and comes out as {self.came}."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one policy says of one change. ``detail`` is for the policy's owner, never for the requester."""

    policy: str
    title: str
    outcome: Outcome
    message: str = ""
    remedy: str = ""
    mode: Mode = "enforce"
    approvals: tuple[ApprovalRule, ...] = ()
    detail: str = ""

    @property
    def blocks(self) -> bool:
        return self.outcome == "denies" or (self.outcome == "errors" and self.mode == "enforce")

    def as_dict(self) -> dict[str, Any]:
        """For the change's row, pages and the API; without ``detail``."""
        return {
            "policy": self.policy,
            "title": self.title,
            "outcome": self.outcome,
            "message": self.message,
            "remedy": self.remedy,
            "mode": self.mode,
            "blocks": self.blocks,
            "approvals": [{"source": rule.source, "count": rule.count} for rule in self.approvals],
        }


def parse_policy(document: Any) -> CompiledPolicy:
    """The policy in a document; InvalidInput names each place that is wrong. Its tests are not run."""
    errors = schema_errors(document)
    if errors:
        raise _invalid(errors)
    spec = document["spec"]
    policy = compiled(document)
    errors = [fault.as_error() for fault in expression_faults(spec)]
    for number, test in enumerate(spec.get("tests", [])):
        errors += unknown_facts(test["facts"], f"spec.tests.{number}.facts")
        if test["expect"] not in ("pass", EXPECTED[policy.effect]):
            wanted = f"This policy can only pass or {EXPECTED[policy.effect]}."
            errors.append(FieldError(f"spec.tests.{number}.expect", wanted))
    if errors:
        raise _invalid(errors)
    return policy


def compiled(document: Mapping[str, Any]) -> CompiledPolicy:
    """The policy of a document that was valid when it was stored."""
    spec = document["spec"]
    try:
        program = cel.compile(spec["when"], names=NAMES)
    except cel.CelError:
        program = None
    return CompiledPolicy(
        name=document["metadata"]["name"],
        title=spec["title"],
        mode=spec.get("mode", "enforce"),
        effect=spec["effect"],
        when=spec["when"],
        program=program,
        message=spec["message"],
        remedy=spec.get("remedy", ""),
        approvals=tuple(ApprovalRule(rule["from"], rule.get("count", 1)) for rule in spec.get("approvals", [])),
        tests=tuple(PolicyTest(test["name"], test["facts"], test["expect"]) for test in spec.get("tests", [])),
        scope=Scope.of(spec.get("scope", {})),
    )


def evaluate(policies: Iterable[CompiledPolicy], facts: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """What each policy says of ``facts`` (a ``PolicyFacts``), in the order of ``policies``.

    One whose scope the change is outside of says nothing.
    """
    listed = tuple(policies)
    if not listed:
        return ()
    try:
        prepared = cel.Facts({name: facts[name] for name in NAMES})
    except (cel.CelError, KeyError, TypeError) as error:
        return tuple(_error(policy, f"The facts cannot be read: {error}") for policy in listed)
    return tuple(_verdict(policy, prepared) for policy in listed if _covers(policy, facts))


def enforced(policy: CompiledPolicy) -> CompiledPolicy:
    """The policy as if its mode were ``enforce``: what replays and checks ask."""
    return replace(policy, mode="enforce")


def tried_tests(policy: CompiledPolicy) -> tuple[TriedTest, ...]:
    """Each of the policy's own tests with what it came out as, whatever the mode."""
    return tuple(_tried(policy, test) for test in policy.tests)


def failed_tests(policy: CompiledPolicy) -> list[FieldError]:
    """Each of the policy's own tests that does not come out as expected, whatever the mode."""
    return [
        FieldError(f"spec.tests.{number}", failure_words(result))
        for number, result in enumerate(tried_tests(policy))
        if not result.holds
    ]


def failure_words(result: TriedTest) -> str:
    if result.detail:
        return f"“{result.name}” cannot be evaluated: {result.detail}"
    return f"“{result.name}” expects {result.expect} and comes out as {result.came}."


def _tried(policy: CompiledPolicy, test: PolicyTest) -> TriedTest:
    try:
        facts = completed(policy.scope.within(test.facts))
        fires = policy.scope.covers(facts) and _fires(policy, cel.Facts(facts))
    except cel.CelError as error:
        return TriedTest(test.name, test.expect, "error", error.message)
    return TriedTest(test.name, test.expect, EXPECTED[policy.effect] if fires else "pass")


def _covers(policy: CompiledPolicy, facts: Mapping[str, Any]) -> bool:
    """Facts that lack what a scope asks for are left to the rule, which tells what is wrong."""
    try:
        return policy.scope.covers(facts)
    except (KeyError, TypeError):
        return True


def _verdict(policy: CompiledPolicy, facts: cel.Facts) -> Verdict:
    try:
        if not _fires(policy, facts):
            return Verdict(policy.name, policy.title, "passes", mode=policy.mode)
    except cel.CelError as error:
        return _error(policy, error.message)
    observed = policy.mode == "observe"
    return Verdict(
        policy.name,
        policy.title,
        "observes" if observed else FIRED[policy.effect],
        message=_filled(policy.message, facts, policy.title),
        remedy=_filled(policy.remedy, facts, ""),
        mode=policy.mode,
        approvals=() if observed else policy.approvals,
    )


def _fires(policy: CompiledPolicy, facts: cel.Facts) -> bool:
    program = policy.program or cel.compile(policy.when, names=NAMES)
    value = program.evaluate(facts)
    if not isinstance(value, bool):
        raise cel.CelError(f"“when” must be true or false; here it is {type(value).__name__}.")
    return value


def _filled(text: str, facts: cel.Facts, otherwise: str) -> str:
    if "${" not in text:
        return text
    try:
        return str(cel.template(text, facts))
    except cel.CelError:
        return otherwise


def _error(policy: CompiledPolicy, detail: str) -> Verdict:
    return Verdict(
        policy.name,
        policy.title,
        "errors",
        message=f"The policy “{policy.title}” could not be checked.",
        remedy="Ask a platform admin to correct the policy; your request may be fine.",
        mode=policy.mode,
        detail=detail,
    )


def _invalid(errors: list[FieldError]) -> InvalidInput:
    first = errors[0]
    return InvalidInput(f"This policy is not right yet: {first.path}: {first.message}", errors=errors)

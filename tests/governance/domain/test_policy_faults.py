"""What is wrong with a policy's expressions, with the place; and for whom a policy speaks."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.facts import completed
from governance.domain.policy import TriedTest as Result
from governance.domain.policy import evaluate, failed_tests, parse_policy, tried_tests
from governance.domain.policy_faults import expression_faults
from governance.domain.policy_scope import Scope
from idp.kernel.errors import InvalidInput
from tests.governance.domain.test_policy import document

FAULTS = [
    ("stage.production and true", "not a complete CEL expression", 17),
    ("stge.production", "“stge” is not known here; did you mean “stage”", 0),
    ("true && change.knd == 'x'", "“change” has no “knd”; did you mean “kind”", 15),
    ("quota.memory_gib.ratio > 0.8", "“quota.memory_gib” has no “ratio”", 17),
    ("plan.resources.exists(r, r.actoin == 'added')", "“plan.resources[]” has no “actoin”; did you mean “action”", 27),
    ("plan.resources.filter(r, true).all(q, q.nme == '')", "“plan.resources[]” has no “nme”", 40),
    ("sizes(plan.resources) > 1", "There is no function “sizes”; did you mean “size”", 0),
    ("stage.production &&\n  chnge.kind == 'x'", "“chnge” is not known here", 2),
]


@pytest.mark.parametrize(("when", "words", "at"), FAULTS, ids=[when[:24] for when, _, _ in FAULTS])
def test_it_points_at_what_is_wrong(when: str, words: str, at: int) -> None:
    (fault,) = expression_faults({"when": when})
    assert words in fault.message
    assert (fault.path, fault.at) == ("spec.when", at)
    assert fault.pointer == " " * at + "^"
    assert "\n" not in fault.source
    with pytest.raises(InvalidInput) as refused:
        parse_policy(document(when=when))
    assert [error.path for error in refused.value.errors] == ["spec.when"]


@pytest.mark.parametrize(
    "when",
    [
        "plan.resources.exists(r, has(r.inputs.image) && r.inputs_before.x == 1)",
        "environment.expires_days != null && environment.expires_days > 3.0",
        "change.kind.startsWith('up') && now.hour > 12",
        "plan.resources.map(r, {'n': r.name}).exists(m, m.n == 'a')",
    ],
)
def test_it_lets_through_what_may_be_there(when: str) -> None:
    assert expression_faults({"when": when}) == []


def test_it_finds_faults_in_the_words_for_people() -> None:
    spec = {"when": "true", "message": "Costs ${plan.cost_aftr}.", "remedy": "See ${nothing"}
    assert [(fault.path, fault.at) for fault in expression_faults(spec)] == [("spec.message", 5), ("spec.remedy", None)]


CHANGE = completed(
    {
        "team": {"slug": "payments"},
        "system": {"name": "checkout"},
        "stage": {"name": "prod"},
        "plan": {
            "resources": [
                {"capability": "postgres", "action": "unchanged"},
                {"capability": "route", "action": "removed"},
            ]
        },
    }
)


@pytest.mark.parametrize(
    ("scope", "covers"),
    [
        pytest.param({}, True, id="everything"),
        pytest.param({"teams": ["storefront", "payments"]}, True, id="one-of-the-teams"),
        pytest.param({"teams": ["storefront"]}, False, id="another-team"),
        pytest.param({"systems": ["checkout"]}, True, id="system"),
        pytest.param({"systems": ["shop"]}, False, id="another-system"),
        pytest.param({"stages": ["prod"]}, True, id="stage"),
        pytest.param({"stages": ["dev"]}, False, id="another-stage"),
        pytest.param({"capabilities": ["route"]}, True, id="changed-capability"),
        pytest.param({"capabilities": ["postgres"]}, False, id="capability-that-stays-as-it-is"),
        pytest.param({"teams": ["payments"], "stages": ["dev"]}, False, id="all-kinds-must-fit"),
    ],
)
def test_a_policy_speaks_within_its_scope_only(scope: dict[str, Any], covers: bool) -> None:
    spec = {"when": "true", "tests": None} | ({"scope": scope} if scope else {})
    assert Scope.of(scope).covers(CHANGE) is covers
    assert len(evaluate([parse_policy(document(**spec))], CHANGE)) == covers


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ({}, ""),
        ({"teams": ["payments"]}, "team payments"),
        (
            {"stages": ["dev", "staging", "prod"], "capabilities": ["route"]},
            "stages dev, staging and prod, capability route",
        ),
    ],
)
def test_it_says_a_scope_in_words(scope: dict[str, Any], words: str) -> None:
    assert Scope.of(scope).words == words


def test_tests_happen_inside_the_scope_unless_they_say_otherwise() -> None:
    tests = [
        {"name": "there", "facts": {}, "expect": "ask"},
        {"name": "elsewhere", "facts": {"team": {"slug": "storefront"}}, "expect": "pass"},
        {"name": "another stage", "facts": {"environment": {"stage": "dev"}}, "expect": "pass"},
        {"name": "wrong", "facts": {}, "expect": "pass"},
        {"name": "fails", "facts": {"plan": {"resources": [{}]}}, "expect": "pass"},
    ]
    scope = {"teams": ["payments"], "stages": ["prod"]}
    policy = parse_policy(document(when="plan.resources.all(r, r.inputs.a == 1)", scope=scope, tests=tests))
    assert [result.came for result in tried_tests(policy)] == ["ask", "pass", "pass", "ask", "error"]
    assert [result.holds for result in tried_tests(policy)] == [True, True, True, False, False]
    assert [error.path for error in failed_tests(policy)] == ["spec.tests.3", "spec.tests.4"]
    assert isinstance(tried_tests(policy)[0], Result)


def test_a_scope_of_capabilities_gives_resources_of_tests_that_capability() -> None:
    tests = [{"name": "meant", "facts": {"plan": {"resources": [{"action": "added"}]}}, "expect": "ask"}]
    policy = parse_policy(document(when="true", scope={"capabilities": ["postgres"]}, tests=tests))
    assert failed_tests(policy) == []


@pytest.mark.parametrize(
    "scope", [{}, {"teams": []}, {"team": ["a"]}, {"teams": ["Not A Name"]}], ids=["empty", "none", "key", "name"]
)
def test_it_refuses_a_scope_that_is_none(scope: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(document(scope=scope))

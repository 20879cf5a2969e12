"""Policies: documents, verdicts, their own tests, and what the requester is not told."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from governance.domain.facts import PolicyFacts, completed, neutral_facts, now_facts
from governance.domain.policy import Verdict, evaluate, failed_tests, parse_policy
from governance.domain.policy_schema import POLICY_SCHEMA
from idp.kernel.errors import InvalidInput

DOCUMENT: dict[str, Any] = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "prod-needs-two"},
    "spec": {
        "title": "Two people agree on production",
        "mode": "enforce",
        "when": 'environment.stage == "prod" && change.kind in ["create", "update"]',
        "effect": "require-approval",
        "approvals": [{"from": "team:maintainer"}, {"from": "group:platform", "count": 2}],
        "message": "Production changes of ${system.name} need two people.",
        "remedy": "Ask in your team's channel.",
        "tests": [{"name": "dev is free", "facts": {"environment": {"stage": "dev"}}, "expect": "pass"}],
    },
}


def document(**spec: Any) -> dict[str, Any]:
    changed = deepcopy(DOCUMENT)
    changed["spec"] |= spec
    if changed["spec"]["effect"] != "require-approval":
        changed["spec"].pop("approvals", None)
    return {**changed, "spec": {key: value for key, value in changed["spec"].items() if value is not None}}


def facts(stage: str = "prod", **change: Any) -> PolicyFacts:
    built = neutral_facts()
    built["environment"]["stage"] = stage
    built["system"]["name"] = "checkout"
    built["change"] |= change  # type: ignore[typeddict-item]
    return built


def verdict(facts: PolicyFacts, **spec: Any) -> Verdict:
    return evaluate([parse_policy(document(**spec))], facts)[0]


OUTCOMES = [
    ("require-approval asks", {}, "prod", "asks", False),
    ("not meant", {}, "dev", "passes", False),
    ("deny", {"effect": "deny"}, "prod", "denies", True),
    ("deny not meant", {"effect": "deny"}, "dev", "passes", False),
    ("warn", {"effect": "warn"}, "prod", "warns", False),
    ("observe never blocks", {"effect": "deny", "mode": "observe"}, "prod", "observes", False),
    ("observe not meant", {"effect": "deny", "mode": "observe"}, "dev", "passes", False),
    ("an error denies", {"when": "plan.resources[3].name == 'x'"}, "prod", "errors", True),
    ("an error of a warning denies too", {"when": "change.kind > 3", "effect": "warn"}, "prod", "errors", True),
    ("an error when observing", {"when": "change.kind > 3", "mode": "observe"}, "prod", "errors", False),
    ("not a truth value", {"when": "change.kind"}, "prod", "errors", True),
]


@pytest.mark.parametrize(
    ("spec", "stage", "outcome", "blocks"), [row[1:] for row in OUTCOMES], ids=[row[0] for row in OUTCOMES]
)
def test_it_gives_a_verdict(spec: dict[str, Any], stage: str, outcome: str, blocks: bool) -> None:
    given = verdict(facts(stage), tests=None, **spec)
    assert (given.outcome, given.blocks) == (outcome, blocks)


def test_it_says_who_must_agree_and_why() -> None:
    given = verdict(facts())
    assert given.message == "Production changes of checkout need two people."
    assert [(rule.source, rule.count) for rule in given.approvals] == [("team:maintainer", 1), ("group:platform", 2)]
    assert verdict(facts(), mode="observe").approvals == ()


def test_it_tells_the_requester_nothing_of_an_error() -> None:
    given = verdict(facts(), tests=None, when="plan.resources[0].inputs.secret == 'x'")
    assert "secret" in given.detail
    shown = given.as_dict()
    assert "secret" not in str(shown)
    assert shown["message"] == "The policy “Two people agree on production” could not be checked."


def test_it_shows_the_title_when_a_message_cannot_be_filled() -> None:
    given = verdict(facts(), tests=None, message="${plan.resources[0].name} is not allowed")
    assert given.message == "Two people agree on production"


def test_it_denies_when_the_facts_cannot_be_read() -> None:
    incomplete = {"change": {"kind": "update"}}
    assert [given.outcome for given in evaluate([parse_policy(DOCUMENT)], incomplete)] == ["errors"]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("no when", {"when": None}, "spec.when"),
    ("not CEL", {"when": "environment.stage =="}, "spec.when"),
    ("unknown name", {"when": "environmnt.stage == 'x'"}, "spec.when"),
    ("unknown function", {"when": "exec('x') == 1"}, "spec.when"),
    ("too long", {"when": "true && " * 300 + "true"}, "spec.when"),
    ("unknown effect", {"effect": "block"}, "spec.effect"),
    ("unknown mode", {"mode": "maybe"}, "spec.mode"),
    ("unknown field", {"severity": 1}, "spec.severity"),
    ("no approvals", {"approvals": None}, "spec"),
    ("unknown source", {"approvals": [{"from": "user:joe"}]}, "spec.approvals.0.from"),
    ("nobody", {"approvals": [{"from": "team:maintainer", "count": 0}]}, "spec.approvals.0.count"),
    ("message names the unknown", {"message": "${secrets.x}"}, "spec.message"),
    ("misspelt fact", {"tests": [{"name": "x", "facts": {"stag": {}}, "expect": "pass"}]}, "spec.tests.0.facts"),
    ("expects what cannot be", {"tests": [{"name": "x", "facts": {}, "expect": "deny"}]}, "spec.tests.0.expect"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "path"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_it_refuses_a_wrong_document(spec: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_policy(document(**spec))
    paths = [error.path for error in caught.value.errors]
    assert any(found == path or found.startswith(f"{path}.") for found in paths), paths
    assert all(error.message.endswith(".") for error in caught.value.errors)


@pytest.mark.parametrize("value", [None, [], "x", {"kind": "Policy"}], ids=str)
def test_it_refuses_what_is_no_policy_at_all(value: Any) -> None:
    with pytest.raises(InvalidInput):
        parse_policy(value)


def test_it_allows_approvals_only_with_their_effect() -> None:
    changed = deepcopy(DOCUMENT)
    changed["spec"]["effect"] = "deny"
    with pytest.raises(InvalidInput, match="approvals"):
        parse_policy(changed)


def test_it_runs_a_policys_own_tests() -> None:
    tests = [
        {"name": "prod asks", "facts": {"stage": {"name": "prod"}, "change": {"kind": "create"}}, "expect": "ask"},
        {"name": "wrong", "facts": {"stage": {"name": "dev"}}, "expect": "ask"},
    ]
    assert [fault.path for fault in failed_tests(parse_policy(document(tests=tests)))] == ["spec.tests.1"]
    broken = parse_policy(document(tests=tests, when="plan.resources[0].name == 'x'"))
    assert [fault.path for fault in failed_tests(broken)] == ["spec.tests.0", "spec.tests.1"]


def test_it_completes_partial_facts() -> None:
    full = completed({"environment": {"stage": "prod"}, "plan": {"resources": [{"name": "api", "inputs": {"a": 1}}]}})
    assert full["stage"]["name"] == "prod"
    assert full["plan"]["resources"][0] == {
        "name": "api",
        "action": "added",
        "capability": "web-service",
        "contract": "1.0.0",
        "component": None,
        "inputs": {"a": 1},
        "inputs_before": {},
        "lender": "",
    }
    assert set(full) == set(neutral_facts())


def test_it_says_what_day_it_is() -> None:
    from datetime import UTC, datetime

    friday = now_facts(datetime(2026, 3, 6, 17, 5, tzinfo=UTC))
    assert friday == {"time": "2026-03-06T17:05:00+00:00", "weekday": "friday", "hour": 17}


def test_its_schema_is_a_schema() -> None:
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(POLICY_SCHEMA)

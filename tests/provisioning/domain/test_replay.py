"""What a policy would have said of recorded changes, and the sums of it."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.facts import completed
from governance.domain.policy import parse_policy
from provisioning.domain.replay import Recorded, by_team, counted, denied_then, question_of, replayed, sentence
from tests.governance.domain.test_policy import document


def recorded(number: int = 1, team: int = 1, *, denied: bool = False, **partial: Any) -> Recorded:
    return Recorded(number, 7, team, f"team-{team}", f"Team {team}", denied, completed(partial))


PROD: dict[str, Any] = {"stage": {"name": "prod", "production": True}}


@pytest.mark.parametrize(
    ("spec", "facts", "outcome", "message"),
    [
        pytest.param({"effect": "deny"}, PROD, "denies", "Not ${1} of checkout.", id="denies"),
        pytest.param(
            {"effect": "deny", "mode": "observe"}, PROD, "denies", "Not ${1} of checkout.", id="as-if-enforced"
        ),
        pytest.param({"effect": "warn"}, PROD, "warns", "Not ${1} of checkout.", id="warns"),
        pytest.param({}, PROD, "asks", "Not ${1} of checkout.", id="delays"),
        pytest.param({}, {}, "passes", "", id="lets-through"),
        pytest.param({"scope": {"teams": ["other"]}}, PROD, "outside", "", id="not-its-scope"),
    ],
)
def test_it_judges_as_if_the_policy_were_enforced(
    spec: dict[str, Any], facts: dict[str, Any], outcome: str, message: str
) -> None:
    policy = parse_policy(document(when="stage.production", message="Not $${1} of checkout.", tests=None, **spec))
    found = replayed(policy, recorded(**facts))
    assert (found.outcome, found.message) == (outcome, message.replace("$${", "${") if message else "")


def test_it_tells_facts_that_are_missing_from_those_that_do_not_fit() -> None:
    policy = parse_policy(document(when="plan.resources[0].name == 'x'", tests=None))
    assert replayed(policy, Recorded(1, 1, 1, "a", "A", False, {})).outcome == "unrecorded"
    found = replayed(policy, recorded())
    assert found.outcome == "errors"
    assert "list does not have" in found.message


def test_it_sums_by_outcome_and_by_team() -> None:
    policy = parse_policy(document(when="stage.production", effect="deny", tests=None))
    first = [replayed(policy, recorded(1, 1, denied=True, **PROD)), replayed(policy, recorded(2, 2))]
    second = [replayed(policy, recorded(3, 1, **PROD))]
    counts = counted(counted({}, first), second)
    assert counts == {"denies": 2, "passes": 1}
    assert list(counts) == ["denies", "passes"]
    teams = by_team(by_team({}, first), second)
    assert teams["1"] == {"slug": "team-1", "name": "Team 1", "counts": {"denies": 2}}
    assert teams["2"]["counts"] == {"passes": 1}
    assert denied_then([*first, *second]) == 1


@pytest.mark.parametrize(
    ("spec", "same"),
    [
        ({"title": "x", "mode": "observe", "remedy": "y", "tests": None}, True),
        ({"when": "true"}, False),
        ({"effect": "deny"}, False),
        ({"scope": {"stages": ["prod"]}}, False),
        ({"message": "z"}, False),
    ],
)
def test_only_what_decides_makes_another_question(spec: dict[str, Any], same: bool) -> None:
    assert (question_of(document(**spec)) == question_of(document())) is same


@pytest.mark.parametrize(
    ("counts", "total", "words"),
    [
        ({"denies": 12, "passes": 828}, 840, "It would have denied 12 of 840 changes in 30 days."),
        ({"denies": 1, "errors": 1, "warns": 1_200}, 2_000, "denied 2 and warned about 1,200 of 2,000 changes"),
        ({"asks": 3}, 3, "asked for approval of 3 of 3 changes"),
        ({"passes": 4, "outside": 1}, 5, "It would have let all 5 changes in 30 days through."),
        ({}, 0, "There was no change in 30 days."),
    ],
)
def test_it_says_it_in_a_sentence(counts: dict[str, int], total: int, words: str) -> None:
    assert words in sentence(counts, total, 30)

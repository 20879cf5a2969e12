"""Whom a route would have asked at recorded changes, beside whom they waited for."""

from __future__ import annotations

from typing import Any

import pytest

from governance.domain.facts import completed
from governance.domain.policy import enforced, parse_policy
from governance.domain.route import Route, parse_route
from provisioning.domain.replay import Recorded
from provisioning.domain.route_replay import Decision, Waited, route_replayed
from tests.governance.domain.test_policy import document

PROD: dict[str, Any] = {"stage": {"name": "prod", "production": True}}
MAINTAINER = Decision("team:payments:maintainer", 1, "into-prod")
OPERATORS = Decision("group:operators", 1, "into-prod")
OTHER = Decision("group:security", 1)


def route(*sources: str, skip: str = "", count: int = 1) -> Route:
    stage: dict[str, Any] = {"name": "Agree", "approvers": [{"from": one, "count": count} for one in sources]}
    if skip:
        stage["skip"] = {"when": skip}
    return parse_route(
        {
            "apiVersion": "slipway.dev/v1",
            "kind": "ApprovalRoute",
            "metadata": {"name": "into-prod"},
            "spec": {"title": "Into production", "stages": [stage]},
        }
    )


def owners(asked: str) -> list[str]:
    return {"capabilities": ["databases"]}.get(asked, [])


def waited(*decisions: Decision, denied: bool = False, facts: Any = PROD, verdicts: Any = ()) -> Waited:
    told = completed(facts) if facts is not None else {}
    return Waited(Recorded(1, 1, 1, "payments", "Payments", denied, told), "d", verdicts, decisions)


POLICY = enforced(
    parse_policy(document(when="stage.production", tests=None, mode="observe", approvals=[{"from": "route:into-prod"}]))
)
ASKED_THEN = [{"approvals": [{"source": "route:into-prod", "count": 1}]}]
BOTH = ("team:maintainer", "group:operators")


@pytest.mark.parametrize(
    ("read", "change", "outcome", "message"),
    [
        pytest.param(route("team:maintainer"), waited(MAINTAINER), "passes", "", id="as-it-was"),
        pytest.param(
            route(*BOTH),
            waited(MAINTAINER),
            "asks",
            "Waits for someone of group operators; a maintainer of payments was asked then.",
            id="one-more",
        ),
        pytest.param(
            route("group:operators"), waited(), "asks", "someone of group operators; nobody was asked", id="nobody-then"
        ),
        pytest.param(route("group:operators", count=2), waited(OPERATORS), "asks", "2 people of", id="more-of-them"),
        pytest.param(route("team:maintainer"), waited(MAINTAINER, OPERATORS), "passes", "", id="one-less-still-waits"),
        pytest.param(
            route("team:maintainer", skip="true"),
            waited(MAINTAINER),
            "admits",
            "a maintainer of payments",
            id="left-out",
        ),
        pytest.param(
            route("team:maintainer", skip="true"), waited(MAINTAINER, OTHER), "passes", "", id="waits-for-others-anyway"
        ),
        pytest.param(route("group:security"), waited(OTHER), "passes", "", id="asked-by-another-rule-already"),
        pytest.param(route("capabilities"), waited(), "asks", "a maintainer of databases", id="owners"),
        pytest.param(route("group:operators"), waited(facts={}), "outside", "", id="no-policy-asks-here"),
        pytest.param(
            route("group:operators"), waited(facts={}, verdicts=ASKED_THEN), "asks", "group operators", id="asked-then"
        ),
        pytest.param(route("group:operators"), waited(denied=True), "outside", "", id="denied-then"),
        pytest.param(route("group:operators"), waited(facts=None), "unrecorded", "", id="no-facts"),
    ],
)
def test_it_compares_with_what_really_happened(read: Route, change: Waited, outcome: str, message: str) -> None:
    found = route_replayed(read, (POLICY,), change, owners)
    assert found.outcome == outcome
    assert message in found.message
    assert bool(message) == bool(found.message)


@pytest.mark.parametrize(
    ("read", "change", "outcome"),
    [
        pytest.param(route("group:operators"), waited(), "outside", id="nobody-was-asked"),
        pytest.param(route("group:operators"), waited(OTHER), "asks", id="others-are-asked"),
        pytest.param(route("group:security"), waited(OTHER), "passes", id="the-same"),
        pytest.param(route("group:security", skip="true"), waited(OTHER), "admits", id="nobody-any-more"),
    ],
)
def test_a_route_that_nothing_asks_for_stands_in_for_every_decision(read: Route, change: Waited, outcome: str) -> None:
    assert route_replayed(read, (), change, owners).outcome == outcome

"""Names, namespaces and guardrails of environments that are kept apart in three ways; what a move means."""

from __future__ import annotations

import pytest

from provisioning.domain.driver import ObjectRef, Scope
from provisioning.domain.guardrails import own_guardrails, own_refs, shared_guardrails
from provisioning.domain.isolation import (
    ISOLATIONS,
    WAYS,
    Place,
    isolation_problem,
    namespace_name,
    prefix_of,
    prefixed,
    shared_scope,
)
from provisioning.domain.move import loses_data, move_notes, move_of, where
from provisioning.domain.plan import Footprint

SCOPE = Scope("checkout", "dev")
HERE, THERE = Place("eu-1", "checkout-dev"), Place("eu-2", "checkout-dev")


@pytest.mark.parametrize(
    ("isolation", "taken", "wanted"),
    [
        pytest.param("namespace", False, "checkout-dev", id="its own"),
        pytest.param("dedicated", False, "checkout-dev", id="on its own cluster"),
        pytest.param("shared", True, "slipway-shared-qa", id="the stage's"),
    ],
)
def test_a_namespace_is_named_by_the_way(isolation: str, taken: bool, wanted: str) -> None:
    given = {"stage": "qa", "system": "checkout", "environment": "dev"}
    assert namespace_name(isolation, taken=taken, **given) == wanted


def test_a_name_that_is_taken_gets_a_digest() -> None:
    name = namespace_name("namespace", stage="qa", system="a" * 30, environment="b" * 30, taken=True)
    assert len(name) <= 63
    assert name != f"{'a' * 30}-{'b' * 30}"


@pytest.mark.parametrize(
    ("prefix", "name", "wanted"),
    [
        pytest.param("", "api", "api", id="alone"),
        pytest.param("checkout-dev-", "api", "checkout-dev-api", id="shared"),
        pytest.param("s" * 30 + "-dev-", "settings", "s" * 30 + "-dev", id="too long"),
    ],
)
def test_names_begin_with_their_environment(prefix: str, name: str, wanted: str) -> None:
    made = prefixed(prefix, name)
    assert made.startswith(wanted)
    assert len(made) <= 40


def test_two_long_names_stay_apart() -> None:
    prefix = prefix_of("shared", system="s" * 30, environment="e" * 30)
    assert prefixed(prefix, "api") != prefixed(prefix, "web")


@pytest.mark.parametrize(
    ("isolation", "labels", "wrong"),
    [
        pytest.param("shared", {}, False, id="shared"),
        pytest.param("dedicated", {"region": "eu"}, False, id="dedicated with labels"),
        pytest.param("dedicated", {}, True, id="dedicated without labels"),
        pytest.param("apart", {}, True, id="no such way"),
    ],
)
def test_it_says_what_is_wrong_with_a_choice(isolation: str, labels: dict[str, str], wrong: bool) -> None:
    assert bool(isolation_problem(isolation, labels)) is wrong


def test_each_way_says_its_cost_and_risk() -> None:
    assert tuple(WAYS) == ISOLATIONS
    assert all(one.cost and one.risk and one.what for one in WAYS.values())


def test_what_is_shared_is_no_environments() -> None:
    made = shared_guardrails(
        namespace="slipway-shared-dev", scope=shared_scope("dev"), usage=Footprint(2, 4, 10), environments=3
    )
    assert {one["kind"] for one in made} == {"Namespace", "ResourceQuota", "LimitRange", "NetworkPolicy"}
    assert all(one["metadata"]["labels"]["slipway.dev/system"] == "slipway-shared" for one in made)
    hard = next(one["spec"]["hard"] for one in made if one["kind"] == "ResourceQuota")
    assert (hard["requests.storage"], hard["pods"], hard["requests.cpu"]) == ("10Gi", "600", "5")


def test_an_environment_reaches_only_itself_in_a_shared_namespace() -> None:
    made = own_guardrails(
        namespace="slipway-shared-dev", scope=SCOPE, prefix="checkout-dev-", team="payments", revision=3, has_route=True
    )
    assert all(one["metadata"]["name"].startswith("checkout-dev-") for one in made)
    policies = [one["spec"] for one in made if one["kind"] == "NetworkPolicy"]
    own = {"podSelector": {"matchLabels": SCOPE.labels()}}
    assert policies[0]["ingress"] == [{"from": [own]}]
    assert policies[0]["egress"] == [{"to": [own]}]
    assert all(one["podSelector"] == own["podSelector"] for one in policies)


def test_all_that_is_its_own_is_found_again() -> None:
    place = {"namespace": "slipway-shared-dev", "scope": SCOPE, "prefix": "checkout-dev-"}
    made = own_guardrails(**place, team="payments", revision=3, has_route=True)  # type: ignore[arg-type]
    assert {ObjectRef.of(one) for one in made} <= set(own_refs(**place))  # type: ignore[arg-type]


def test_a_move_says_what_is_lost_and_what_becomes_another() -> None:
    resources = [
        {"name": "db", "usage_before": {"storage_gib": 5.0}},
        {"name": "api", "usage_before": {"storage_gib": 0.0}},
    ]
    before, after = {"db": {"host": "db.a.svc", "port": 5432}}, {"db": {"host": "db.b.svc", "port": 5432}}
    move = move_of(HERE, THERE, back=False, resources=resources, before=before, after=after)
    assert move["lost"] == [{"resource": "db", "storage_gib": 5.0}]
    assert move["outputs"] == [{"resource": "db", "output": "host", "before": "db.a.svc", "after": "db.b.svc"}]
    assert loses_data({"move": move})
    told = " ".join(move_notes(move, ["shop.example"]))
    assert "shop.example must lead to eu-2" in told
    assert "db.host" in told


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        pytest.param(THERE, "eu-2", id="another cluster"),
        pytest.param(Place("eu-1", "slipway-shared-dev", "shared"), "one namespace for many", id="another isolation"),
    ],
)
def test_where_it_goes_is_told_by_what_is_new(to: Place, wanted: str) -> None:
    assert where(to.as_dict(), HERE.as_dict()) == wanted

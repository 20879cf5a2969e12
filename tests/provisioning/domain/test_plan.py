"""The plan: by resource, by field, with usage, cost and the effect in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioning.domain.plan import (
    Footprint,
    Prices,
    ResourceSide,
    Side,
    build_plan,
    changes_nothing,
    describe,
    field_changes,
    plan_digest,
)

SCHEMA = {
    "properties": {
        "image": {"x-effect": "restarts"},
        "replicas": {"x-effect": "none"},
        "storageGiB": {"x-effect": "data"},
        "env": {"x-effect": "restarts"},
    }
}
API = ResourceSide(
    name="api",
    capability="web-service",
    title="Web service",
    icon="box",
    contract="1.0.0",
    component="checkout-api",
    inputs={"image": "a:1", "replicas": 2, "env": {"A": "1"}},
    footprint=Footprint(1, 2, 0),
    schema=SCHEMA,
    objects=(("server", {"kind": "Deployment", "metadata": {"name": "api"}, "spec": {"replicas": 2}}),),
)
DB = replace(
    API,
    name="db",
    capability="postgres",
    component=None,
    inputs={"storageGiB": 5},
    footprint=Footprint(0.5, 1, 5),
    objects=(),
)
PRICES = Prices(10, 2, 0.1)


def plan(base: Side, target: Side, kind: str = "update", **options):
    settings = {"base_number": 1, "stage": "dev", "prices": PRICES, "currency": "EUR"}
    return build_plan(kind, base, target, **{**settings, **options})


def side(*resources: ResourceSide, **fields) -> Side:
    return Side({one.name: one for one in resources}, **fields)


def test_it_counts_usage_and_cost_before_and_after():
    result = plan(side(API), side(API, DB), order=("db", "api"))
    assert [one["name"] for one in result["resources"]] == ["db", "api"]
    assert result["counts"] == {"added": 1, "updated": 0, "removed": 0, "unchanged": 1}
    assert result["usage_before"] == {"cpu": 1, "memory_gib": 2, "storage_gib": 0, "environments": 1}
    assert result["usage_after"] == {"cpu": 1.5, "memory_gib": 3, "storage_gib": 5, "environments": 1}
    assert (result["cost_before"], result["cost_after"]) == (14.0, 21.5)


ROLLING = "Restarts 2 replicas, one at a time"


@pytest.mark.parametrize(
    ("changed", "expected", "effect"),
    [
        pytest.param({"image": "a:2"}, [("image", "a:1", "a:2")], ROLLING, id="image"),
        pytest.param({"replicas": 3}, [("replicas", 2, 3)], "No restart", id="replicas"),
        pytest.param({"env": {"A": "1", "B": "x"}}, [("env.B", None, "x")], ROLLING, id="added-key"),
        pytest.param({"env": {}}, [("env.A", "1", None)], ROLLING, id="removed-key"),
        pytest.param({"storageGiB": 9}, [("storageGiB", None, 9)], "Changes its storage, data kept", id="storage"),
        pytest.param({"replicas": True}, [("replicas", 2, True)], "No restart", id="type-alone"),
    ],
)
def test_it_names_each_field_before_and_after(changed, expected, effect):
    [updated] = plan(side(API), side(replace(API, inputs={**API.inputs, **changed})))["resources"]
    assert [(one["path"], one["before"], one["after"]) for one in updated["fields"]] == expected
    assert (updated["action"], updated["effect"]) == ("updated", effect)


def test_it_shows_a_new_contract_first():
    changes = field_changes(API, replace(API, contract="1.1.0", inputs={**API.inputs, "image": "a:2"}))
    assert [one["path"] for one in changes] == ["contract", "image"]
    assert changes[0]["before"] == "web-service 1.0.0"


def test_it_says_what_is_lost_with_a_removed_resource():
    [removed] = plan(side(DB), side())["resources"]
    assert (removed["action"], removed["effect"]) == ("removed", "Deleted with its 5 GiB of data")


def test_it_compares_objects_on_request():
    after = replace(
        API,
        objects=(
            ("server", {**API.objects[0][1], "spec": {"replicas": 3}}),
            ("service", {"kind": "Service", "metadata": {"name": "api"}}),
        ),
    )
    [resource] = plan(side(API), side(after), objects=True)["resources"]
    assert [(one["kind"], one["action"]) for one in resource["objects"]] == [
        ("Deployment", "updated"),
        ("Service", "added"),
    ]
    assert "objects" not in plan(side(API), side(after))["resources"][0]


def test_it_binds_the_digest_to_what_counts_and_to_nothing_else():
    first = plan(side(API, digest="1"), side(DB, digest="2"))
    assert plan_digest(first, "a/b") == plan_digest({**first, "cost_after": 99}, "a/b")
    for other in (plan(side(API, digest="0"), side(DB, digest="2")), plan(side(API, digest="1"), side(DB, digest="3"))):
        assert plan_digest(other, "a/b") != plan_digest(first, "a/b")
    assert plan_digest(first, "a/c") != plan_digest(first, "a/b")


def test_it_knows_when_nothing_changes():
    assert changes_nothing(plan(side(API), side(API)))
    assert not changes_nothing(plan(side(API), side(API, expires="2026-05-01T00:00:00Z")))
    assert not changes_nothing(plan(side(API), side(API), kind="delete"))


@pytest.mark.parametrize(
    ("footprint", "words"),
    [
        (Footprint(0.5, 1, 10), "0.5 CPU, 1 GiB memory, 10 GiB storage"),
        (Footprint(0, 0, 1), "1 GiB storage"),
        (Footprint(), "Takes nothing of the quota"),
    ],
)
def test_it_describes_a_footprint(footprint, words):
    assert describe(footprint) == words

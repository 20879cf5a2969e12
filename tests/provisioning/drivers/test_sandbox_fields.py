"""Server-side apply as an algebra: who owns which leaf."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.domain.driver import Scope
from provisioning.domain.field_ownership import shown
from provisioning.drivers.sandbox import fields
from tests.provisioning.drivers import manifests as made

SCOPE = Scope("shop", "dev")
KINDS = [
    made.config_map,
    made.deployment,
    made.stateful_set,
    made.service,
    made.ingress,
    made.role_binding,
    made.autoscaler,
    made.disruption_budget,
    made.secret,
]


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_it_takes_an_object_apart_and_together(make: Any) -> None:
    manifest = make("shop-dev", SCOPE)
    built = fields.rebuild(fields.leaves_of(manifest))
    expected = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    expected["metadata"] = {"labels": manifest["metadata"]["labels"]}
    assert built == expected


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}


def leaves(**data: str) -> fields.Leaves:
    return fields.leaves_of(config(**data))


def values(held: fields.Fields) -> dict[str, Any]:
    return {path[-1][2:]: field.value for path, field in held.items()}


def test_it_shares_equal_values_and_drops_what_nobody_wants() -> None:
    first = fields.apply({}, leaves(a="1", b="2", c="3"), "one")
    both = fields.apply(first, leaves(b="2"), "two")
    assert both["f:data", "f:b"].managers == {"one", "two"}
    after = fields.apply(both, leaves(a="1"), "one")
    assert values(after) == {"a": "1", "b": "2"}
    assert after["f:data", "f:b"].managers == {"two"}


def test_it_finds_conflicts_only_where_values_differ() -> None:
    held = fields.apply({}, leaves(a="1", b="2"), "one")
    assert fields.conflicts(held, leaves(a="1", b="9", c="3"), "two") == [("one", ("f:data", "f:b"))]
    assert fields.conflicts(held, leaves(a="7"), "one") == []


def test_it_lets_an_edit_take_only_what_it_changed() -> None:
    held = fields.apply({}, leaves(a="1", b="2"), "one")
    edited = fields.edit(held, leaves(a="1", b="9"), "two")
    assert edited["f:data", "f:a"].managers == {"one"}
    assert edited["f:data", "f:b"] == fields.Field("9", frozenset({"two"}))


def test_it_names_paths_as_people_do() -> None:
    paths = {shown(path) for path in fields.leaves_of(made.deployment("shop-dev", SCOPE))}
    assert "spec.template.spec.containers[name=app].image" in paths
    assert "spec.template.spec.containers[name=app].ports[containerPort=8080,protocol=TCP].name" in paths
    assert "spec.selector" in paths, "a selector is owned as a whole"


DATA = st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123"), max_size=4)


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), DATA), max_size=8))
def test_it_holds_whatever_is_applied_in_whatever_order(steps: list[tuple[str, dict[str, str]]]) -> None:
    held: fields.Fields = {}
    latest: dict[str, dict[str, str]] = {}
    for manager, data in steps:
        held = fields.apply(held, leaves(**data), manager)
        latest[manager] = data
        # What was just applied is there, every leaf has an owner, and every owner wants the value that is there.
        assert data.items() <= values(held).items()
        for path, field in held.items():
            assert field.managers
            if path[0] == "f:data" and len(path) == 2:
                assert all(latest[owner].get(path[1][2:]) == field.value for owner in field.managers)

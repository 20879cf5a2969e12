"""Wiring: who needs whom, circles, and whether each reference fits where it stands."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioning.domain.graph import Wired, check_references, circle, dependencies, layers, order
from provisioning.domain.references import parse_reference, references
from tests.provisioning.domain.contracts import app, store


def wired(**inputs: Any) -> dict[str, Wired]:
    return {"db": Wired(store(), {}), "api": Wired(app(), {"image": "a", **inputs})}


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param({"upstream": "${resources.db.outputs.host}"}, id="text"),
        pytest.param({"upstreamPort": "${resources.db.outputs.port}"}, id="number"),
        pytest.param({"env": {"PORT": "${resources.db.outputs.port}"}}, id="number-as-text"),
        pytest.param({"upstream": "${resources.db.outputs.host}:${resources.db.outputs.port}"}, id="embedded"),
        pytest.param({"target": "${resources.db.outputs.address}"}, id="map"),
        pytest.param({"target": {"name": "x", "port": "${resources.db.outputs.address.port}"}}, id="inside-a-map"),
        pytest.param({"upstream": "${resources['db'].outputs.host}"}, id="index"),
        pytest.param({"env": {"A": "${resources.db.outputs.credentials.password}"}}, id="secret-where-taken"),
        pytest.param({"env": {"A": "${environment.name}.${system.name}"}}, id="context"),
        pytest.param({"env": {"A": "$${not.one}"}}, id="escaped"),
    ],
)
def test_it_accepts_references_that_fit(inputs: dict[str, Any]) -> None:
    assert check_references(wired(**inputs)) == []


@pytest.mark.parametrize(
    ("inputs", "path", "words"),
    [
        pytest.param(
            {"upstream": "${resources.bd.outputs.host}"},
            "upstream",
            "there is no resource “bd”; there is api, db",
            id="unknown-resource",
        ),
        pytest.param(
            {"upstream": "${resources.db.outputs.hots}"},
            "upstream",
            "“db” has no output “hots”; did you mean “host”",
            id="unknown-output",
        ),
        pytest.param(
            {"upstream": "${resources.db.outputs.address.nam}"},
            "upstream",
            "has no “nam”; did you mean “name”",
            id="step",
        ),
        pytest.param({"upstream": "${resources.db.outputs.host.x}"}, "upstream", "has no “x”", id="step-into-text"),
        pytest.param(
            {"upstreamPort": "${resources.db.outputs.host}"},
            "upstreamPort",
            "does not fit here: it is text, and this takes a whole number",
            id="type",
        ),
        pytest.param({"target": "${resources.db.outputs.host}"}, "target", "this takes a map", id="text-for-map"),
        pytest.param({"upstream": "${resources.db.outputs.address}"}, "upstream", "this takes text", id="map-for-text"),
        pytest.param({"upstreamPort": "${environment.name}"}, "upstreamPort", "does not fit here", id="context-type"),
        pytest.param(
            {"upstream": "to ${resources.db.outputs.address}"},
            "upstream",
            "cannot stand inside a text",
            id="map-in-text",
        ),
        pytest.param(
            {"upstream": "${resources.db.outputs.credentials.password}"},
            "upstream",
            "is a secret and this is stored as plain text",
            id="secret-as-plain-text",
        ),
        pytest.param(
            {"env": {"A": "postgres://u:${resources.db.outputs.credentials.password}@h"}},
            "env.A",
            "is a secret and cannot stand inside a longer text",
            id="secret-inside-text",
        ),
        pytest.param(
            {"env": {"A": "${resources.db.outputs.credentials}"}},
            "env.A",
            "must name one key of the secret, such as ${resources.db.outputs.credentials.password}",
            id="whole-secret",
        ),
        pytest.param(
            {"env": {"A": "${resources.db.outputs.credentials.pasword}"}},
            "env.A",
            "did you mean “password”",
            id="unknown-key-of-secret",
        ),
        pytest.param(
            {"upstream": "${inputs.image}"}, "upstream", "is not a reference; write ${resources", id="cel-name"
        ),
        pytest.param({"upstream": "${1 + 1}"}, "upstream", "is not a reference", id="computes"),
        pytest.param({"upstream": "${team.password}"}, "upstream", "is not a reference", id="unknown-context"),
        pytest.param({"upstream": "${resources.db"}, "upstream", "never closed", id="not-closed"),
    ],
)
def test_it_refuses_references_with_their_path(inputs: dict[str, Any], path: str, words: str) -> None:
    found = check_references(wired(**inputs))
    assert [error.path for error in found] == [f"spec.resources.api.inputs.{path}"]
    assert words in found[0].message


def test_it_does_not_judge_a_reference_to_what_could_not_be_resolved() -> None:
    resources = wired(upstream="${resources.broken.outputs.host}")
    assert check_references(resources, named=frozenset({"broken"})) == []


def test_it_names_the_circle() -> None:
    resources = {
        "db": Wired(app(), {"image": "a", "upstream": "${resources.api.outputs.url}"}),
        "api": Wired(app(), {"image": "a", "upstream": "${resources.db.outputs.url}"}),
    }
    assert [error.message for error in check_references(resources)] == ["must not go in a circle: api → db → api"]


def test_it_names_a_resource_that_needs_itself() -> None:
    resources = {"api": Wired(app(), {"image": "a", "upstream": "${resources.api.outputs.url}"})}
    assert "api → api" in check_references(resources)[0].message


def test_it_orders_by_need_and_then_by_name() -> None:
    needs = dependencies(
        {
            "z": {},
            "a": {"x": ["${resources.z.outputs.o}"]},
            "m": {"x": {"y": "-${resources.a.outputs.o}-${resources.z.outputs.o}"}},
            "b": {"x": "${resources.gone.outputs.o}"},
        }
    )
    assert order(needs) == ("b", "z", "a", "m")
    assert layers(needs) == (("b", "z"), ("a",), ("m",))


@given(st.dictionaries(st.sampled_from("abcdef"), st.frozensets(st.sampled_from("abcdef"), max_size=3)))
def test_it_orders_every_graph_or_names_a_circle(edges: dict[str, frozenset[str]]) -> None:
    needs = {name: frozenset(needed & edges.keys()) for name, needed in edges.items()}
    placed = order(needs)
    assert sorted(placed) == sorted(needs)
    found = circle(needs)
    if found:
        assert all(after in needs[before] for before, after in itertools.pairwise(found))
        assert found[0] == found[-1]
    else:
        assert all(placed.index(needed) < placed.index(name) for name in needs for needed in needs[name])


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        pytest.param("resources.db.outputs.host", ("db", "host", ()), id="plain"),
        pytest.param(
            " resources.checkout-db.outputs.a.b-c.d ", ("checkout-db", "a", ("b-c", "d")), id="dashes-and-steps"
        ),
        pytest.param("environment.name", ("", "", ("environment", "name")), id="context"),
        pytest.param("resources.db.host", None, id="without-outputs"),
        pytest.param("resources.db.outputs", None, id="without-output"),
        pytest.param("resources.db.outputs.host + 'x'", None, id="computes"),
        pytest.param("", None, id="empty"),
    ],
)
def test_it_reads_a_reference(source: str, parsed: tuple[str, str, tuple[str, ...]] | None) -> None:
    read = parse_reference(source)
    assert (None if read is None else (read.resource, read.output, read.steps)) == parsed


def test_it_finds_references_everywhere_and_says_which_stand_alone() -> None:
    found, wrong = references({"a": ["${resources.b.outputs.c}", "x${system.name}"]}, "inputs")
    assert wrong == []
    assert [(one.path, one.alone) for one in found] == [("inputs.a.0", True), ("inputs.a.1", False)]

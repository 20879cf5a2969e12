"""From what a person wrote to a resolved revision: everything wrong at once, and what is right all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel.canonical import digest
from idp.kernel.errors import InvalidInput
from provisioning.domain.contract import Contract
from provisioning.domain.input_changes import forbidden_changes
from provisioning.domain.revision import parse_duration, resolve, resolve_inputs
from tests.provisioning.domain.contracts import PLACE, app, source, store

SPEC: dict[str, Any] = {
    "stage": "dev",
    "resources": {
        "api": {
            "capability": "app@2",
            "component": "checkout-api",
            "inputs": {
                "image": "shop:1",
                "upstream": "${resources.db.outputs.host}",
                "env": {"PASSWORD": "${resources.db.outputs.credentials.password}"},
            },
        },
        "db": {"capability": "store@1", "inputs": {"storageGiB": 20}},
    },
}
OFFER = source(store(), app())


def spec(**resources: Any) -> dict[str, Any]:
    return {"stage": "dev", "resources": {**SPEC["resources"], **resources}}


def test_it_resolves_contracts_and_defaults_and_keeps_references_as_written() -> None:
    revision = resolve(SPEC, contracts=OFFER, power="awake", expires="2026-12-01T00:00:00Z").require()
    assert revision.document == {
        "stage": "dev",
        "power": "awake",
        "expires": "2026-12-01T00:00:00Z",
        "resources": {
            "api": {
                "capability": "app",
                "contract": "2.0.1",
                "component": "checkout-api",
                "inputs": {
                    "image": "shop:1",
                    "replicas": 2,
                    "share": 1,
                    "upstream": "${resources.db.outputs.host}",
                    "env": {"PASSWORD": "${resources.db.outputs.credentials.password}"},
                },
            },
            "db": {
                "capability": "store",
                "contract": "1.2.0",
                "component": None,
                "inputs": {"storageGiB": 20, "label": "none"},
            },
        },
    }
    assert revision.order == ("db", "api")
    assert revision.digest == digest(revision.document)
    assert revision.left_out == ()


def test_it_gives_the_same_digest_however_the_document_is_ordered() -> None:
    turned = {"resources": dict(reversed(SPEC["resources"].items())), "stage": "dev"}
    assert resolve(turned, contracts=OFFER).digest == resolve(SPEC, contracts=OFFER).digest
    floats = spec(db={"capability": "store@1", "inputs": {"storageGiB": 20.0}})
    assert resolve(floats, contracts=OFFER).digest == resolve(SPEC, contracts=OFFER).digest


def test_it_asks_for_the_version_that_was_written() -> None:
    asked: list[tuple[str, str]] = []

    def offer(capability: str, constraint: str) -> Contract:
        asked.append((capability, constraint))
        return store()

    resources = {name: {"capability": use} for name, use in (("a", "store"), ("b", "store@1"), ("c", "store@1.2.0"))}
    resolve({"stage": "dev", "resources": resources}, contracts=offer)
    assert asked == [("store", ""), ("store", "1"), ("store", "1.2.0")]


def test_it_names_the_problems_of_all_resources_and_keeps_those_that_are_right() -> None:
    revision = resolve(
        spec(
            bad={"capability": "app@2", "inputs": {"image": "A B", "replicas": -1, "replica": 1}},
            gone={"capability": "mainframe@1"},
            wired={"capability": "app@2", "inputs": {"image": "a", "upstream": "${resources.gone.outputs.x}"}},
            odd={"capability": "store@one"},
        ),
        contracts=OFFER,
    )
    assert {error.path for error in revision.problems} == {
        "spec.resources.odd.capability",
        "spec.resources.bad.inputs.image",
        "spec.resources.bad.inputs.replicas",
        "spec.resources.bad.inputs.replica",
        "spec.resources.gone.capability",
    }
    assert set(revision.document["resources"]) == {"api", "db", "wired"}
    assert revision.left_out == ("bad", "gone", "odd")
    with pytest.raises(InvalidInput, match="and 4 more"):
        revision.require()


@pytest.mark.parametrize(
    ("given_spec", "path", "words"),
    [
        pytest.param(None, "spec", "must be a map", id="nothing"),
        pytest.param([], "spec", "must be a map", id="list"),
        pytest.param({"resources": {}}, "spec.stage", "is required", id="no-stage"),
        pytest.param({"stage": "dev", "resources": []}, "spec.resources", "must be a map", id="resources-as-list"),
        pytest.param({"stage": "dev", "resources": {}, "stages": 1}, "spec.stages", "did you mean “stage”", id="typo"),
        pytest.param(
            {"stage": "dev", "resources": {}, "expires": "soon"}, "spec.expires", "such as 8h, 14d", id="expiry"
        ),
        pytest.param(spec(API={"capability": "store"}), "spec.resources.API", "lower-case letters", id="capital-name"),
        pytest.param(spec(**{"a-": {"capability": "store"}}), "spec.resources.a-", "lower-case letters", id="dash"),
        pytest.param(spec(**{"a" * 32: {"capability": "store"}}), "spec.resources." + "a" * 32, "31", id="long-name"),
        pytest.param(spec(x=None), "spec.resources.x", "must be a map", id="resource-is-null"),
        pytest.param(spec(x={}), "spec.resources.x.capability", "is required", id="no-capability"),
        pytest.param(
            spec(x={"capability": "store", "inputs": []}),
            "spec.resources.x.inputs",
            "must be a map",
            id="inputs-as-list",
        ),
        pytest.param(
            spec(x={"capability": "mainframe@1"}),
            "spec.resources.x.capability",
            "There is no capability “mainframe”. See the capabilities there are",
            id="unknown-capability",
        ),
        pytest.param(
            spec(db={"capability": "app@2", "inputs": {"image": "a", "upstream": "${resources.api.outputs.url}"}}),
            "spec.resources.api.inputs",
            "must not go in a circle: api → db → api",
            id="circle",
        ),
        pytest.param(
            spec(x={"capability": "app", "inputs": {"image": "${resources.db.outputs.credentials.password}"}}),
            "spec.resources.x.inputs.image",
            "is a secret and this is stored as plain text",
            id="secret-as-plain-text",
        ),
    ],
)
def test_it_says_what_is_right(given_spec: Any, path: str, words: str) -> None:
    revision = resolve(given_spec, contracts=OFFER)
    assert path in [error.path for error in revision.problems]
    assert any(words in error.message for error in revision.problems if error.path == path)


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        pytest.param({"inputs": {"storageGiB": 30}}, [], id="grows"),
        pytest.param(
            {"inputs": {"storageGiB": 10}},
            [("inputs.storageGiB", "must be at least 20 GiB, which it has now: it only grows")],
            id="shrinks",
        ),
        pytest.param(
            {"capability": "app@2", "inputs": {"image": "a"}},
            [("capability", "stays store; add what you want under another name and remove this one")],
            id="turns-into-something-else",
        ),
    ],
)
def test_it_holds_what_lives(changed: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    offer = source(store(("spec.inputs.properties.storageGiB.x-grows-only", True)), app())
    base = resolve({"stage": "dev", "resources": {"db": SPEC["resources"]["db"]}}, contracts=offer).document
    target = {"stage": "dev", "resources": {"db": {**SPEC["resources"]["db"], **changed}}}
    revision = resolve(target, contracts=offer, base=base)
    expected = [(f"spec.resources.db.{path}", message) for path, message in problems]
    assert [(error.path, error.message) for error in revision.problems] == expected
    assert revision.left_out == ()
    assert resolve({"stage": "dev", "resources": {}}, contracts=offer, base=base).problems == ()


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("${}a.@1-", max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab-", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.one_of(
        plain,
        st.fixed_dictionaries({"stage": plain, "resources": plain}),
        st.dictionaries(
            st.sampled_from(["a", "b", "a-b"]),
            st.fixed_dictionaries({"capability": st.sampled_from(["store", "app@2", "x"])}, optional={"inputs": plain}),
        ).map(lambda resources: {"stage": "dev", "resources": resources}),
    )
)
def test_it_gives_a_revision_whatever_is_written(written: Any) -> None:
    revision = resolve(written, contracts=OFFER)
    assert revision.digest == digest(revision.document)
    assert set(revision.order) == set(revision.document["resources"]) == set(revision.contracts)


OUTPUTS = {
    "db": {
        "host": "db.svc",
        "port": 5432,
        "address": {"name": "db", "port": 5432},
        "credentials": {"secretRef": {"name": "db-keys"}},
    }
}


def inputs_of(**inputs: Any) -> dict[str, Any]:
    document = {"resources": {"api": {"inputs": inputs}}}
    return resolve_inputs(document, "api", OUTPUTS, context=PLACE.facts)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param("${resources.db.outputs.port}", 5432, id="keeps-its-type"),
        pytest.param("${resources.db.outputs.address}", {"name": "db", "port": 5432}, id="map"),
        pytest.param("${resources.db.outputs.address.name}", "db", id="inside-a-map"),
        pytest.param("${resources.db.outputs.host}:${resources.db.outputs.port}", "db.svc:5432", id="in-a-text"),
        pytest.param("${environment.name}.${team.slug}.test", "dev.checkout.test", id="context"),
        pytest.param("$${resources.db.outputs.host}", "${resources.db.outputs.host}", id="escaped"),
        pytest.param(
            "${resources.db.outputs.credentials.password}",
            {"valueFrom": {"secretKeyRef": {"name": "db-keys", "key": "password"}}},
            id="secret",
        ),
        pytest.param([1, {"a": "${environment.stage}"}], [1, {"a": "dev"}], id="deep"),
    ],
)
def test_it_replaces_references_by_values(written: Any, value: Any) -> None:
    assert inputs_of(x=written) == {"x": value}


def test_a_number_that_is_read_where_text_is_asked_for_becomes_text() -> None:
    port = "${resources.db.outputs.port}"
    written = {
        "env": {"PORT": port, "HOST": "${resources.db.outputs.host}"},
        "port": port,
        "free": port,
        "list": [port],
    }
    texts = {"type": "array", "items": {"type": "string"}}
    number, text = {"type": "integer"}, {"type": "object", "additionalProperties": {"type": "string"}}
    schema = {"type": "object", "properties": {"env": text, "port": number, "free": {}, "list": texts}}

    found = resolve_inputs({"resources": {"api": {"inputs": written}}}, "api", OUTPUTS, schema=schema)

    assert found == {"env": {"PORT": "5432", "HOST": "db.svc"}, "port": 5432, "free": 5432, "list": ["5432"]}


@pytest.mark.parametrize(
    ("written", "words"),
    [
        pytest.param("${resources.db.outputs.credentials}", "is a secret", id="whole-secret"),
        pytest.param("a${resources.db.outputs.credentials.password}", "is a secret", id="secret-in-a-text"),
        pytest.param("${resources.db.outputs.phase}", "has not published “phase” yet", id="not-there-yet"),
        pytest.param("a${resources.db.outputs.address}", "cannot stand inside a text", id="map-in-a-text"),
    ],
)
def test_it_refuses_to_replace(written: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words.replace("(", r"\(")) as refused:
        inputs_of(x=written)
    assert [error.path for error in refused.value.errors] == ["resources.api.inputs.x"]


def test_it_leaves_what_is_not_there_yet_as_written_when_asked() -> None:
    document = {"resources": {"api": {"inputs": {"x": "${resources.db.outputs.host}"}}}}
    assert resolve_inputs(document, "api", {}, pending=True) == {"x": "${resources.db.outputs.host}"}


@pytest.mark.parametrize(
    ("text", "span"),
    [("8h", timedelta(hours=8)), ("14d", timedelta(days=14)), ("4w", timedelta(weeks=4))],
    ids=["hours", "days", "weeks"],
)
def test_it_reads_time_spans(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize("text", ["", "0d", "1", "1m", "-1d", "1d\n", "99999d", "1.5d"], ids=repr)
def test_it_refuses_what_is_no_time_span(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_duration(text)


RULES = {
    "properties": {
        "storageGiB": {"x-grows-only": True, "x-unit": "GiB"},
        "major": {"x-immutable": True},
        "deep": {"properties": {"name": {"x-immutable": True}}},
    }
}


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        pytest.param({"storageGiB": 20}, {"storageGiB": 30}, [], id="grows"),
        pytest.param(
            {"storageGiB": 20},
            {"storageGiB": 10},
            [("inputs.storageGiB", "must be at least 20 GiB, which it has now: it only grows")],
            id="shrinks",
        ),
        pytest.param({"major": "16"}, {"major": "16"}, [], id="stays"),
        pytest.param(
            {"major": "16"},
            {"major": "17"},
            [("inputs.major", "stays “16”: it cannot change once the resource is made")],
            id="immutable",
        ),
        pytest.param({}, {"major": "17"}, [], id="was-not-set"),
        pytest.param(
            {"deep": {"name": "a"}},
            {"deep": {}},
            [("inputs.deep.name", "stays “a”: it cannot change once the resource is made")],
            id="removed-deep",
        ),
    ],
)
def test_it_says_which_inputs_may_not_change_so(
    before: dict[str, Any], after: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert [(error.path, error.message) for error in forbidden_changes(RULES, before, after)] == problems

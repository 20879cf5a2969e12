"""What crosses to another environment, what is made for a borrower, and what a document says of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest

from idp.kernel.errors import NotFound
from provisioning.contracts import builtin_documents
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.driver import ANNOTATION_COPY, ANNOTATION_LENDER, LABEL_SYSTEM
from provisioning.domain.lending import (
    Lent,
    Origin,
    borrowed_contract,
    borrowed_objects,
    borrowed_outputs,
    changed_for_takers,
    circle_problem,
    crossing,
    lenders_by_step,
    lending_problem,
    lent_of,
    pod_ports,
    stages_problem,
)
from provisioning.domain.render import render
from provisioning.domain.revision import Revision, resolve
from provisioning.domain.targets import spec_of
from tests.provisioning.domain.contracts import PLACE, app, source, store

ORIGIN = Origin("data", "staging", "db")
OUTPUTS: dict[str, Any] = {
    "host": "db.data-staging.svc",
    "port": 5432,
    "phase": "Bound",
    "address": {"name": "db", "port": 5432},
    "credentials": {"secretRef": {"name": "db-keys"}},
}
WRITTEN = {"from": ORIGIN.as_data()}


def lent(origin: Origin = ORIGIN, name: str = "db") -> Lent:
    found = lent_of(store(), origin, namespace="data-staging", name="db", outputs=OUTPUTS)
    assert found is not None
    return found


def resolved(resources: dict[str, Any], **more: Any) -> Revision:
    return resolve({"stage": "dev", "resources": resources}, contracts=source(store(), app()), lend=lent, **more)


def newest(capability: str) -> Contract:
    contracts = [parse_contract(one.data) for _, one in builtin_documents()]
    return max((one for one in contracts if one.capability == capability), key=lambda one: one.semver)


@pytest.mark.parametrize(
    ("capability", "outputs"),
    [
        pytest.param("postgres", {"host", "port", "database", "readHost", "credentials"}, id="postgres"),
        pytest.param("cache", {"host", "port", "url", "credentials"}, id="cache"),
        pytest.param("queue", {"host", "port", "url", "credentials"}, id="queue"),
        pytest.param("object-bucket", {"endpoint", "region", "bucket", "credentials"}, id="bucket"),
        pytest.param("web-service", {"host", "port", "url"}, id="a-service-without-its-name-for-routes"),
        pytest.param("secret-slot", {"credentials"}, id="slot"),
        pytest.param("config", {"values"}, id="config"),
        pytest.param("route", {"url", "host"}, id="route"),
        pytest.param("volume", set(), id="a-volume-stays"),
        pytest.param("worker", set(), id="a-worker-stays"),
        pytest.param("job", set(), id="a-job-stays"),
    ],
)
def test_it_lends_what_leads_somewhere_from_another_namespace(capability: str, outputs: set[str]) -> None:
    contract = newest(capability)
    assert set(crossing(contract)) == outputs
    assert bool(lending_problem(contract)) is not bool(outputs)


def test_it_lends_nothing_before_all_that_crosses_is_published() -> None:
    without = {key: value for key, value in OUTPUTS.items() if key != "host"}
    assert lent_of(store(), ORIGIN, namespace="data-staging", name="db", outputs=without) is None


def test_a_borrower_has_nothing_to_ask_for_and_nothing_to_pay() -> None:
    contract = borrowed_contract(store())
    assert "address" not in contract.outputs
    assert (contract.objects, contract.usage, contract.uses) == ((), {}, ())
    assert contract.validate_inputs({"storageGiB": 3})


def test_a_document_keeps_where_it_comes_from_and_what_is_lent() -> None:
    revision = resolved(
        {
            "db": WRITTEN,
            "app": {
                "capability": "app",
                "inputs": {
                    "image": "shop:1",
                    "upstream": "${resources.db.outputs.host}",
                    "env": {"PASSWORD": "${resources.db.outputs.credentials.password}"},
                },
            },
        }
    ).require()
    entry = revision.document["resources"]["db"]
    assert (entry["capability"], entry["contract"], entry["inputs"]) == ("store", "1.2.0", {})
    assert entry["from"] == ORIGIN.as_data()
    assert entry["lent"] == {
        "namespace": "data-staging",
        "name": "db",
        "outputs": {"host": "db.data-staging.svc", "port": 5432, "phase": "Bound"},
        "secrets": {"credentials": "db-keys"},
        "reached": True,
        "ports": [{"protocol": "TCP", "port": 5432}],
    }
    assert revision.order == ("db", "app")
    again = resolve(spec_of(revision.document), contracts=source(store(), app()), lend=lent, base=revision.document)
    assert again.require().digest == revision.digest


@pytest.mark.parametrize(
    ("entry", "base", "path", "words"),
    [
        pytest.param({**WRITTEN, "inputs": {"storageGiB": 3}}, {}, "inputs", "left out", id="inputs"),
        pytest.param({**WRITTEN, "capability": "app"}, {}, "capability", "is store", id="another-capability"),
        pytest.param(
            WRITTEN,
            {"capability": "store", "contract": "1.2.0", "inputs": {}},
            "from",
            "stays the environment",
            id="own",
        ),
        pytest.param(
            {"capability": "store"},
            {"capability": "store", "contract": "1.2.0", "inputs": {}, "from": ORIGIN.as_data()},
            "from",
            "stays another environment's",
            id="borrowed-before",
        ),
        pytest.param({"from": {"system": "data"}}, {}, "from.environment", "required", id="half"),
    ],
)
def test_it_says_what_is_wrong_with_an_entry(entry: Any, base: Any, path: str, words: str) -> None:
    before = {"resources": {"db": base}} if base else None
    problems = {one.path: one.message for one in resolved({"db": entry}, base=before).problems}
    assert words in problems[f"spec.resources.db.{path}"]


def test_it_says_why_nothing_is_lent_and_lends_nothing_where_nobody_is_asked() -> None:
    def refuses(origin: Origin, name: str) -> Lent:
        raise NotFound("No grant lets it be used here.", remedy="Ask for one.")

    spec = {"stage": "dev", "resources": {"db": WRITTEN}}
    problems = resolve(spec, contracts=source(store()), lend=refuses).problems
    assert [(one.path, one.message) for one in problems] == [
        ("spec.resources.db.from", "No grant lets it be used here. Ask for one")
    ]
    assert resolve(spec, contracts=source(store())).problems


def test_an_output_that_stays_inside_cannot_be_referred_to() -> None:
    inputs = {"image": "shop:1", "target": "${resources.db.outputs.address}"}
    problems = resolved({"db": WRITTEN, "app": {"capability": "app", "inputs": inputs}}).problems
    assert ["“db” has no output “address”" in one.message for one in problems] == [True]


def test_it_makes_copies_and_ways_and_publishes_what_is_lent() -> None:
    entry = resolved({"cash": WRITTEN}).require().document["resources"]["cash"]
    place = PLACE.of("cash", borrowed_contract(store()))
    here = place.environment["namespace"]
    copy, out, into = (one.manifest for one in borrowed_objects(entry, place))
    assert (copy["metadata"]["name"], copy["metadata"]["namespace"]) == ("cash-credentials", here)
    assert copy["metadata"]["annotations"] == {
        ANNOTATION_COPY: "data-staging/db-keys",
        ANNOTATION_LENDER: "data/staging",
    }
    assert "data" not in copy
    assert "stringData" not in copy
    assert (out["metadata"]["namespace"], into["metadata"]["namespace"]) == (here, "data-staging")
    assert {one["metadata"]["labels"][LABEL_SYSTEM] for one in (copy, out, into)} == {place.system["name"]}
    to = out["spec"]["egress"][0]["to"][0]
    assert to["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "data-staging"}}
    assert to["podSelector"] == into["spec"]["podSelector"]
    assert into["spec"]["ingress"][0]["from"][0]["podSelector"] == out["spec"]["podSelector"]
    assert borrowed_outputs(entry, place) == {
        "host": "db.data-staging.svc",
        "port": 5432,
        "phase": "Bound",
        "credentials": {"secretRef": {"name": "cash-credentials"}},
    }


def service(*ports: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db"}, "spec": {"ports": list(ports)}}


@pytest.mark.parametrize(
    ("made", "outputs", "ports"),
    [
        pytest.param([service({"port": 80, "targetPort": "http"})], {"port": 80}, [("TCP", "http")], id="by-name"),
        pytest.param(
            [service({"port": 80, "targetPort": 8080})], {}, [("TCP", 8080)], id="of-the-pods-not-the-service"
        ),
        pytest.param(
            [service({"port": 53, "protocol": "UDP"}), service({"port": 53}, {"port": 53})],
            {},
            [("TCP", 53), ("UDP", 53)],
            id="each-once",
        ),
        pytest.param([], {"port": 5432}, [("TCP", 5432)], id="as-published-where-an-operator-makes-the-service"),
        pytest.param([service()], {"port": "5432"}, [], id="none-that-is-a-number"),
        pytest.param([], {"host": "db"}, [], id="none"),
        pytest.param([service({"port": "${resources.x.outputs.port}"})], {}, [], id="not-known-yet"),
        pytest.param([{"apiVersion": "acme/v1", "kind": "Service"}], {}, [], id="another-kind-of-that-name"),
    ],
)
def test_networks_let_through_to_the_ports_that_are_lent(
    made: list[dict[str, Any]], outputs: dict[str, Any], ports: list[tuple[str, Any]]
) -> None:
    assert [(one["protocol"], one["port"]) for one in pod_ports(made, outputs)] == ports


def test_a_lender_whose_ports_are_not_known_is_reached_on_all() -> None:
    kept = resolved({"cash": WRITTEN}).document["resources"]["cash"]
    place = PLACE.of("cash", borrowed_contract(store()))
    entry = {**kept, "lent": {key: value for key, value in kept["lent"].items() if key != "ports"}}

    named = [one.manifest["spec"] for one in borrowed_objects(kept, place)[1:]]
    bare = [one.manifest["spec"] for one in borrowed_objects(entry, place)[1:]]

    assert [named[0]["egress"][0]["ports"], named[1]["ingress"][0]["ports"]] == [
        [{"protocol": "TCP", "port": 5432}]
    ] * 2
    assert ["ports" in bare[0]["egress"][0], "ports" in bare[1]["ingress"][0]] == [False, False]


def test_a_contract_cannot_copy_secrets_by_itself() -> None:
    document = {**store().document}
    spec = {
        **document["spec"],
        "objects": {
            "secret": {
                "manifest": {
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": "${resource.name}", "annotations": {ANNOTATION_COPY: "other/keys"}},
                }
            }
        },
        "publish": {},
        "outputs": {},
    }
    contract = parse_contract({**document, "spec": spec})
    with pytest.raises(Exception, match="no contract copies a Secret"):
        render(contract, contract.with_defaults({}), PLACE.of("db", contract))


@pytest.mark.parametrize(
    ("giver", "taker", "beyond", "fine"),
    [
        pytest.param(False, False, False, True, id="test-to-test"),
        pytest.param(True, True, False, True, id="production-to-production"),
        pytest.param(True, False, False, False, id="production-stays-by-itself"),
        pytest.param(True, False, True, True, id="unless-the-grant-says-so"),
        pytest.param(False, True, True, False, id="production-never-hangs-on-test"),
    ],
)
def test_it_keeps_production_apart(giver: bool, taker: bool, beyond: bool, fine: bool) -> None:
    said = stages_problem(giver_production=giver, taker_production=taker, beyond=beyond)
    assert (said == "") is fine


@pytest.mark.parametrize(
    ("uses", "far", "words"),
    [
        pytest.param({}, 1, "", id="a-lender-that-uses-nothing"),
        pytest.param({1: [2], 2: [3]}, 3, "", id="lenders-in-a-row"),
        pytest.param({1: [9]}, 2, "a/b uses something of x/y already; two cannot hang on each other.", id="of-two"),
        pytest.param(
            {1: [2, 3], 3: [9]}, 3, "a/b hangs on x/y already, through 1 that lends in between", id="of-three"
        ),
        pytest.param({1: [2], 2: [3, 1], 3: [4], 4: [9]}, 5, "through 3 that lend in between", id="of-five"),
        pytest.param({1: [2], 2: [1]}, 2, "", id="a-circle-of-others"),
    ],
)
def test_it_finds_circles_of_lenders(uses: dict[int, list[int]], far: int, words: str) -> None:
    asked: list[int] = []

    def lenders(some: Collection[int]) -> list[int]:
        asked.append(len(some))
        return [one for number in some for one in uses.get(number, [])]

    steps = lenders_by_step([1], lenders)
    told = circle_problem("a/b", "x/y", 9, steps)

    assert (words in told, bool(told), len(asked)) == (True, bool(words), far)


def test_it_sees_what_would_change_for_who_borrows() -> None:
    moved = {**OUTPUTS, "host": "db-rw.data-staging.svc", "address": {"name": "other", "port": 1}}
    assert changed_for_takers(OUTPUTS, moved, store()) == ("host",)
    assert changed_for_takers(OUTPUTS, dict(OUTPUTS), store()) == ()

"""What a version would do to what lives: nothing, a change, a restart, lost data, or it cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioning.contracts import builtin_documents
from provisioning.domain.blast_radius import OUTCOMES, Impact, Living, Read, impact_on, majors_reached, strike, summary
from provisioning.domain.contract import Contract, parse_contract
from provisioning.domain.plan import Footprint, Prices
from tests.provisioning.domain.contracts import PLACE, document

DOCUMENTS = dict(builtin_documents())
PRICES = Prices(cpu=10, memory_gib=2, storage_gib=0.1)


def built_in(capability: str, *changes: tuple[str, Any], version: str = "1.1.0") -> Contract:
    data = DOCUMENTS[f"{capability}/1.0.0.yaml"].data
    return parse_contract(document(data, ("metadata.version", version), *changes))


def living(capability: str, *, environment: str = "dev", team: str = "payments", **inputs: Any) -> Living:
    contract = built_in(capability, version="1.0.0")
    return Living(
        team, "checkout", environment, "dev", "thing", contract, contract.with_defaults(inputs), PLACE, prices=PRICES
    )


SERVER = "spec.objects.server.manifest.spec"


@pytest.mark.parametrize(
    ("capability", "changes", "outcome", "words"),
    [
        pytest.param("web-service", (), "unchanged", "stays as it is", id="nothing"),
        pytest.param("web-service", (("spec.summary", "Other."),), "unchanged", "stays as it is", id="words"),
        pytest.param(
            "web-service", ((f"{SERVER}.revisionHistoryLimit", 5),), "changed", "thing changes, no pod restarts",
            id="a-number",
        ),
        pytest.param(
            "web-service", ((f"{SERVER}.template.spec.terminationGracePeriodSeconds", 60),), "restarts",
            "Deployment thing restarts its pods.", id="pod-template",
        ),
        pytest.param(
            "web-service", ((f"{SERVER}.selector.matchLabels", {"a": "b"}),),
            "fails", "its spec.selector.matchLabels.a cannot be changed", id="frozen-selector",
        ),
        pytest.param(
            "postgres", (("spec.objects.data.manifest.metadata.name", "${resource.name}-disk"),), "replaces",
            "PersistentVolumeClaim thing-data is deleted with what it stores.", id="another-disk",
        ),
        pytest.param(
            "postgres", (("spec.objects.data.manifest.spec.accessModes", ["ReadWriteMany"]),), "fails",
            "PersistentVolumeClaim thing-data exists", id="frozen-claim",
        ),
        pytest.param(
            "postgres", (("spec.objects.data.manifest.spec.resources.requests.storage", "${inputs.storageGiB * 2}Gi"),),
            "changed", "grows from 10Gi to 20Gi", id="larger-disk",
        ),
        pytest.param(
            "web-service",
            (("spec.objects.note", {"manifest": {"apiVersion": "v1", "kind": "ConfigMap",
                                                 "metadata": {"name": "${resource.name}-note"}}}),),
            "changed", "ConfigMap thing-note is new", id="new-object",
        ),
        pytest.param(
            "web-service", (("spec.inputs.properties.image.maxLength", 3),), "fails",
            "inputs.image must have at most 3 characters", id="refuses-its-inputs",
        ),
    ],
)  # fmt: skip
def test_it_says_what_happens(capability: str, changes: tuple[tuple[str, Any], ...], outcome: str, words: str) -> None:
    inputs = {"image": "registry.example/a:1"} if capability == "web-service" else {}
    found = impact_on(living(capability, **inputs), built_in(capability, *changes))
    assert found.outcome == outcome
    assert words in found.reason


def test_it_shows_each_object_and_field() -> None:
    target = built_in(
        "web-service", (f"{SERVER}.revisionHistoryLimit", 5), ("spec.objects.budget", None),
        ("spec.objects.account.manifest.metadata.annotations", {"a": "b"}),
    )  # fmt: skip
    found = impact_on(living("web-service", image="a"), target)
    assert {(one.kind, one.action, one.fields) for one in found.objects} == {
        ("ServiceAccount", "updated", ("metadata.annotations",)),
        ("Deployment", "updated", ("spec.revisionHistoryLimit",)),
        ("PodDisruptionBudget", "removed", ()),
    }


def test_it_says_what_it_takes_and_costs_more() -> None:
    found = impact_on(living("postgres"), built_in("postgres", ("spec.usage.memoryGiB", 3)))
    assert (found.usage_before, found.usage_after) == (Footprint(0.5, 1, 10), Footprint(0.5, 3, 10))
    assert found.more_cost == 4


def test_it_fails_with_more_than_can_be_counted() -> None:
    found = impact_on(living("postgres"), built_in("postgres", ("spec.usage.memoryGiB", 1e300)))
    assert (found.outcome, found.more_cost) == ("fails", 0)
    assert "at most 1,000,000 can be counted" in found.reason


def test_for_another_major_it_maps_the_inputs_first() -> None:
    renamed = {"1": {"image": "${inputs.image}", "port": "${inputs.port + 1}"}}
    target = built_in("web-service", ("spec.upgrade", renamed), version="2.0.0")
    assert impact_on(living("web-service", image="a"), target).outcome == "restarts"
    unmapped = built_in("web-service", version="2.0.0")
    found = impact_on(living("web-service", image="a"), unmapped)
    assert (found.outcome, found.problems[0].path) == ("fails", "upgrade")


def test_it_fails_when_others_read_what_is_gone() -> None:
    one = replace(living("postgres"), read_by=(Read("api", "host"), Read("api", "port")))
    data = ("spec.publish", {"host": "${resource.name}"})
    found = impact_on(one, built_in("postgres", data))
    assert (found.outcome, [problem.path for problem in found.problems]) == ("fails", ["outputs.port"])
    assert found.reason == "What others read is gone: outputs.port is read by api, and 1.1.0 does not publish it."


def test_it_says_who_reads_what_changes() -> None:
    published = {"thing": {"host": "thing.before.svc", "port": 5432}}
    one = replace(living("postgres"), read_by=(Read("api", "host"), Read("api", "port")), outputs=published)
    found = impact_on(one, built_in("postgres", ("spec.summary", "Other.")))
    assert (found.outcome, found.reason) == ("changed", "api reads its host, which changes.")


def test_an_object_that_would_be_refused_fails() -> None:
    target = built_in("web-service", (f"{SERVER}.revisionHistoryLimit", "five"))
    found = impact_on(living("web-service", image="a"), target)
    assert found.outcome == "fails"
    assert "Deployment thing is not valid: spec.revisionHistoryLimit" in found.reason
    assert found.usage_after == found.usage_before


@pytest.mark.parametrize(
    ("version", "upgrade", "reached"),
    [
        pytest.param("1.4.0", {}, {1}, id="minor"),
        pytest.param("3.0.0", {"2": {}}, {2, 3}, id="major"),
        pytest.param("3.0.0", {"1": {}, "2": {}}, {1, 2, 3}, id="two-before"),
        pytest.param("3.0.0", {}, {3}, id="without-a-mapping"),
        pytest.param("1.0.0", {"0": {}}, {0, 1}, id="from-zero"),
    ],
)
def test_it_reaches_its_major_and_what_its_mapping_takes_along(
    version: str, upgrade: dict[str, Any], reached: set[int]
) -> None:
    assert majors_reached(built_in("postgres", ("spec.upgrade", upgrade), version=version)) == reached


def test_it_counts_by_team_and_environment() -> None:
    all_of_them = [
        living("web-service", image="a"),
        living("web-service", image="registry.example/long:1"),
        living("web-service", environment="prod", image="a"),
        living("web-service", team="storefront", image="a"),
    ]
    target = built_in("web-service", ("spec.inputs.properties.image.maxLength", 3))
    impacts: list[Impact] = list(strike(all_of_them, target))
    assert [one.outcome for one in impacts] == ["unchanged", "fails", "unchanged", "unchanged"]
    assert summary(impacts) == {
        "payments": {"checkout/dev": {"fails": 1, "unchanged": 1}, "checkout/prod": {"unchanged": 1}},
        "storefront": {"checkout/dev": {"unchanged": 1}},
    }


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_built_in_contract_is_changed_by_its_own_next_version(path: str) -> None:
    contract = parse_contract(DOCUMENTS[path].data)
    version = f"{contract.semver.major}.{contract.semver.minor + 1}.0"
    target = parse_contract(document(DOCUMENTS[path].data, ("metadata.version", version)))
    from provisioning.domain.contract_checks import sample_inputs

    for example in contract.examples:
        inputs = sample_inputs(contract, example.inputs)
        one = Living("a", "b", "c", "dev", "thing", contract, inputs, PLACE)
        assert impact_on(one, target).outcome == "unchanged"
    assert OUTCOMES[-1] == "unchanged"

"""Whose word counts on objects of custom kinds: the contract's, each cluster's, and else what comes along."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from django.db import Error, transaction

from governance.models import AuditEntry
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, InvalidInput
from provisioning.domain.driver import ClusterInfo, Defined, TemporaryError
from provisioning.models import Cluster, ClusterDefinition, ClusterOffer, Contract, ContractDefinition
from provisioning.selectors.definitions import kinds_made
from provisioning.services import cluster_offers, definitions
from provisioning.services.cluster_offers import clusters_look
from provisioning.services.contracts import contract_publish, contract_read
from provisioning.services.definitions import judge_of
from tests.personas import NOW
from tests.provisioning import wells

pytestmark = pytest.mark.django_db

CLUSTER = "postgresql.cnpg.io/v1/Cluster"


def cluster(name: str, *served: str, problem: str = "") -> Cluster:
    made = Cluster.objects.create(name=name, title=name, driver="kubernetes", created_at=NOW)
    ClusterOffer.objects.create(cluster=made, apis=list(served), seen_at=NOW, problem=problem)
    return made


def told(of: Cluster, *names: str, key: str = wells.KEY) -> None:
    ClusterDefinition.objects.create(cluster=of, key=key, schema=wells.openapi(*names), mark="1", seen_at=NOW)


def publish(version: str = "1.0.0", brought: Collection[Any] = (), **spec: Any) -> Contract:
    return contract_publish(PLATFORM, document=wells.contract(version, **spec), definitions=brought, now=NOW)


@pytest.mark.parametrize(
    ("brought", "clusters", "messages"),
    [
        pytest.param((), {}, [], id="nobody defines it: the cluster will judge"),
        pytest.param((wells.definition("pump"),), {}, [], id="the contract knows it"),
        pytest.param(
            (wells.definition("dump"),),
            {},
            ["There is no field pump here; did you mean dump?"],
            id="the contract does not",
        ),
        pytest.param((), {"eu": ["pump"]}, [], id="the cluster knows it"),
        pytest.param((), {"eu": []}, ["On the cluster eu: There is no field pump here."], id="the cluster does not"),
        pytest.param(
            (),
            {"eu": [], "us": [], "ap": ["pump"]},
            ["On the clusters eu, us: There is no field pump here."],
            id="two do not",
        ),
        pytest.param(
            (wells.definition("pump"),),
            {"eu": []},
            ["On the cluster eu: There is no field pump here."],
            id="both are asked",
        ),
        pytest.param((wells.definition(),), {"eu": []}, ["There is no field pump here."], id="both say the same: once"),
    ],
)
def test_an_object_is_held_against_contract_and_clusters(
    brought: Collection[Any], clusters: Mapping[str, list[str]], messages: list[str]
) -> None:
    for name, fields in clusters.items():
        told(cluster(name, wells.KEY), *fields)
    _, problems = contract_read(document=wells.contract(pump="p1"), definitions=brought)
    assert list(dict.fromkeys(one.message for one in problems)) == messages
    assert {one.path for one in problems} <= {"spec.objects.well.manifest.spec.pump"}


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        pytest.param(None, ["There is no field news here."], id="only what comes along"),
        pytest.param(["news"], [], id="a cluster has a newer one"),
    ],
)
def test_what_comes_along_counts_where_no_cluster_defines_the_kind(fields: Any, messages: list[str]) -> None:
    if fields is not None:
        told(cluster("eu", CLUSTER), "instances", *fields, key=CLUSTER)
    manifest = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "db"},
        "spec": {"instances": 1, "news": "x"} if fields is None else {"news": "x"},
    }
    assert [one.message for one in judge_of({})(manifest)] == messages


def test_definitions_are_kept_with_the_contract_and_never_change() -> None:
    other = wells.definition(names={"kind": "Pump", "plural": "pumps"})
    made = publish(brought=[wells.definition("pump"), other], pump="p1")
    [row] = made.definitions.all()  # of kinds that it does not name, nothing is kept
    assert (row.key, row.schema) == (wells.KEY, wells.openapi("pump"))
    entry = AuditEntry.objects.filter(action="contract.publish").latest("pk")
    assert entry.data["definitions"] == {wells.KEY: row.digest}
    with pytest.raises(Error, match="never changes"), transaction.atomic():
        ContractDefinition.objects.filter(pk=row.pk).update(schema={})


def test_the_same_again_is_a_no_op_and_other_definitions_are_a_conflict() -> None:
    made = publish(brought=[wells.definition("pump")])
    reworded = wells.definition("pump")
    reworded["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "Only prose."
    assert publish(brought=[reworded]).pk == made.pk
    for brought in ([], [wells.definition("dump")]):
        with pytest.raises(Conflict, match="other definitions of custom kinds"):
            publish(brought=brought)


def test_the_same_again_stays_a_no_op_when_a_cluster_says_otherwise() -> None:
    made = publish(pump="p1")
    told(cluster("eu", wells.KEY))
    assert publish(pump="p1").pk == made.pk
    with pytest.raises(InvalidInput) as caught:
        publish("1.0.1", pump="p2")
    assert "On the cluster eu" in caught.value.errors[0].message


class Answering:
    """A driver that serves wells; ``asked`` collects what it was asked."""

    def __init__(self, defined: Mapping[str, Defined] | Exception, served: tuple[str, ...] = (wells.KEY,)) -> None:
        self.defined, self.served = defined, served
        self.asked: list[tuple[set[str], dict[str, str]]] = []

    def probe(self) -> ClusterInfo:
        return ClusterInfo("v1.36.0", (), self.served)

    def definitions(self, kinds: Collection[str], known: Mapping[str, str]) -> Mapping[str, Defined]:
        self.asked.append((set(kinds), dict(known)))
        if isinstance(self.defined, Exception):
            raise self.defined
        return self.defined


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    def answer(driver: Answering) -> Answering:
        for module in (cluster_offers, definitions):
            monkeypatch.setattr(module, "driver_settings", lambda cluster: {})
            monkeypatch.setattr(module, "open_driver", lambda kind, settings: driver)
        return driver

    return answer


def test_a_look_reads_only_kinds_that_contracts_make_and_only_what_changed(answers: Any) -> None:
    publish()
    assert kinds_made() == {wells.KEY}
    mine = cluster("eu")
    driver = answers(Answering({wells.KEY: Defined("a", wells.openapi("pump"))}, (wells.KEY, "shop.example/v1/Tap")))
    clusters_look(now=NOW)
    row = ClusterDefinition.objects.get(cluster=mine)
    assert (row.key, row.schema, row.mark) == (wells.KEY, wells.openapi("pump"), "a")
    driver.defined = {wells.KEY: Defined("a", None)}
    clusters_look(now=NOW)
    assert driver.asked == [({wells.KEY}, {}), ({wells.KEY}, {wells.KEY: "a"})]
    assert ClusterDefinition.objects.get(cluster=mine).schema == wells.openapi("pump")


@pytest.mark.parametrize(
    ("defined", "served", "kept"),
    [
        pytest.param(TemporaryError("unreachable", "Away."), (wells.KEY,), True, id="it does not tell"),
        pytest.param({}, (wells.KEY,), True, id="it has no words for it"),
        pytest.param(
            {wells.KEY: Defined("b", {"properties": {"a": {"type": 7}}})}, (wells.KEY,), True, id="it tells nonsense"
        ),
        pytest.param({}, (), False, id="it serves the kind no longer"),
    ],
)
def test_what_was_told_stays_until_the_kind_is_gone(answers: Any, defined: Any, served: Any, kept: bool) -> None:
    publish()
    told(cluster("eu"))
    answers(Answering(defined, served))
    assert clusters_look(now=NOW) == 1
    assert list(ClusterDefinition.objects.values_list("schema", "mark")) == ([(wells.openapi(), "1")] if kept else [])


@pytest.mark.parametrize(
    ("served", "problem", "asked"),
    [
        pytest.param((wells.KEY,), "", True, id="it serves the kind"),
        pytest.param((), "", False, id="it does not serve it"),
        pytest.param((wells.KEY,), "Away.", False, id="it was away the last time"),
    ],
)
def test_the_first_contract_of_a_kind_asks_the_clusters(answers: Any, served: Any, problem: str, asked: bool) -> None:
    cluster("eu", *served, problem=problem)
    driver = answers(Answering({wells.KEY: Defined("a", wells.openapi())}))
    if asked:
        with pytest.raises(InvalidInput):
            publish(pump="p1")
    else:
        publish(pump="p1")
    assert len(driver.asked) == asked

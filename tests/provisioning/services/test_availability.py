"""What clusters have decides what can be had there: the version that a name leads to, and what the gate refuses."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel.errors import Forbidden, InvalidInput
from provisioning.domain.driver import ClusterInfo, TemporaryError
from provisioning.models import Cluster, ClusterOffer, Environment, Run
from provisioning.selectors.availability import availability_of
from provisioning.selectors.offers import offer_of
from provisioning.services import cluster_offers
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.cluster_offers import clusters_look, features_declare, offer_store
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = pytest.mark.django_db

POSTGRES = "postgresql.cnpg.io/v1/Cluster"


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def planned(organisation: Organisation, capability: str) -> Any:
    resources = {"db": {"capability": capability, "inputs": {"storageGiB": 5}}}
    request = ChangeRequest("create", "checkout", "try", spec={"stage": "dev", "resources": resources})
    return change_plan(organisation.actor("developer"), request, now=NOW)


@pytest.mark.parametrize(
    ("kinds", "asked", "version", "refused"),
    [
        pytest.param(None, "postgres", "2.0.0", False, id="the newest where all is there"),
        pytest.param(frozenset(), "postgres", "1.0.0", False, id="what the cluster can carry"),
        pytest.param(frozenset(), "postgres@1", "1.0.0", False, id="an older major asks for nothing"),
        pytest.param(frozenset(), "postgres@2", "2.0.0", True, id="a major that cannot be had"),
        pytest.param(frozenset(), "postgres@2.0.0", "2.0.0", True, id="a version that cannot be had"),
    ],
)
def test_it_leads_to_what_the_cluster_can_have(
    organisation: Organisation, settings: Any, kinds: Any, asked: str, version: str, refused: bool
) -> None:
    settings.SANDBOX_CUSTOM_KINDS = kinds
    found = planned(organisation, asked)
    assert found.target["resources"]["db"]["contract"] == version
    assert bool(found.problems) is refused
    if refused:
        [problem] = found.problems
        assert problem.path == "spec.resources.db.capability"
        assert (
            "needs the API Cluster (postgresql.cnpg.io/v1), which the cluster sandbox does not have" in problem.message
        )
        assert "Use postgres@1" in problem.message


def test_what_lives_there_may_stay_when_the_cluster_has_lost_what_it_needs(
    organisation: Organisation, settings: Any
) -> None:
    actor, clock = organisation.actor("developer"), Clock(NOW)
    spec = {"stage": "dev", "resources": {"db": {"capability": "postgres@2", "inputs": {"storageGiB": 5}}}}
    change = change_submit(actor, ChangeRequest("create", "checkout", "try", spec=spec), now=NOW)
    carry_out(Run.objects.get(change=change), clock)
    assert Environment.objects.get().state == "ready"
    settings.SANDBOX_CUSTOM_KINDS = frozenset()
    spec["resources"]["db"]["inputs"]["storageGiB"] = 6
    found = change_plan(actor, ChangeRequest("update", "checkout", "try", spec=spec), now=NOW)
    assert found.problems == ()
    assert found.target is not None
    assert found.target["resources"]["db"]["contract"] == "2.0.0"


def test_it_says_for_each_stage_where_a_version_can_be_had(organisation: Organisation, settings: Any) -> None:
    assert {one.available for one in availability_of("postgres", "2.0.0")} == {True}
    settings.SANDBOX_CUSTOM_KINDS = frozenset()
    lacking = availability_of("postgres", "2.0.0")
    assert [one.stage for one in lacking] == ["preview", "dev", "staging", "prod"]
    assert {(one.available, one.leads_to) for one in lacking} == {(False, "1.0.0")}
    assert "postgres@1" in lacking[0].remedy
    assert {one.reason for one in availability_of("postgres", "1.0.0")} == {""}


@pytest.fixture
def real(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A cluster of the driver kubernetes, with a driver that answers what the test says."""
    monkeypatch.setattr(cluster_offers, "driver_settings", lambda cluster: {})
    return Cluster.objects.create(name="eu-west", title="EU west", driver="kubernetes", created_at=NOW)


class Answering:
    def __init__(self, answer: ClusterInfo | Exception) -> None:
        self.answer = answer

    def probe(self) -> ClusterInfo:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def definitions(self, kinds: Any, known: Any) -> dict[str, Any]:
        return {}


def answers(monkeypatch: pytest.MonkeyPatch, answer: ClusterInfo | Exception) -> None:
    monkeypatch.setattr(cluster_offers, "open_driver", lambda kind, settings: Answering(answer))


def test_nothing_counts_as_there_before_somebody_has_looked(real: Cluster) -> None:
    assert not offer_of(real).known
    offer_store(real, ClusterInfo("v1.36.0", ("metrics.k8s.io",), (POSTGRES,)), now=NOW)
    offer = offer_of(real)
    assert (offer.known, offer.apis, offer.features) == (True, frozenset({POSTGRES}), frozenset({"metrics"}))


def test_it_looks_again_and_keeps_what_was_seen_when_a_cluster_is_away(
    real: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ClusterInfo("v1.36.0", (), (POSTGRES,)))
    assert clusters_look(now=NOW) == 2  # the sandbox, too
    answers(monkeypatch, TemporaryError("unreachable", "The cluster cannot be reached."))
    assert clusters_look(now=NOW) == 0
    row = ClusterOffer.objects.get(cluster=real)
    assert (row.apis, row.problem, row.seen_at) == ([POSTGRES], "The cluster cannot be reached.", NOW)
    answers(monkeypatch, ClusterInfo("v1.36.0", (), ()))
    clusters_look(now=NOW)
    row.refresh_from_db()
    assert (row.apis, row.problem) == ([], "")


def test_an_admin_declares_what_looking_cannot_tell(organisation: Organisation, real: Cluster) -> None:
    features_declare(organisation.actor("admin"), real, features=["backups", "backups"], now=NOW)
    assert offer_of(real).features == {"backups"}
    with pytest.raises(InvalidInput):
        features_declare(organisation.actor("admin"), real, features=["Back ups"], now=NOW)
    with pytest.raises(Forbidden):
        features_declare(organisation.actor("maintainer"), real, features=[], now=NOW)

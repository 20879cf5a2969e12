"""How environments are kept apart: many in one namespace, one each, or a cluster for a system alone."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from provisioning.domain.driver import ObjectRef, Scope
from provisioning.drivers import open_driver
from provisioning.models import Cluster, Environment, Resource, Run, SharedNamespace, Stage
from provisioning.orchestrator import advance
from provisioning.selectors.clusters import driver_settings
from provisioning.services import orphans, places, shared_namespaces
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.clusters import cluster_register
from provisioning.services.stage_isolation import stage_isolate
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec

pytestmark = pytest.mark.django_db
SPACE = "slipway-shared-dev"
EU = {"region": "eu"}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def isolate(organisation: Organisation, isolation: str) -> None:
    stage_isolate(organisation.actor("admin"), stage="dev", isolation=isolation, now=NOW)


def made(organisation: Organisation, name: str, host: str = "") -> Run:
    """An environment that is made; each has a host of its own."""
    run = Run.objects.get(change=create(organisation, name, shop={"host": host or f"{name}.example"}))
    assert carry_out(run).state == "succeeded"
    return run


def ask(organisation: Organisation, kind: str, name: str) -> Run:
    wish = ChangeRequest(kind, "checkout", name, confirm=name, reason="It is time.")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW))
    assert carry_out(run).state == "succeeded"
    return run


def there(name: str) -> set[str]:
    return {f"{one.kind}/{one.name}" for one in sandbox().list_managed(Scope("checkout", name), SPACE)}


def shared() -> dict[str, Any]:
    """The quota of the shared namespace; empty when it is not there."""
    seen = sandbox().observe([ObjectRef("v1", "ResourceQuota", SPACE, "slipway")])[0]
    return dict(seen.manifest["spec"]["hard"]) if seen.manifest else {}


def test_many_share_a_namespace_and_their_names_begin_with_theirs(organisation: Organisation) -> None:
    isolate(organisation, "shared")
    made(organisation, "one")
    alone = shared()
    made(organisation, "two")
    assert {"Deployment/checkout-one-api", "NetworkPolicy/checkout-one-slipway-same-environment"} <= there("one")
    assert "Deployment/checkout-two-api" in there("two")
    host = Resource.objects.get(environment__name="one", name="db").outputs["host"]
    assert host == f"checkout-one-db.{SPACE}.svc"
    assert (alone["requests.storage"], shared()["requests.storage"]) == ("5Gi", "10Gi")
    policy = sandbox().observe(
        [ObjectRef("networking.k8s.io/v1", "NetworkPolicy", SPACE, "checkout-one-slipway-same-environment")]
    )[0]
    assert policy.manifest is not None
    own = {"matchLabels": Scope("checkout", "one").labels()}
    assert policy.manifest["spec"]["ingress"] == [{"from": [{"podSelector": own}]}]
    assert orphans.orphans_sweep(now=NOW) == 0


def test_the_namespace_goes_with_the_last_of_them(organisation: Organisation) -> None:
    isolate(organisation, "shared")
    made(organisation, "one")
    made(organisation, "two")
    ask(organisation, "delete", "one")
    assert (there("one"), shared()["requests.storage"]) == (set(), "5Gi")
    assert "Deployment/checkout-two-api" in there("two")
    ask(organisation, "delete", "two")
    assert not sandbox().observe([ObjectRef("v1", "Namespace", "", SPACE)])[0].exists
    assert not SharedNamespace.objects.exists()


def test_moving_between_the_ways_is_a_change(organisation: Organisation) -> None:
    made(organisation, "one")
    isolate(organisation, "shared")
    assert Environment.objects.get(name="one").isolation == "namespace"
    run = ask(organisation, "move", "one")
    assert run.change.title == "Move checkout / one to one namespace for many"
    assert not sandbox().observe([ObjectRef("v1", "Namespace", "", "checkout-one")])[0].exists
    assert "Deployment/checkout-one-api" in there("one")
    isolate(organisation, "namespace")
    ask(organisation, "move", "one")
    assert not sandbox().observe([ObjectRef("v1", "Namespace", "", SPACE)])[0].exists
    found = Environment.objects.get(name="one")
    assert (found.namespace, found.isolation, found.state) == ("checkout-one", "namespace", "ready")


def test_who_comes_while_it_is_deleted_waits(organisation: Organisation) -> None:
    isolate(organisation, "shared")
    cluster = Cluster.objects.get(name="sandbox")
    SharedNamespace.objects.create(cluster=cluster, namespace=SPACE, closing=True)
    run, clock = Run.objects.get(change=create(organisation, "one")), Clock()
    advance(run.pk, now=clock)
    assert run.steps.get(key="guardrails").message == f"Namespace {SPACE} is being deleted; it is made anew after that"
    shared_namespaces.shared_closed(cluster, SPACE)
    assert carry_out(run, clock).state == "succeeded"


def test_an_older_sum_never_stays(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else counts between this one's count and its apply: it is set again."""
    isolate(organisation, "shared")
    made(organisation, "one")
    cluster, counted = Cluster.objects.get(name="sandbox"), []
    current = shared_namespaces.shared_is_current

    def overtaken(*given: Any) -> bool:
        if not counted:
            counted.append(shared_namespaces.shared_join(cluster, SPACE))
        return current(*given)

    monkeypatch.setattr("provisioning.orchestrator.spaces.shared_is_current", overtaken)
    made(organisation, "two")
    assert shared()["requests.storage"] == "10Gi"
    assert SharedNamespace.objects.get().serial >= 4


def dedicated(organisation: Organisation, *names: str) -> None:
    for name in names:
        cluster_register(organisation.actor("admin"), name=name, title=name, driver="sandbox", labels=EU, now=NOW)
    Stage.objects.filter(name="dev").update(cluster_labels=EU)
    isolate(organisation, "dedicated")


def plan(organisation: Organisation, system: str) -> Any:
    wish = ChangeRequest("create", system, "more", spec={"stage": "dev", "resources": spec()["resources"]})
    return change_plan(organisation.actor("admin"), wish, now=NOW)


def test_a_system_has_a_cluster_for_itself(organisation: Organisation) -> None:
    dedicated(organisation, "eu-one", "eu-two")
    made(organisation, "one")
    assert plan(organisation, "checkout").place.name in ("eu-one", "eu-two")
    other = plan(organisation, "vault")
    assert other.place.name == "eu-two"
    Cluster.objects.filter(name="eu-two").delete()
    told = plan(organisation, "vault").problems[0].message
    assert "No cluster of dev can take it now. eu-one: Environments of other systems are there." in told
    isolate(organisation, "namespace")
    assert "eu-one: Another system has it for itself." in plan(organisation, "vault").problems[0].message


def test_two_systems_do_not_meet_on_a_dedicated_cluster(organisation: Organisation) -> None:
    dedicated(organisation, "eu-one")
    made(organisation, "one")
    with pytest.raises(Conflict, match="Another system came to eu-one"):
        places.place_kept_alone(Cluster.objects.get(name="eu-one"), "dedicated", organisation.vault)


@pytest.mark.parametrize(
    ("who", "isolation", "error"),
    [
        pytest.param("developer", "shared", Forbidden, id="not an admin"),
        pytest.param("admin", "apart", InvalidInput, id="no such way"),
        pytest.param("admin", "dedicated", InvalidInput, id="without labels of clusters"),
    ],
)
def test_it_is_chosen_by_admins(organisation: Organisation, who: str, isolation: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        stage_isolate(organisation.actor(who), stage="dev", isolation=isolation, now=NOW)


def test_it_is_written_down_with_what_it_was(organisation: Organisation) -> None:
    isolate(organisation, "shared")
    entry = AuditEntry.objects.get(action="stage.isolate")
    assert (entry.data["before"], entry.data["after"]) == ("namespace", "shared")


def test_a_sandbox_keeps_objects_of_its_own(organisation: Organisation) -> None:
    dedicated(organisation, "eu-one")
    made(organisation, "one")
    own = open_driver("sandbox", driver_settings(Cluster.objects.get(name="eu-one")))
    assert own.list_managed(Scope("checkout", "one"), "checkout-one")
    assert not sandbox().list_managed(Scope("checkout", "one"), "checkout-one")

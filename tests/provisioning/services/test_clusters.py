"""Clusters: what is said of them, where new environments go, and that a cluster goes only when it is empty."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.models import AuditEntry
from idp.kernel import clock
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.domain.driver import Scope
from provisioning.drivers import open_driver
from provisioning.models import Change, Cluster, ClusterWatch, Environment, Run, Stage
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.placing import cluster_seen, health_of
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.clusters import (
    cluster_cordon,
    cluster_register,
    cluster_remove,
    cluster_uncordon,
    cluster_update,
)
from provisioning.services.observations import watch_claim, watch_renew
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
EU = {"region": "eu"}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


def register(organisation: Organisation, name: str, **fields: Any) -> Cluster:
    fields = {"labels": EU, **fields}
    return cluster_register(
        organisation.actor("admin"), name=name, title=name.title(), driver="sandbox", now=NOW, **fields
    )


def choose_by_labels() -> None:
    Stage.objects.filter(name="dev").update(cluster_labels=EU)


def plan(organisation: Organisation, name: str = "try") -> Any:
    request = ChangeRequest("create", "checkout", name, spec=spec())
    return change_plan(organisation.actor("developer"), request, now=NOW)


def scopes_on(name: str) -> list[Any]:
    cluster = Cluster.objects.get(name=name)
    return open_driver("sandbox", driver_settings(cluster)).list_managed(Scope("checkout", "try"), "checkout-try")


def test_it_sends_environments_to_the_stages_own_cluster_without_labels(organisation: Organisation) -> None:
    register(organisation, "eu-one")
    planned = plan(organisation)
    assert planned.place.name == "sandbox"
    assert planned.plan["placement"]["why"] == "It goes to sandbox, the stage’s cluster."


def test_it_sends_environments_to_the_emptiest_cluster_and_runs_them_there(organisation: Organisation) -> None:
    register(organisation, "eu-one", capacity={"cpu": 40})
    register(organisation, "eu-two", capacity={"cpu": 80})
    choose_by_labels()
    first = create(organisation, "try")
    assert first.environment is not None
    assert first.environment.cluster.name == "eu-one"
    assert carry_out(Run.objects.get(change=first)).state == "succeeded"
    assert scopes_on("eu-one")
    assert not scopes_on("sandbox")
    planned = plan(organisation, "more")
    assert planned.place.name == "eu-two"
    assert (
        planned.plan["placement"]["why"] == "It goes to eu-two, the emptiest of 2 with region=eu: 0 % of it is taken."
    )


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        pytest.param({"capacity_cpu": "0.1"}, "It has 0.1 of 0.1 cores free", id="too small"),
        pytest.param({"cordoned_at": NOW, "cordon_reason": "Old"}, "It is cordoned", id="cordoned"),
        pytest.param({"silent": True}, "It does not answer at present.", id="silent"),
    ],
)
def test_it_passes_over_what_cannot_take_it_and_says_why(
    organisation: Organisation, edit: dict[str, Any], why: str
) -> None:
    bad = register(organisation, "eu-bad")
    register(organisation, "eu-good", capacity={"cpu": 9, "memory_gib": 50, "storage_gib": 100})
    choose_by_labels()
    if edit.pop("silent", False):
        ClusterWatch.objects.create(cluster=bad, unreachable_since=NOW, unreachable_why="No route.")
    Cluster.objects.filter(pk=bad.pk).update(**edit)
    planned = plan(organisation)
    assert planned.place.name == "eu-good"
    assert [one["cluster"] for one in planned.plan["placement"]["passed_over"]] in (["eu-bad"], [])
    Cluster.objects.filter(name="eu-good").delete()
    alone = plan(organisation)
    if "answer" in why:
        assert alone.place.name == "eu-bad"
        assert why in alone.plan["placement"]["why"] + why
    else:
        assert [one.path for one in alone.problems] == ["spec.stage"]
        assert f"eu-bad: {why}" in alone.problems[0].message


def test_it_says_that_no_cluster_has_the_labels(organisation: Organisation) -> None:
    choose_by_labels()
    assert [(one.path, one.message) for one in plan(organisation).problems] == [
        ("spec.stage", "No cluster has the labels of dev (region=eu). Ask a platform admin.")
    ]


def test_a_cordon_stops_new_environments_and_no_others(organisation: Organisation) -> None:
    carry_out(Run.objects.get(change=create(organisation, "try")))
    admin = organisation.actor("admin")
    cluster_cordon(admin, name="sandbox", reason="Goes in June.", now=NOW)
    with pytest.raises(InvalidInput) as refused:
        create(organisation, "more")
    assert "It is cordoned and takes no new environment: Goes in June." in refused.value.errors[0].message
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    assert change_submit(organisation.actor("developer"), request, now=NOW).state == "running"
    cluster_uncordon(admin, name="sandbox", now=NOW)
    assert create(organisation, "more").pk
    actions = AuditEntry.objects.filter(object_type="cluster").values_list("action", flat=True)
    assert {"cluster.cordon", "cluster.uncordon"} <= set(actions)


def test_each_sandbox_is_a_world_of_its_own(organisation: Organisation) -> None:
    other = register(organisation, "other")
    paths = {driver_settings(one)["path"] for one in (other, Cluster.objects.get(name="sandbox"))}
    assert len(paths) == 2


def test_it_removes_an_empty_cluster_only(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    carry_out(Run.objects.get(change=create(organisation, "try")))
    with pytest.raises(Conflict) as refused:
        cluster_remove(admin, name="sandbox", confirm="sandbox", now=NOW)
    for told in ("stage dev", "stage prod", "checkout/try lives there"):
        assert told in refused.value.message
    other = register(organisation, "other")
    with pytest.raises(InvalidInput):
        cluster_remove(admin, name="other", confirm="othr", now=NOW)
    cluster_remove(admin, name="other", confirm="other", now=NOW)
    assert not Cluster.objects.filter(name="other").exists()
    assert Cluster.everything.get(pk=other.pk).credentials == ""
    assert register(organisation, "other").pk != other.pk


def test_what_lived_on_a_removed_cluster_keeps_its_history(organisation: Organisation) -> None:
    register(organisation, "eu-one")
    choose_by_labels()
    carry_out(Run.objects.get(change=create(organisation, "try")))
    gone = ChangeRequest("delete", "checkout", "try", confirm="try", reason="Done.")
    change = change_submit(organisation.actor("developer"), gone, now=NOW)
    carry_out(Run.objects.get(change=change))
    cluster_remove(organisation.actor("admin"), name="eu-one", confirm="eu-one", now=NOW)
    assert Change.objects.get(pk=change.pk).state == "succeeded"
    assert Environment.objects.select_related("cluster").get(name="try").cluster.name == "eu-one"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"labels": {"Region": "eu"}}, "labels", id="label"),
        pytest.param({"capacity": {"cpu": -1}}, "capacity.cpu", id="capacity"),
        pytest.param({"capacity": {"memory_gib": "NaN"}}, "capacity.memory_gib", id="no number"),
        pytest.param({"prices": {"cpu": "Infinity"}}, "prices.cpu", id="price"),
    ],
)
def test_it_names_what_is_wrong(organisation: Organisation, fields: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        cluster_update(organisation.actor("admin"), name="sandbox", now=NOW, **fields)
    assert [one.path for one in refused.value.errors] == [path]


def test_what_is_left_out_stays(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    cluster_update(admin, name="sandbox", labels=EU, capacity={"cpu": 8}, now=NOW)
    changed = cluster_update(admin, name="sandbox", capacity={"memory_gib": 16}, now=NOW)
    assert (changed.labels, changed.capacity_cpu, changed.capacity_memory_gib) == (EU, 8, 16)
    assert cluster_update(admin, name="sandbox", capacity={"cpu": None}, now=NOW).capacity_cpu is None


@pytest.mark.parametrize("persona", ["developer", "maintainer", "auditor"])
def test_it_is_for_admins(organisation: Organisation, persona: str) -> None:
    actor = organisation.actor(persona)
    for refused in (
        lambda: cluster_cordon(actor, name="sandbox", now=NOW),
        lambda: cluster_uncordon(actor, name="sandbox", now=NOW),
        lambda: cluster_remove(actor, name="sandbox", confirm="sandbox", now=NOW),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_it_knows_no_other_cluster(organisation: Organisation) -> None:
    with pytest.raises(NotFound):
        cluster_cordon(organisation.actor("admin"), name="nowhere", now=NOW)


@pytest.mark.parametrize("minutes", [-5, 5], ids=["behind", "ahead"])
def test_a_clock_that_is_five_minutes_off_says_nothing_about_a_watch(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    watching = watch_claim(Cluster.objects.get(name="sandbox"), owner="one")
    assert watching is not None
    watch_renew(watching, synced_at=clock.now())
    real = clock.now
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(minutes=minutes))
    assert health_of(cluster_seen("sandbox")).state == "answers"
    ClusterWatch.objects.update(lease_until=real() - timedelta(seconds=1))
    assert health_of(cluster_seen("sandbox")).state == "unwatched"


def test_the_audit_log_keeps_both_sides_of_an_edit(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    cluster_update(admin, name="sandbox", title="Where we try things", labels={"zone": "b"}, now=clock.now())
    told = AuditEntry.objects.filter(action="cluster.update").latest("sequence").data
    assert told["before"]["title"] != told["after"]["title"] == "Where we try things"
    assert told["after"]["labels"] == {"zone": "b"}
    assert told["access"] == "kept"
    cluster_cordon(admin, name="sandbox", now=clock.now())
    told = AuditEntry.objects.filter(action="cluster.cordon").latest("sequence").data
    assert (told["before"]["cordoned"], told["after"]["cordoned"]) == (False, True)

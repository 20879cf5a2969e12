"""Draining a cordoned cluster: ordinary moves in waves, people's data left to them, failures stop it."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import AuditEntry, Notice
from idp.kernel.errors import Conflict, Forbidden, NotFound, PreconditionFailed
from provisioning.models import Change, DrainItem, Environment, Run, Stage
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_cordon, cluster_register, cluster_remove
from provisioning.services.drains import drain_act, drain_start, drains_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
EU = {"region": "eu"}
SMALL = {"stage": "dev", "resources": {"notes": {"capability": "config@1", "inputs": {"values": {"a": "b"}}}}}


@pytest.fixture
def organisation() -> Organisation:
    """Three small environments and one with data on eu-one, which is cordoned; eu-two is free."""
    made = Organisation.found()
    equip(made)
    Stage.objects.filter(name="dev").update(cluster_labels=EU)
    register(made, "eu-one")
    for name in ("one", "two", "three"):
        request = ChangeRequest("create", "checkout", name, spec=SMALL)
        carry_out(Run.objects.get(change=change_submit(made.actor("developer"), request, now=NOW)))
    carry_out(Run.objects.get(change=create(made, "data")))
    register(made, "eu-two")
    cluster_cordon(made.actor("admin"), name="eu-one", reason="Old", now=NOW)
    return made


def register(organisation: Organisation, name: str) -> None:
    cluster_register(organisation.actor("admin"), name=name, title=name, driver="sandbox", labels=EU, now=NOW)


def start(organisation: Organisation, **fields: Any) -> Any:
    return drain_start(organisation.actor("admin"), cluster="eu-one", **{"at_once": 2, "now": NOW, **fields})


def states() -> dict[str, str]:
    return dict(DrainItem.objects.values_list("environment__name", "state"))


def moves() -> list[str]:
    return list(Change.objects.filter(kind="move").order_by("pk").values_list("environment_name", flat=True))


def carry_all() -> None:
    for run in Run.objects.filter(state="queued"):
        carry_out(run)


def test_it_moves_in_waves_and_leaves_data_to_its_people(organisation: Organisation) -> None:
    drain = start(organisation, reason="It is old.")
    assert states() == {"one": "moving", "two": "moving", "three": "waiting", "data": "held"}
    drains_sweep(now=NOW)
    assert moves() == ["one", "two"]
    carry_all()
    drains_sweep(now=NOW)
    assert moves() == ["one", "two", "three"]
    carry_all()
    drains_sweep(now=NOW)
    drain.refresh_from_db()
    assert (drain.state, states()["three"], states()["data"]) == ("done", "moved", "held")
    assert "5 GiB of data" in DrainItem.objects.get(environment__name="data").told
    there = dict(Environment.objects.values_list("name", "cluster__name"))
    assert there == {"one": "eu-two", "two": "eu-two", "three": "eu-two", "data": "eu-one"}
    assert Change.objects.filter(kind="move", reason="eu-one is drained. It is old.").count() == 3
    with pytest.raises(Conflict, match="checkout/data lives there"):
        cluster_remove(organisation.actor("admin"), name="eu-one", confirm="eu-one", now=NOW)


def test_what_is_refused_pauses_it_and_is_asked_for_again(organisation: Organisation) -> None:
    cluster_cordon(organisation.actor("admin"), name="eu-two", reason="Full", now=NOW)
    drain = start(organisation)
    drains_sweep(now=NOW)
    drain.refresh_from_db()
    assert (drain.state, drain.state_reason) == ("paused", "2 moves did not end well.")
    assert "eu-two: It is cordoned" in DrainItem.objects.get(environment__name="one").told
    register(organisation, "eu-three")
    drain_act(organisation.actor("admin"), cluster="eu-one", act="resume", now=NOW)
    drains_sweep(now=NOW)
    assert [states()[name] for name in ("one", "two")] == ["moving", "moving"]


def told(kind: str) -> list[tuple[str, str]]:
    return list(Notice.objects.filter(kind=kind).order_by("pk").values_list("person__username", "url"))


def test_each_pause_is_told_once(organisation: Organisation) -> None:
    admin = organisation.actor("admin")
    cluster_cordon(admin, name="eu-two", reason="Full", now=NOW)
    drain = start(organisation)
    for _ in range(2):
        drains_sweep(now=NOW)
    assert told("drain-paused") == [(admin.username, "/clusters/eu-one/drain")]
    drain_act(admin, cluster="eu-one", act="resume", now=NOW)
    drains_sweep(now=NOW)
    drains_sweep(now=NOW)
    drain.refresh_from_db()
    assert (drain.state, len(told("drain-paused"))) == ("paused", 2)


def test_who_pauses_it_is_not_told(organisation: Organisation) -> None:
    start(organisation)
    drain_act(organisation.actor("admin"), cluster="eu-one", act="pause", now=NOW)
    drain_act(organisation.actor("admin"), cluster="eu-one", act="end", now=NOW)
    assert told("drain-paused") == told("drain-over") == []


def test_its_end_is_told(organisation: Organisation) -> None:
    start(organisation, at_once=3)
    carry_all()
    drains_sweep(now=NOW)
    drains_sweep(now=NOW)
    notice = Notice.objects.get(kind="drain-over")
    assert notice.person == organisation.admin
    assert notice.title == "The drain of eu-one is done"
    assert notice.text == "3 of 4 environments moved. 1 environment stayed: its people move what has data."


def test_it_waits_for_who_must_agree(organisation: Organisation) -> None:
    Stage.objects.filter(name="dev").update(production=True)
    start(organisation)
    assert set(Change.objects.filter(kind="move").values_list("state", flat=True)) == {"pending"}
    drains_sweep(now=NOW)
    assert moves() == ["one", "two"]


def test_people_pause_and_end_it(organisation: Organisation) -> None:
    begun = start(organisation, at_once=1)
    admin = organisation.actor("admin")
    drain_act(admin, cluster="eu-one", act="pause", now=NOW)
    with pytest.raises(PreconditionFailed):
        drain_act(admin, cluster="eu-one", act="end", expected_version=begun.version, now=NOW)
    carry_all()
    drains_sweep(now=NOW)
    assert moves() == ["one"]
    assert drain_act(admin, cluster="eu-one", act="end", now=NOW).state == "ended"
    with pytest.raises(NotFound):
        drain_act(admin, cluster="eu-one", act="resume", now=NOW)
    kept = AuditEntry.objects.filter(action__startswith="drain.").values_list("action", flat=True)
    assert set(kept) == {"drain.start", "drain.pause", "drain.end"}


@pytest.mark.parametrize(
    ("who", "cluster", "error"),
    [
        pytest.param("developer", "eu-one", Forbidden, id="not an admin"),
        pytest.param("admin", "eu-two", Conflict, id="not cordoned"),
        pytest.param("admin", "none", NotFound, id="no such cluster"),
    ],
)
def test_it_is_begun_by_admins_on_a_cordoned_cluster(
    organisation: Organisation, who: str, cluster: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        drain_start(organisation.actor(who), cluster=cluster, at_once=1, now=NOW)

"""A move: built up at the new place, then torn down at the old one; whatever interrupts it, nothing stays behind."""

from __future__ import annotations

from functools import partial
from time import sleep
from typing import Any

import pytest

from governance.models import Reservation
from idp.kernel.errors import Conflict, InvalidInput
from provisioning.domain.driver import ObjectRef, Scope
from provisioning.drivers import open_driver
from provisioning.models import Cluster, Drift, Environment, FormerPlace, Resource, Run, Stage, Step
from provisioning.orchestrator import advance
from provisioning.orchestrator.advance import ALL_HANDLERS
from provisioning.selectors.clusters import driver_settings
from provisioning.services import orphans, runs, starts
from provisioning.services.changes import ChangeRequest, change_plan, change_submit
from provisioning.services.clusters import cluster_cordon, cluster_register, cluster_remove, cluster_update
from tests.personas import NOW, Organisation
from tests.provisioning import organisation as work
from tests.provisioning.organisation import Clock, create, equip, spec

pytestmark = pytest.mark.django_db
EU = {"region": "eu"}
PAUSE = 0.02  # of real time: what is made there takes 0.3 s to be ready
carry_out = partial(work.carry_out, pause=PAUSE)
SMALL = {"db": {"storageGiB": 5}}


@pytest.fixture
def organisation(settings: Any) -> Organisation:
    """``checkout/try`` runs on eu-one; eu-two is as good, and a little slower."""
    made = Organisation.found()
    equip(made)
    for name in ("eu-one", "eu-two"):
        cluster_register(made.actor("admin"), name=name, title=name.title(), driver="sandbox", labels=EU, now=NOW)
    Stage.objects.filter(name="dev").update(cluster_labels=EU)
    assert carry_out(Run.objects.get(change=create(made, "try"))).state == "succeeded"
    settings.SANDBOX_READY_SECONDS = 0.3
    return made


def request(cluster: str = "", **fields: Any) -> ChangeRequest:
    fields = {"confirm": "try", "reason": "Nobody needs the data.", **fields}
    return ChangeRequest("move", "checkout", "try", cluster=cluster, **fields)


def move(organisation: Organisation, cluster: str = "") -> Run:
    change = change_submit(organisation.actor("developer"), request(cluster), now=NOW)
    return Run.objects.get(change=change)


def driver(cluster: str) -> Any:
    return open_driver("sandbox", driver_settings(Cluster.objects.get(name=cluster)))


def made_on(cluster: str) -> list[ObjectRef]:
    return driver(cluster).list_managed(Scope("checkout", "try"), "checkout-try")


def environment() -> Environment:
    return Environment.objects.select_related("cluster").get(name="try")


def until(run: Run, step: str, clock: Clock) -> None:
    """Advance the run until ``step`` is under way."""
    for _ in range(60):
        if Step.objects.get(run=run, key=step).state in ("running", "waiting"):
            return
        advance(run.pk, now=clock)
        clock.forward(2)
        sleep(PAUSE)
    raise AssertionError(f"{step} never began")


def test_it_builds_up_there_and_tears_down_here(organisation: Organisation) -> None:
    run = move(organisation)
    assert environment().cluster.name == "eu-two"
    kinds = list(Step.objects.filter(run=run).values_list("kind", flat=True))
    assert kinds.index("prune") < kinds.index("leave-resource") < kinds.index("leave-guardrails")
    assert carry_out(run).state == "succeeded"
    assert (environment().state, made_on("eu-one")) == ("ready", [])
    assert {one.kind for one in made_on("eu-two")} >= {"Deployment", "Namespace", "ResourceQuota"}
    assert not FormerPlace.objects.exists()


def test_nothing_is_torn_down_before_all_is_ready_there(organisation: Organisation) -> None:
    before = set(made_on("eu-one"))
    run, clock = move(organisation), Clock()
    until(run, "resource:api", clock)
    assert set(made_on("eu-one")) == before
    assert made_on("eu-two")


def test_it_says_what_is_lost_and_what_changes(organisation: Organisation) -> None:
    planned = change_plan(organisation.actor("developer"), request(), now=NOW)
    assert planned.plan["move"]["lost"] == [{"resource": "db", "storage_gib": 5.0}]
    assert planned.plan["placement"]["cluster"] == "eu-two"
    told = " ".join(planned.plan["notes"])
    for words in (
        "5 GiB of data of db are not moved",
        "Secrets are made new",
        "shop.dev.example must lead to eu-two",
        "Both places count",
    ):
        assert words in told


def test_outputs_become_others_where_the_namespace_does(organisation: Organisation) -> None:
    Environment.objects.filter(name="try").update(namespace="elsewhere")
    planned = change_plan(organisation.actor("developer"), request(), now=NOW)
    changed = {f"{one['resource']}.{one['output']}": one["after"] for one in planned.plan["move"]["outputs"]}
    assert changed["db.host"] == "db.checkout-try.svc"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param({"confirm": ""}, "confirm", id="the name was not typed"),
        pytest.param({"reason": ""}, "reason", id="no reason is given"),
    ],
)
def test_it_asks_for_the_name_and_a_reason_where_data_is_lost(
    organisation: Organisation, fields: dict[str, str], path: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        change_submit(organisation.actor("developer"), request(**fields), now=NOW)
    assert [one.path for one in caught.value.errors] == [path]


def test_both_places_count_until_the_old_one_is_gone(organisation: Organisation) -> None:
    before = used()
    run = move(organisation)
    assert used() == (2 * before[0], 1)
    carry_out(run)
    assert used() == before


def used() -> tuple[Any, int]:
    row = Reservation.objects.get(state="used")
    return row.cpu, row.environments


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        pytest.param("eu-one", "It is on eu-one already", id="where it is"),
        pytest.param("sandbox", "dev sends nothing to sandbox; it allows eu-one, eu-two", id="not allowed"),
        pytest.param("nowhere", "dev sends nothing to nowhere", id="unknown"),
    ],
)
def test_it_refuses_a_place_that_the_stage_does_not_allow(organisation: Organisation, cluster: str, words: str) -> None:
    planned = change_plan(organisation.actor("developer"), request(cluster), now=NOW)
    assert [one.path for one in planned.problems] == ["cluster"]
    assert words in planned.problems[0].message


def test_it_says_why_there_is_no_other_place(organisation: Organisation) -> None:
    cluster_cordon(organisation.actor("admin"), name="eu-two", reason="Old", now=NOW)
    planned = change_plan(organisation.actor("developer"), request(), now=NOW)
    assert "eu-two: It is cordoned and takes no new environment: Old." in planned.problems[0].message


def test_it_says_what_there_is_too_little_of(organisation: Organisation) -> None:
    cluster_update(organisation.actor("admin"), name="eu-two", capacity={"cpu": 0.1}, now=NOW)
    planned = change_plan(organisation.actor("developer"), request(), now=NOW)
    assert "eu-two: It has 0.1 of 0.1 cores free" in planned.problems[0].message


class Killed(BaseException):
    """A worker that is gone from one moment to the next."""


@pytest.mark.parametrize("kind", ["leave-resource", "leave-guardrails", "outputs"])
def test_a_worker_lost_on_the_way_costs_nothing(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """It did the step and died before it said so; the next one finds the step running and does it again."""
    run, clock = move(organisation), Clock()
    handler = ALL_HANDLERS[kind]

    def killed(*given: Any) -> Any:
        handler(*given)
        monkeypatch.setitem(ALL_HANDLERS, kind, handler)
        raise Killed

    monkeypatch.setitem(ALL_HANDLERS, kind, killed)
    with pytest.raises(Killed):
        carry_out(run, clock)
    Run.objects.filter(pk=run.pk).update(lease_until=None)
    assert carry_out(run, clock).state == "succeeded"
    assert (made_on("eu-one"), FormerPlace.objects.count(), environment().state) == ([], 0, "ready")


def half_moved(organisation: Organisation) -> Run:
    """A move that was cancelled while api was made on eu-two."""
    run, clock = move(organisation), Clock()
    until(run, "resource:api", clock)
    runs.run_cancel(organisation.actor("developer"), run.pk, now=clock())
    assert carry_out(run, clock).state == "cancelled"
    assert made_on("eu-one")
    assert made_on("eu-two")
    return run


def test_it_goes_on_where_it_was_cancelled(organisation: Organisation) -> None:
    run = half_moved(organisation)
    starts.change_resume(organisation.actor("developer"), run.change_id, now=NOW)
    assert carry_out(run).state == "succeeded"
    assert (made_on("eu-one"), environment().cluster.name) == ([], "eu-two")


def test_it_is_taken_back_to_where_it_was(organisation: Organisation) -> None:
    """Nothing more is held for the way back, and what was built up half-way goes."""
    half_moved(organisation)
    planned = change_plan(organisation.actor("developer"), request("eu-one"), now=NOW)
    assert planned.plan["move"]["back"]
    assert planned.amounts_after == planned.amounts_before
    run = move(organisation, "eu-one")
    assert run.change.title == "Move checkout / try back to eu-one"
    assert carry_out(run).state == "succeeded"
    assert (made_on("eu-two"), environment().cluster.name, environment().state) == ([], "eu-one", "ready")
    assert {one.kind for one in made_on("eu-one")} >= {"Deployment", "Namespace"}


def test_it_goes_nowhere_else_before_it_has_left(organisation: Organisation) -> None:
    half_moved(organisation)
    planned = change_plan(organisation.actor("developer"), request("eu-two"), now=NOW)
    assert "It has not left eu-one yet" in planned.problems[0].message


def test_another_change_finishes_what_a_cancelled_move_left(organisation: Organisation) -> None:
    half_moved(organisation)
    wish = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW))
    assert carry_out(run).state == "succeeded"
    assert (made_on("eu-one"), environment().state) == ([], "ready")


def test_a_newer_change_takes_over_from_a_move_that_is_under_way(organisation: Organisation) -> None:
    run, clock = move(organisation), Clock()
    until(run, "resource:api", clock)
    wish = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    newer = change_submit(organisation.actor("developer"), wish, now=clock())
    assert carry_out(run, clock).change.state == "superseded"
    assert carry_out(Run.objects.get(change=newer), clock).state == "succeeded"
    assert (made_on("eu-one"), FormerPlace.objects.count()) == ([], 0)


def test_deleting_it_half_way_leaves_nothing_on_either_cluster(organisation: Organisation) -> None:
    half_moved(organisation)
    wish = ChangeRequest("delete", "checkout", "try", confirm="try", reason="It is over.")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW))
    assert carry_out(run).state == "succeeded"
    assert (made_on("eu-one"), made_on("eu-two"), FormerPlace.objects.count()) == ([], [], 0)
    assert not Reservation.objects.filter(state="used").exists()


def test_no_sweep_takes_either_place_for_nobodys(organisation: Organisation) -> None:
    half_moved(organisation)
    assert orphans.orphans_sweep(now=NOW) == 0
    carry_out(move(organisation, "eu-one"))
    assert orphans.orphans_sweep(now=NOW) == 0


def test_a_cluster_is_not_removed_while_something_leaves_it_or_comes(organisation: Organisation) -> None:
    half_moved(organisation)
    for cluster in ("eu-one", "eu-two"):
        with pytest.raises(Conflict, match="checkout/try"):
            cluster_remove(organisation.actor("admin"), name=cluster, confirm=cluster, now=NOW)


def test_drift_of_the_old_place_is_over(organisation: Organisation) -> None:
    Drift.objects.create(
        environment=environment(),
        resource="api",
        api_version="apps/v1",
        kind="Deployment",
        namespace="checkout-try",
        name="api",
        seen_at=NOW,
        state="open",
    )
    Environment.objects.update(drifted=1)
    carry_out(move(organisation))
    assert (environment().drifted, Drift.objects.filter(state="open").count()) == (0, 0)


def test_a_waiting_move_follows_the_base_and_keeps_its_place(organisation: Organisation) -> None:
    """Made at a stage where somebody must agree; an update overtakes it."""
    Stage.objects.filter(name="dev").update(production=True)
    waiting = change_submit(organisation.actor("developer"), request(), now=NOW)
    assert waiting.state == "pending"
    Stage.objects.filter(name="dev").update(production=False)
    wish = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 3}))
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW)))
    waiting.refresh_from_db()
    assert waiting.plan["move"]["to"]["cluster"] == "eu-two"
    assert waiting.base is not None
    assert waiting.base.number == 2


def test_what_is_recorded_as_made_goes_with_its_place(organisation: Organisation) -> None:
    half_moved(organisation)
    former = FormerPlace.objects.get()
    assert set(former.objects_made) == {"db", "api", "shop"}
    here = {one["namespace"] for row in Resource.objects.all() for one in row.objects_made}
    assert here == {"checkout-try"}

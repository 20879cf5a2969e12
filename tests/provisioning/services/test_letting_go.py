"""What cannot be left because its cluster is gone for good: let go of after a wait, with a reason, and listed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.models import AuditEntry, Reservation
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.models import Cluster, Environment, FormerPlace, Orphan, Run, SharedNamespace, Stage
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.clusters import cluster_register, cluster_remove
from provisioning.services.letting_go import LetGo, place_let_go, place_stranded
from provisioning.services.orphans import orphans_sweep
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, equip
from tests.provisioning.services.test_moving import driver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
EU = {"region": "eu"}
SMALL = {"stage": "dev", "resources": {"notes": {"capability": "config@1", "inputs": {"values": {"a": "b"}}}}}
LATER = timedelta(hours=2)
LEFT = {"ConfigMap notes", "ConfigMap notes-files", "Namespace checkout-try"}


@pytest.fixture
def organisation() -> Organisation:
    """``checkout/try`` runs on eu-one."""
    made = Organisation.found()
    equip(made)
    for name in ("eu-one", "eu-two"):
        cluster_register(made.actor("admin"), name=name, title=name, driver="sandbox", labels=EU, now=NOW)
    Stage.objects.filter(name="dev").update(cluster_labels=EU)
    return made


def made_and_moved(organisation: Organisation) -> tuple[Run, Clock]:
    """It moves to eu-two, and eu-one falls silent as soon as that has begun."""
    wish = ChangeRequest("create", "checkout", "try", spec=SMALL)
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW)))
    wish = ChangeRequest("move", "checkout", "try")
    run = Run.objects.get(change=change_submit(organisation.actor("developer"), wish, now=NOW))
    driver("eu-one").tell("*", "unavailable")
    return run, Clock()


def in_vain(run: Run, clock: Clock) -> Run:
    """Carried out with a minute and a half between two looks, until it gives up."""
    for _ in range(60):
        advance(run.pk, now=clock)
        run.refresh_from_db()
        if run.state == "failed":
            return run
        clock.forward(90)
    raise AssertionError(f"it is still {run.state}")


@pytest.fixture
def stranded(organisation: Organisation) -> Run:
    """A move that failed because eu-one never answered again."""
    run, clock = made_and_moved(organisation)
    ended = in_vain(run, clock)
    assert (ended.state, environment().cluster.name) == ("failed", "eu-two")
    assert "/environments/checkout/try/let-go" in ended.error["remedy"]
    return ended


def environment() -> Environment:
    return Environment.objects.select_related("cluster", "system__team").get(name="try")


def let_go(organisation: Organisation, who: str = "admin", **fields: Any) -> LetGo:
    given = {"confirm": "try", "reason": "The hall burnt down.", "now": begun(organisation) + LATER, **fields}
    return place_let_go(organisation.actor(who), environment(), **given)


def begun(organisation: Organisation) -> datetime:
    """Since when leaving has been tried."""
    since = place_stranded(organisation.actor("admin"), environment()).since
    assert since is not None
    return since


def left() -> set[str]:
    rows = Orphan.objects.filter(state="open", reason="left-behind", cluster__name="eu-one")
    return {f"{one.kind} {one.name}" for one in rows}


def test_it_ends_the_move_and_lists_what_stands_there(stranded: Run, organisation: Organisation) -> None:
    told = let_go(organisation)
    assert (told.cluster, told.resumed) == ("eu-one", stranded.change_id)
    assert left() == LEFT
    assert told.left == len(left())
    entry = AuditEntry.objects.get(action="place.let-go")
    assert (entry.data["before"]["cluster"], entry.data["reason"]) == ("eu-one", "The hall burnt down.")
    assert "ConfigMap" in " ".join(entry.data["objects"])
    ended = carry_out(stranded, Clock(begun_at(stranded) + LATER))
    assert (ended.state, environment().state) == ("succeeded", "ready")
    assert not FormerPlace.objects.exists()
    assert Reservation.objects.get(state="used").environments == 1


def answers_again() -> None:
    driver("eu-one").forget("*")


def begun_at(run: Run) -> datetime:
    assert run.finished_at is not None
    return run.finished_at


def test_the_sweep_keeps_it_listed_and_finds_it_when_the_cluster_is_back(
    stranded: Run, organisation: Organisation
) -> None:
    let_go(organisation)
    carry_out(stranded, Clock(begun_at(stranded) + LATER))
    orphans_sweep(now=NOW)
    assert left() == LEFT
    answers_again()
    orphans_sweep(now=NOW)
    assert left() == LEFT
    assert Orphan.objects.filter(state="open", kind="ResourceQuota", reason="no-environment").exists()


def test_a_run_under_way_goes_on_without_it(organisation: Organisation) -> None:
    run, clock = made_and_moved(organisation)
    with pytest.raises(AssertionError, match="still running"):
        carry_out(run, clock, rounds=12)
    later = Clock(begun(organisation) + LATER)
    assert let_go(organisation, now=later()).resumed is None
    assert carry_out(run, later).state == "succeeded"


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        pytest.param({"reason": " "}, InvalidInput, "not let go of", id="without a reason"),
        pytest.param({"confirm": "other"}, InvalidInput, "not let go of", id="another name"),
        pytest.param({"who": "maintainer"}, Forbidden, "admin", id="no admin"),
    ],
)
def test_it_wants_an_admin_a_reason_and_the_name(
    stranded: Run, organisation: Organisation, fields: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        let_go(organisation, **fields)
    assert FormerPlace.objects.exists()
    assert not AuditEntry.objects.filter(action="place.let-go").exists()


def test_it_waits_before_anybody_may(stranded: Run, organisation: Organisation, settings: Any) -> None:
    with pytest.raises(Conflict, match="60 minutes") as raised:
        let_go(organisation, now=begun(organisation) + timedelta(minutes=59))
    assert raised.value.code == "too-early"
    settings.LET_GO_AFTER_MINUTES = 0
    let_go(organisation, now=begun(organisation))


def test_a_cluster_that_answers_is_torn_down_instead(stranded: Run, organisation: Organisation) -> None:
    answers_again()
    with pytest.raises(Conflict, match="eu-one answers"):
        let_go(organisation)


def test_there_must_be_a_place_that_is_being_left(organisation: Organisation) -> None:
    run, clock = made_and_moved(organisation)
    with pytest.raises(Conflict, match="not being left yet"):
        place_let_go(organisation.actor("admin"), environment(), confirm="try", reason="So.", now=NOW + LATER)
    answers_again()
    assert carry_out(run, clock).state == "succeeded"
    with pytest.raises(NotFound, match="not leaving any place"):
        place_let_go(organisation.actor("admin"), environment(), confirm="try", reason="So.", now=NOW + LATER)


def test_the_cluster_can_be_removed_then(stranded: Run, organisation: Organisation) -> None:
    let_go(organisation)
    admin = organisation.actor("admin")
    cluster_remove(admin, name="eu-one", confirm="eu-one", now=NOW)
    assert not Cluster.objects.filter(name="eu-one").exists()
    assert not Orphan.objects.filter(state="open").exists()


def test_a_shared_namespace_is_not_known_any_more_when_its_last_environment_is_let_go_of(
    organisation: Organisation,
) -> None:
    Stage.objects.filter(name="dev").update(isolation="shared")
    run, clock = made_and_moved(organisation)
    assert in_vain(run, clock).state == "failed"
    let_go(organisation)
    assert not SharedNamespace.objects.filter(cluster__name="eu-one").exists()
    assert left() == {"ConfigMap checkout-try-notes", "ConfigMap checkout-try-notes-files"}

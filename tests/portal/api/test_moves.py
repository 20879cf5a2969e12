"""Moves, isolation and drains over the API; the client holds every answer against the document."""

from __future__ import annotations

from typing import Any

import pytest

from idp.kernel import clock
from provisioning.models import Cluster, Environment, FormerPlace, Run, Stage, Step
from tests.portal.api.conftest import Caller
from tests.provisioning.organisation import Clock, carry_out, create, sandbox

pytestmark = pytest.mark.django_db
EU = {"region": "eu"}
MOVE = {"kind": "move", "system": "checkout", "environment": "try", "cluster": "eu-two"}


@pytest.fixture
def running(organisation: Any, api: Caller) -> None:
    """``checkout/try`` on the sandbox; eu-two is as good for its stage."""
    assert carry_out(Run.objects.get(change=create(organisation))).state == "succeeded"
    made = api("admin").post("clusters/", {"name": "eu-two", "title": "Two", "driver": "sandbox", "labels": EU})
    assert made.status_code == 201
    Cluster.objects.update(labels=EU)
    Stage.objects.filter(name="dev").update(cluster_labels=EU)


def test_a_move_says_what_is_lost_and_wants_the_name(running: None, api: Caller) -> None:
    developer = api("developer")
    planned = developer.post("plans/", MOVE).json()
    assert planned["plan"]["move"]["lost"] == [{"resource": "db", "storage_gib": 5.0}]
    assert planned["plan"]["move"]["to"]["cluster"] == "eu-two"
    refused = developer.post("changes/", MOVE)
    assert refused.status_code == 422
    assert {one["path"] for one in refused.json()["errors"]} == {"confirm", "reason"}
    asked = developer.post("changes/", {**MOVE, "confirm": "try", "reason": "The old one goes."})
    assert (asked.status_code, asked.json()["kind"]) == (202, "move")
    run = Run.objects.get(change=asked.json()["id"])
    assert carry_out(run, Clock(clock.now())).state == "succeeded"
    read = developer.get("environments/checkout/try/").json()
    assert (read["cluster"], read["isolation"], read["state"]) == ("eu-two", "namespace", "ready")


def test_a_stage_says_how_far_its_environments_are_kept_apart(organisation: Any, api: Caller) -> None:
    admin = api("admin")
    read = admin.get("stages/dev/")
    edit = {key: read.json()[key] for key in ("title", "order", "cluster", "promotes_from")}
    changed = admin.put("stages/dev/", {**edit, "isolation": "shared"}, If_Match=read["ETag"])
    assert changed.json()["isolation"] == "shared"
    back = admin.post("stages/dev/take-back/")
    assert (back.status_code, back.json()["isolation"]) == (200, "namespace")
    assert admin.post("stages/dev/take-back/").json()["isolation"] == "shared"
    kept = admin.put("stages/dev/", edit, If_Match=admin.get("stages/dev/")["ETag"])
    assert kept.json()["isolation"] == "shared"
    refused = admin.put("stages/dev/", {**edit, "isolation": "dedicated"}, If_Match=kept["ETag"])
    assert [one["path"] for one in refused.json()["errors"]] == ["isolation"]


def test_a_drain_is_begun_read_and_steered(running: None, api: Caller) -> None:
    admin = api("admin")
    assert admin.post("clusters/sandbox/drain/", {"at_once": 2}).status_code == 409
    admin.post("clusters/sandbox/cordon/", {"reason": "Old."})
    begun = admin.post("clusters/sandbox/drain/", {"at_once": 2, "reason": "It goes."})
    assert (begun.status_code, begun.json()["counts"]) == (201, {"held": 1})
    item = api("viewer").get("clusters/sandbox/drain/").json()["items"][0]
    assert (item["environment"], item["state"], item["change"]) == ("try", "held", None)
    assert api("stranger").get("clusters/sandbox/drain/").json()["counts"] == {"held": 1}
    assert Environment.objects.get(name="try").cluster.name == "sandbox"
    over = admin.get("clusters/sandbox/drain/")
    assert over["ETag"] == begun["ETag"] == f'"{over.json()["version"]}"'
    assert admin.patch("clusters/sandbox/drain/", {"act": "resume"}, If_Match=over["ETag"]).status_code == 404


def test_nobody_steers_a_drain_that_went_on_meanwhile(running: None, api: Caller) -> None:
    admin = api("admin")
    Stage.objects.filter(name="dev").update(cluster_labels={"region": "nowhere"})
    admin.post("clusters/sandbox/cordon/", {"reason": "Old."})
    Environment.objects.update(storage_gib=0)
    begun = admin.post("clusters/sandbox/drain/", {"at_once": 2})
    assert (begun.json()["state"], begun.json()["counts"]) == ("running", {"failed": 1})
    assert admin.patch("clusters/sandbox/drain/", {"act": "pause"}).status_code == 428
    paused = admin.patch("clusters/sandbox/drain/", {"act": "pause"}, If_Match=begun["ETag"])
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    assert admin.patch("clusters/sandbox/drain/", {"act": "end"}, If_Match=begun["ETag"]).status_code == 412
    ended = admin.patch("clusters/sandbox/drain/", {"act": "end"}, If_Match=paused["ETag"])
    assert (ended.status_code, ended.json()["state"]) == (200, "ended")


def test_a_cluster_that_never_answers_again_is_let_go_of(running: None, api: Caller, settings: Any) -> None:
    asked = api("developer").post("changes/", {**MOVE, "confirm": "try", "reason": "The old one goes."})
    run = Run.objects.get(change=asked.json()["id"])
    sandbox().tell("*", "unavailable")
    time = Clock(clock.now())
    with pytest.raises(AssertionError, match="still running"):
        carry_out(run, time, rounds=20)
    body = {"confirm": "try", "reason": "It is gone for good."}
    assert api("developer").post("environments/checkout/try/let-go/", body).status_code == 403
    early = api("admin").post("environments/checkout/try/let-go/", body)
    assert (early.status_code, early.json()["code"]) == (409, "too-early")
    settings.LET_GO_AFTER_MINUTES = 0
    Step.objects.filter(kind="leave-resource").update(started_at=FormerPlace.objects.get().since)
    told = api("admin").post("environments/checkout/try/let-go/", body).json()
    assert (told["cluster"], told["resumed"]) == ("sandbox", None)
    listed = api("admin").get("orphans/?cluster=sandbox").json()["items"]
    assert {one["reason"] for one in listed} == {"left-behind"}
    assert len(listed) == told["left"]

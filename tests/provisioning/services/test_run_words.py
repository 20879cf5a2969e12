"""What a run says while it waits and when it fails, and when it looks again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp.kernel import clock
from provisioning.domain.driver import Described, Observed, TemporaryError
from provisioning.drivers.sandbox import SandboxDriver
from provisioning.models import Cluster, ClusterWatch, Resource, Run, RunEvent, Step
from provisioning.orchestrator import advance
from provisioning.orchestrator.waiting import LOOK_UNASKED
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox

pytestmark = pytest.mark.django_db

IMAGE = "registry.example/checkout-api:1.8.3"
GONE = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{IMAGE}"'}


def pod_without_image(*_: Any) -> Described:
    """What a cluster says of a Deployment that still counts on becoming ready."""
    status = {"containerStatuses": [{"name": "app", "image": IMAGE, "ready": False, "state": {"waiting": GONE}}]}
    return Described({"metadata": {"name": "api"}}, ({"metadata": {"name": "api-1"}, "status": status},))


@pytest.fixture
def run(organisation: Organisation, settings: Any) -> Run:
    """``api`` never becomes ready and never fails by itself."""
    equip(organisation)
    found = Run.objects.get(change=create(organisation))
    sandbox().tell("*/Deployment/api", "stall")
    return found


def look(run: Run, times: int, ticking: Clock) -> Step:
    """Let time go on until ``api`` was looked at so often more."""
    before = Step.objects.get(run=run, key="resource:api").attempt
    for _ in range(60):
        advance(run.pk, now=ticking)
        step = Step.objects.get(run=run, key="resource:api")
        if step.attempt >= before + times or step.state == "failed":
            return step
        ticking.forward(5)
    raise AssertionError(f"looked at {step.attempt - before} times")


def test_it_says_why_it_waits_within_three_looks(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SandboxDriver, "describe", pod_without_image)
    step = look(run, 3, Clock())
    assert step.state == "waiting"
    assert f"{IMAGE} cannot be pulled: not found" in step.message
    assert step.progress["why"]["code"] == "image-not-found"
    assert "cannot be pulled" in Resource.objects.get(name="api").message
    assert RunEvent.objects.filter(run=run, text__contains="cannot be pulled").count() == 1


def test_it_keeps_waiting_and_forgets_what_was_mended(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ticking = Clock()
    monkeypatch.setattr(SandboxDriver, "describe", pod_without_image)
    look(run, 3, ticking)
    monkeypatch.undo()
    sandbox().forget("*/Deployment/api")
    assert carry_out(run, ticking).state == "succeeded"
    assert Resource.objects.get(name="api").message == ""


def test_it_fails_under_the_code_of_what_it_was_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ticking = Clock()
    monkeypatch.setattr(SandboxDriver, "describe", pod_without_image)
    look(run, 3, ticking)
    ticking.forward(3600)
    step = look(run, 1, ticking)
    assert step.state == "failed"
    assert step.error["code"] == "image-not-found"
    assert "build has pushed it" in step.error["remedy"]


def test_it_fails_with_the_reasons_of_the_cluster(organisation: Organisation) -> None:
    equip(organisation)
    found = Run.objects.get(change=create(organisation, api={"image": "registry.example/checkout-api:missing"}))
    assert carry_out(found).state == "failed"
    assert found.error["code"] == "image-not-found"
    assert "registry.example/checkout-api:missing cannot be pulled: not found" in found.error["message"]
    assert found.error["remedy"].startswith("Check that the build has pushed it")


def test_it_goes_by_what_it_sees_where_the_cluster_does_not_explain(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Described:
        raise TemporaryError("unreachable", "The cluster cannot be reached.")

    monkeypatch.setattr(SandboxDriver, "describe", away)
    equip(organisation)
    found = Run.objects.get(change=create(organisation, api={"image": "registry.example/checkout-api:missing"}))
    assert carry_out(found).state == "failed"
    assert found.error["code"] == "image-not-found"


@pytest.mark.parametrize(("watched", "most"), [(True, LOOK_UNASKED), (False, 10.0)], ids=["watched", "alone"])
def test_it_needs_no_polling_where_a_controller_watches(run: Run, watched: bool, most: float) -> None:
    if watched:
        ClusterWatch.objects.create(
            cluster=Cluster.objects.get(), owner="test", lease_until=clock.now() + timedelta(days=1), synced_at=NOW
        )
    ticking = Clock()
    step = look(run, 12, ticking)
    assert step.due_at is not None
    delay = (step.due_at - ticking.at).total_seconds()
    assert delay == pytest.approx(LOOK_UNASKED if watched else most, abs=7 if not watched else 0.5)
    assert (delay > 10) is watched


def test_it_looks_again_soon_while_something_moves(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ClusterWatch.objects.create(
        cluster=Cluster.objects.get(), owner="test", lease_until=clock.now() + timedelta(days=1), synced_at=NOW
    )
    usual, moved = SandboxDriver.observe, iter(range(10_000))

    def observe(self: SandboxDriver, refs: Any) -> list[Observed]:
        found = usual(self, refs)
        for one in found:
            if one.manifest is not None:
                one.manifest["metadata"]["resourceVersion"] = str(next(moved))  # type: ignore[index]
        return found

    monkeypatch.setattr(SandboxDriver, "observe", observe)
    ticking = Clock()
    step = look(run, 8, ticking)
    assert step.due_at is not None
    assert (step.due_at - ticking.at).total_seconds() < 5

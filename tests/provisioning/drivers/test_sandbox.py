"""What only the sandbox does: time that passes, and misbehaving when told to."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from provisioning.domain.driver import DriverError, ObjectRef, PermanentError, Scope, TemporaryError, VersionExpired
from provisioning.domain.readiness import Readiness, readiness
from provisioning.drivers import open_driver
from provisioning.drivers.sandbox import SandboxDriver
from tests.provisioning.drivers import manifests as made

SCOPE = Scope("shop", "dev")
SPACE = "shop-dev"


class Sandbox:
    """A driver on a clock that stands until it is told to move."""

    def __init__(self, path: Path) -> None:
        self.now = 1_800_000_000.0
        self.path = path
        self.driver = SandboxDriver(path, ready_after=10, clock=lambda: self.now)
        self.apply(made.namespace_object(SPACE, SCOPE))

    def apply(self, *objects: dict[str, Any]) -> None:
        self.driver.apply(objects, SCOPE)

    def status(self, manifest: dict[str, Any]) -> dict[str, Any]:
        live = self.driver.observe([ObjectRef.of(manifest)])[0].manifest
        assert live is not None
        return dict(live["status"])

    def ready(self, manifest: dict[str, Any]) -> Readiness:
        return readiness(self.driver.observe([ObjectRef.of(manifest)])[0].manifest)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "var" / "sandbox.sqlite3")


@pytest.fixture
def api() -> dict[str, Any]:
    return made.deployment(SPACE, SCOPE)


@pytest.mark.parametrize(
    ("elapsed", "state", "message"),
    [
        (0, "in-progress", "0 of 2 replicas ready."),
        (6, "in-progress", "1 of 2 replicas ready."),
        (10, "current", "2 of 2 replicas ready."),
        (9999, "current", "2 of 2 replicas ready."),
    ],
    ids=["at once", "half way", "in time", "much later"],
)
def test_it_becomes_ready_over_time(
    sandbox: Sandbox, api: dict[str, Any], elapsed: float, state: str, message: str
) -> None:
    sandbox.apply(api)
    sandbox.now += elapsed
    told = sandbox.ready(api)
    assert (told.state, told.message) == (state, message)


def test_it_keeps_serving_while_it_rolls_over(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.now += 10
    api["spec"]["template"]["spec"]["containers"][0]["image"] += "-next"
    sandbox.apply(api)
    assert sandbox.ready(api).message == "0 of 2 replicas updated."
    assert sandbox.status(api)["readyReplicas"] == 2
    sandbox.now += 10
    assert sandbox.ready(api).is_ready


def test_it_counts_generations_by_spec_only(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.now += 10
    api["metadata"]["labels"]["slipway.dev/revision"] = "2"
    sandbox.apply(api)
    assert sandbox.ready(api).is_ready
    assert sandbox.status(api)["observedGeneration"] == 1
    api["spec"]["replicas"] = 3
    sandbox.apply(api)
    assert sandbox.status(api)["observedGeneration"] == 2


def test_it_gives_addresses(sandbox: Sandbox) -> None:
    api, shop = made.service(SPACE, SCOPE), made.ingress(SPACE, SCOPE)
    sandbox.apply(api, shop)
    assert "ingress" not in sandbox.status(shop)["loadBalancer"]
    sandbox.now += 5
    assert sandbox.status(shop)["loadBalancer"]["ingress"][0]["ip"].startswith("192.0.2.")
    live = sandbox.driver.observe([ObjectRef.of(api)])[0].manifest
    assert live is not None
    assert live["spec"]["clusterIP"].startswith("10.96.")


@pytest.mark.parametrize(("tag", "reason"), [("missing", "image-not-found"), ("crash", "crash-loop")])
@pytest.mark.parametrize("make", [made.deployment, made.stateful_set], ids=["Deployment", "StatefulSet"])
def test_it_fails_for_a_telling_tag(sandbox: Sandbox, make: Any, tag: str, reason: str) -> None:
    workload = make(SPACE, SCOPE)
    workload["spec"]["template"]["spec"]["containers"][0]["image"] = f"registry.example.com:5000/shop/api:{tag}"
    sandbox.apply(workload)
    assert sandbox.ready(workload).state == "in-progress"
    sandbox.now += 10
    told = sandbox.ready(workload)
    assert (told.state, told.reason) == ("failed", reason)
    assert f"registry.example.com:5000/shop/api:{tag}" in told.message


def test_it_fails_when_told_and_recovers_when_that_is_forgotten(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.driver.tell("*/Deployment/api", "fail", reason="The disk is full", code="CreateContainerError")
    sandbox.apply(api)
    sandbox.now += 10
    told = sandbox.ready(api)
    assert (told.state, told.reason) == ("failed", "container-not-created")
    assert "The disk is full" in told.message
    sandbox.driver.forget("*/Deployment/api")
    assert sandbox.ready(api).is_ready


def test_it_stalls_when_told(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.driver.tell(f"{SPACE}/*/*", "stall")
    sandbox.apply(api)
    sandbox.now += 9999
    assert sandbox.ready(api).state == "in-progress"


@pytest.mark.parametrize(
    ("action", "code", "kind", "told"),
    [
        ("refuse", "", PermanentError, "invalid-object"),
        ("refuse", "over-cluster-quota", PermanentError, "over-cluster-quota"),
        ("forbid", "", PermanentError, "forbidden"),
        ("unavailable", "", TemporaryError, "unreachable"),
    ],
    ids=["refuse", "refuse with a code", "forbid", "unavailable"],
)
def test_it_refuses_as_often_as_told(
    sandbox: Sandbox, api: dict[str, Any], action: str, code: str, kind: type[DriverError], told: str
) -> None:
    sandbox.driver.tell("*", action, code=code, times=2)
    for _ in range(2):
        with pytest.raises(kind) as raised:
            sandbox.apply(api)
        assert raised.value.code == told
    sandbox.apply(api)


def test_it_cannot_be_reached_when_told(sandbox: Sandbox) -> None:
    sandbox.driver.tell("*", "unavailable")
    with pytest.raises(TemporaryError):
        sandbox.driver.probe()


def test_it_refuses_to_be_told_nonsense(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="not explode"):
        sandbox.driver.tell("*", "explode")


def test_it_takes_time_to_delete_and_can_be_held(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.driver.tell("*/Deployment/*", "hold")
    ref = ObjectRef.of(api)
    assert sandbox.driver.delete([ref], SCOPE)[0].finalizers == ("foregroundDeletion", "sandbox.slipway.dev/hold")
    assert sandbox.driver.observe([ref])[0].deleting
    sandbox.now += 9999
    assert not sandbox.driver.delete([ref], SCOPE)[0].gone
    with pytest.raises(TemporaryError) as raised:
        sandbox.apply(api)
    assert raised.value.code == "still-deleting"
    sandbox.driver.forget("*/Deployment/*")
    assert sandbox.driver.delete([ref], SCOPE)[0].gone


def test_it_releases_what_was_told_to_hold(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.driver.tell("*/Deployment/*", "hold")
    ref = ObjectRef.of(api)
    sandbox.driver.delete([ref], SCOPE)
    sandbox.now += 9999
    assert sandbox.driver.release(ref, SCOPE).gone
    sandbox.apply(api)
    sandbox.driver.tell("*/Deployment/*", "hold")
    sandbox.driver.delete([ref], SCOPE)
    sandbox.now += 9999
    assert not sandbox.driver.delete([ref], SCOPE)[0].gone


def test_it_keeps_a_namespace_until_it_is_empty(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.driver.tell("*/Deployment/*", "hold")
    space = ObjectRef("v1", "Namespace", "", SPACE)
    sandbox.driver.delete([space], SCOPE)
    sandbox.now += 9999
    assert not sandbox.driver.delete([space], SCOPE)[0].gone
    assert sandbox.status(made.namespace_object(SPACE, SCOPE)) == {"phase": "Terminating"}
    with pytest.raises(TemporaryError) as raised:
        sandbox.apply(made.config_map(SPACE, SCOPE))
    assert raised.value.code == "namespace-terminating"
    sandbox.driver.forget("*/Deployment/*")
    assert sandbox.driver.delete([space], SCOPE)[0].gone


def test_it_loses_what_somebody_deleted(sandbox: Sandbox, api: dict[str, Any]) -> None:
    sandbox.apply(api)
    sandbox.driver.vanish(ObjectRef.of(api))
    assert not sandbox.driver.observe([ObjectRef.of(api)])[0].exists
    with pytest.raises(PermanentError) as raised:
        sandbox.driver.edit(ObjectRef.of(api), {"spec": {"replicas": 1}})
    assert raised.value.code == "not-found"


def test_it_keeps_no_secret_in_its_file(sandbox: Sandbox) -> None:
    sandbox.apply(made.secret(SPACE, SCOPE, token="hunter2-hunter2"), made.generated_secret(SPACE, SCOPE))
    written = b"".join(path.read_bytes() for path in sandbox.path.parent.iterdir())
    assert b"given" in written
    assert b"hunter2" not in written


def test_it_keeps_its_file_to_itself(sandbox: Sandbox) -> None:
    assert stat.S_IMODE(sandbox.path.stat().st_mode) == 0o600


def test_it_starts_anew_when_its_file_was_removed(sandbox: Sandbox, api: dict[str, Any]) -> None:
    for path in list(sandbox.path.parent.iterdir()):
        path.unlink()
    sandbox.apply(made.namespace_object(SPACE, SCOPE), api)
    assert len(sandbox.driver.list_managed(SCOPE, SPACE)) == 2


def test_it_says_that_its_file_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(TemporaryError) as raised:
        SandboxDriver(tmp_path).probe()
    assert raised.value.code == "sandbox-busy"


def apply_many(path: str, number: int) -> None:
    """Runs in a process of its own: one object that all write, and some of its own."""
    driver = SandboxDriver(path, ready_after=0)
    driver.apply([made.namespace_object(SPACE, SCOPE)], SCOPE)
    for turn in range(20):
        own = made.config_map(SPACE, SCOPE, f"own-{number}-{turn}")
        shared = made.config_map(SPACE, SCOPE, "shared", turn=str(turn), by=str(number))
        driver.apply([own, shared], SCOPE)


def test_it_is_safe_in_many_processes(tmp_path: Path) -> None:
    path = str(tmp_path / "sandbox.sqlite3")
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=apply_many, args=(path, number)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * 4
    driver = open_driver("sandbox", {"path": path, "ready_after": 0})
    assert len(driver.list_managed(SCOPE, SPACE)) == 1 + 1 + 4 * 20
    shared = driver.observe([ObjectRef("v1", "ConfigMap", SPACE, "shared")])[0].manifest
    assert shared is not None
    assert int(shared["metadata"]["generation"]) > 20


@pytest.mark.parametrize(
    ("kind", "given", "code", "words"),
    [
        ("teapot", {}, "unknown-driver", "kubernetes, sandbox"),
        ("sandbox", {}, "bad-settings", "path"),
        ("kubernetes", {}, "bad-settings", "kubeconfig"),
    ],
    ids=["unknown", "sandbox without path", "kubernetes without kubeconfig"],
)
def test_it_opens_only_what_there_is(kind: str, given: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(PermanentError) as raised:
        open_driver(kind, given)
    assert raised.value.code == code
    assert words in raised.value.message


def test_it_makes_a_watch_list_again_when_too_much_was_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioning.drivers.sandbox.store.KEPT_REMOVALS", 3)
    driver = SandboxDriver(tmp_path / "sandbox.sqlite3", ready_after=0)
    scope = Scope("shop", "dev")
    driver.apply([made.namespace_object("shop-dev", scope)], scope)
    start = driver.list_feed("everything").version
    for number in range(5):
        settings = made.config_map("shop-dev", scope, name=f"settings-{number}")
        driver.apply([settings], scope)
        driver.vanish(ObjectRef.of(settings))
    with pytest.raises(VersionExpired):
        list(driver.watch("everything", start, seconds=5))


def test_it_opens_a_file_of_the_version_before(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.sqlite3"
    SandboxDriver(path).probe()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE removals; DROP INDEX objects_by_version; DROP INDEX objects_by_change; PRAGMA user_version=1"
        )
    assert SandboxDriver(path).list_feed("everything").objects == ()

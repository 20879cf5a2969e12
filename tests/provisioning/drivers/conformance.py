"""What every driver promises, as tests. Each driver's test module inherits ``DriverConformance`` and gives a
``world``.

The promises are those of ``provisioning.domain.driver.Driver``; nothing here knows which driver it is.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from provisioning.domain.driver import (
    FIELD_MANAGER,
    LABEL_REVISION,
    Driver,
    Manifest,
    ObjectRef,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.explanation import Explanation, explain
from provisioning.domain.readiness import Readiness, readiness
from provisioning.domain.secret_slot import missing_keys, slot_keys
from tests.provisioning.drivers import manifests as made

PATIENCE = 30.0
"""Seconds that something may take on a real cluster; the sandbox answers at once."""
LONGEST = 120.0
"""Seconds after which what controllers do is taken for lost: they share the machine with the rest of the suite."""

Edit = Callable[[ObjectRef, Mapping[str, Any], str], None]


@dataclass
class World:
    """A driver, an empty namespace that it made, and somebody else who edits objects on the same cluster.

    ``edit(ref, partial manifest, manager)`` writes without asking who owns what.
    """

    driver: Driver
    scope: Scope
    namespace: str
    edit: Edit

    def apply(self, *objects: Manifest, force: bool = False) -> list[str]:
        """The outcomes."""
        return [applied.outcome for applied in self.driver.apply(objects, self.scope, force=force)]

    def live(self, manifest: Manifest) -> Manifest | None:
        return self.driver.observe([ObjectRef.of(manifest)])[0].manifest

    def settled(self, manifest: Manifest, wanted: Callable[[Readiness], bool]) -> Readiness:
        return eventually(lambda: readiness(self.live(manifest)), wanted)


def eventually(look: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """What ``look`` gave when it was as wanted; fails the test with the last answer when it never was."""
    limit = time.monotonic() + LONGEST
    while not wanted(seen := look()):
        assert time.monotonic() < limit, f"still {seen} after {LONGEST} s"
        time.sleep(0.1)
    return seen


def new_world(driver: Driver, edit: Edit) -> World:
    """A world with a namespace of its own, so that tests do not see each other's objects."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    world = World(driver, Scope("shop", name.removeprefix("shop-")), name, edit)
    driver.apply([made.namespace_object(name, world.scope)], world.scope)
    return world


EVERY_KIND = (
    made.config_map,
    made.deployment,
    made.stateful_set,
    made.service,
    made.ingress,
    made.role_binding,
    made.autoscaler,
    made.disruption_budget,
    made.generated_secret,
)


class DriverConformance:
    """Inherit it and give the fixture ``world``."""

    def test_it_probes(self, world: World) -> None:
        told = world.driver.probe()
        assert told.version
        assert "apps" in told.api_groups

    def test_it_applies_in_order_and_twice_is_once(self, world: World) -> None:
        objects = [make(world.namespace, world.scope) for make in EVERY_KIND]
        first = world.driver.apply(objects, world.scope)
        assert [applied.ref for applied in first] == [ObjectRef.of(one) for one in objects]
        assert {applied.outcome for applied in first} == {"created"}
        # The controllers write statuses meanwhile, which changes nothing of ours.
        assert all(world.settled(one, lambda told: told.is_ready) for one in objects)
        again = world.driver.apply(objects, world.scope)
        assert [(one.outcome, one.uid) for one in again] == [("unchanged", one.uid) for one in first]

    def test_it_says_what_it_changed(self, world: World) -> None:
        world.apply(made.deployment(world.namespace, world.scope))
        changed = made.deployment(world.namespace, world.scope, replicas=3)
        assert world.apply(changed) == ["configured"]
        live = world.live(changed)
        assert live is not None
        assert live["spec"]["replicas"] == 3

    def test_it_answers_each_reference_in_order(self, world: World) -> None:
        settings, api = made.config_map(world.namespace, world.scope), made.service(world.namespace, world.scope)
        world.apply(settings)
        answers = world.driver.observe([ObjectRef.of(api), ObjectRef.of(settings)])
        assert [(one.ref.kind, one.exists) for one in answers] == [("Service", False), ("ConfigMap", True)]
        assert answers[1].uid
        assert not answers[1].deleting
        assert answers[0].uid == ""
        assert answers[1].manifest is not None
        assert (answers[1].manifest["apiVersion"], answers[1].manifest["kind"]) == ("v1", "ConfigMap")

    def test_it_removes_what_the_manifest_no_longer_has(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        del api["spec"]["template"]["spec"]["containers"][0]["env"][0]
        assert world.apply(api) == ["configured"]
        live = world.live(api)
        assert live is not None
        assert [one["name"] for one in live["spec"]["template"]["spec"]["containers"][0]["env"]] == ["LEVEL"]

    def test_it_leaves_the_fields_of_others(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        world.apply(settings)
        world.edit(ObjectRef.of(settings), {"metadata": {"annotations": {"example.com/note": "kept"}}}, "notes")
        settings["data"] = {"mode": "slow"}
        world.apply(settings)
        live = world.live(settings)
        assert live is not None
        assert live["metadata"]["annotations"] == {"example.com/note": "kept"}
        assert live["data"] == {"mode": "slow"}

    def test_it_reports_a_conflict_with_its_owner_and_takes_over_when_forced(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        world.edit(ObjectRef.of(api), {"spec": {"replicas": 7}}, "kubectl-edit")
        with pytest.raises(PermanentError) as raised:
            world.apply(api)
        assert raised.value.code == "field-conflict"
        assert "kubectl-edit" in raised.value.message
        assert "spec.replicas" in raised.value.message
        assert world.apply(api, force=True) == ["configured"]
        assert world.apply(api) == ["unchanged"]
        live = world.live(api)
        assert live is not None
        assert live["spec"]["replicas"] == 2

    def test_it_lets_go_of_nothing_when_what_somebody_wrote_was_agreed_since(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        container = {"name": "app", "image": "registry.example/other:9"}
        world.edit(ObjectRef.of(api), {"spec": {"replicas": 7}}, "kubectl-edit")
        world.edit(ObjectRef.of(api), {"spec": {"template": {"spec": {"containers": [container]}}}}, "kubectl-set")
        adopted = made.deployment(world.namespace, world.scope, replicas=7)
        adopted["spec"]["template"]["spec"]["containers"][0]["image"] = container["image"]
        world.apply(adopted)
        assert world.apply(made.deployment(world.namespace, world.scope, replicas=3)) == ["configured"]
        live = world.live(api)
        assert live is not None
        assert live["spec"]["replicas"] == 3
        world.edit(ObjectRef.of(api), {"spec": {"replicas": 8}}, "kubectl-edit")
        with pytest.raises(PermanentError, match=r"kubectl-edit owns spec\.replicas"):
            world.apply(api)

    def test_it_shares_a_field_on_which_all_agree(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        world.apply(settings)
        world.edit(ObjectRef.of(settings), {"data": {"mode": "fast"}}, "kubectl-edit")
        world.apply(settings)

    def test_it_names_the_managers_of_fields(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        world.apply(settings)
        world.edit(ObjectRef.of(settings), {"data": {"extra": "1"}}, "kubectl-edit")
        live = world.live(settings)
        assert live is not None
        owned = {entry["manager"]: entry["fieldsV1"] for entry in live["metadata"]["managedFields"]}
        assert "f:mode" in owned[FIELD_MANAGER]["f:data"]
        assert "f:extra" in owned["kubectl-edit"]["f:data"]

    def test_it_never_touches_what_is_not_ours(self, world: World) -> None:
        stranger = Scope("other", world.scope.environment)
        theirs = made.config_map(world.namespace, stranger, mode="theirs")
        world.driver.apply([theirs], stranger)
        ours = made.config_map(world.namespace, world.scope, mode="ours")
        for attempt in (
            lambda: world.apply(ours),
            lambda: world.apply(ours, force=True),
            lambda: world.driver.dry_run([ours], world.scope),
            lambda: world.driver.delete([ObjectRef.of(ours)], world.scope),
        ):
            with pytest.raises(PermanentError) as raised:
                attempt()
            assert raised.value.code == "not-ours"
            assert raised.value.remedy
        live = world.live(theirs)
        assert live is not None
        assert live["data"] == {"mode": "theirs"}

    def test_it_deletes_nothing_when_one_of_them_is_not_ours(self, world: World) -> None:
        stranger = Scope("other", world.scope.environment)
        theirs, ours = made.config_map(world.namespace, stranger, "theirs"), made.service(world.namespace, world.scope)
        world.driver.apply([theirs], stranger)
        world.apply(ours)
        with pytest.raises(PermanentError):
            world.driver.delete([ObjectRef.of(ours), ObjectRef.of(theirs)], world.scope)
        assert world.live(ours) is not None

    def test_it_does_not_adopt_a_secret_of_somebody_else(self, world: World) -> None:
        stranger = Scope("other", world.scope.environment)
        world.driver.apply([made.generated_secret(world.namespace, stranger)], stranger)
        with pytest.raises(PermanentError) as raised:
            world.apply(made.generated_secret(world.namespace, world.scope))
        assert raised.value.code == "not-ours"

    def test_it_deletes_and_missing_is_gone(self, world: World) -> None:
        api, settings = made.deployment(world.namespace, world.scope), made.config_map(world.namespace, world.scope)
        world.apply(api, settings)
        refs = [ObjectRef.of(api), ObjectRef.of(settings)]
        asked = world.driver.delete(refs, world.scope)
        assert all(one.gone or one.finalizers for one in asked), asked
        eventually(lambda: world.driver.delete(refs, world.scope), lambda told: all(one.gone for one in told))
        assert [one.exists for one in world.driver.observe(refs)] == [False, False]
        assert [one.gone for one in world.driver.delete(refs, world.scope)] == [True, True]

    def test_it_releases_only_what_is_ours_and_on_its_way_out(self, world: World) -> None:
        ours, missing = made.config_map(world.namespace, world.scope), made.service(world.namespace, world.scope)
        world.apply(ours)
        assert world.driver.release(ObjectRef.of(missing), world.scope).gone
        refused = {
            "not-deleting": (ObjectRef.of(ours), world.scope),
            "not-ours": (ObjectRef.of(ours), Scope("other", world.scope.environment)),
            "not-releasable": (ObjectRef("v1", "Namespace", "", world.namespace), world.scope),
        }
        for code, (ref, scope) in refused.items():
            with pytest.raises(PermanentError) as raised:
                world.driver.release(ref, scope)
            assert raised.value.code == code
        assert world.live(ours) is not None

    def test_it_deletes_a_namespace_with_all_that_is_in_it(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api, made.generated_secret(world.namespace, world.scope))
        ref = ObjectRef("v1", "Namespace", "", world.namespace)
        eventually(lambda: world.driver.delete([ref], world.scope)[0], lambda told: told.gone)
        assert world.live(api) is None
        assert world.driver.list_managed(world.scope, world.namespace) == []

    def test_it_makes_anew_what_was_deleted(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        first = world.driver.apply([settings], world.scope)[0]
        ref = ObjectRef.of(settings)
        eventually(lambda: world.driver.delete([ref], world.scope)[0], lambda told: told.gone)
        again = world.driver.apply([settings], world.scope)[0]
        assert again.outcome == "created"
        assert again.uid != first.uid

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("spec", "replica"), 2),
            (("spec", "replicas"), "2"),
            (("spec", "replicas"), -1),
            (("spec", "template", "metadata", "labels"), {"another": "label"}),
            (("metadata", "labels", "bad"), "a value with spaces"),
            (("spec", "template", "spec", "containers"), []),
        ],
        ids=["unknown field", "wrong type", "negative", "selector misses", "bad label", "no containers"],
    )
    def test_it_refuses_an_invalid_object(self, world: World, path: tuple[str, ...], value: Any) -> None:
        api = made.deployment(world.namespace, world.scope)
        here: Any = api
        for step in path[:-1]:
            here = here[step]
        here[path[-1]] = value
        for attempt in (lambda: world.apply(api), lambda: world.driver.dry_run([api], world.scope)):
            with pytest.raises(PermanentError) as raised:
                attempt()
            assert raised.value.code == "invalid-object"
            assert "api" in raised.value.message
        assert world.live(api) is None

    def test_it_refuses_to_change_what_cannot_change(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope)
        world.apply(api)
        labels = {"app.kubernetes.io/name": "another"}
        api["spec"]["selector"] = {"matchLabels": labels}
        api["spec"]["template"]["metadata"]["labels"] = labels
        with pytest.raises(PermanentError) as raised:
            world.apply(api)
        assert raised.value.code == "invalid-object"
        assert "spec.selector" in raised.value.message

    def test_it_refuses_an_object_without_our_labels(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        settings["metadata"]["labels"] = {}
        with pytest.raises(PermanentError) as raised:
            world.apply(settings)
        assert raised.value.code == "invalid-object"
        assert world.live(settings) is None

    def test_it_says_that_the_namespace_is_missing(self, world: World) -> None:
        with pytest.raises(PermanentError) as raised:
            world.apply(made.config_map("nowhere-at-all", world.scope))
        assert raised.value.code == "namespace-missing"
        assert "nowhere-at-all" in raised.value.message

    def test_it_waits_for_a_namespace_that_is_going_away(self, world: World) -> None:
        settings = made.config_map(world.namespace, world.scope)
        world.apply(settings, made.deployment(world.namespace, world.scope))
        world.driver.delete([ObjectRef("v1", "Namespace", "", world.namespace)], world.scope)

        def attempt() -> str:
            try:
                world.apply(made.namespace_object(world.namespace, world.scope))
            except TemporaryError as error:
                return f"try again in {error.delay} s"
            return "made anew"

        assert eventually(attempt, lambda told: told == "made anew")

    def test_it_previews_without_changing_anything(self, world: World) -> None:
        api, settings = made.deployment(world.namespace, world.scope), made.config_map(world.namespace, world.scope)
        world.apply(api)
        before = world.live(api)
        api["spec"]["replicas"] = 5
        changed, fresh = world.driver.dry_run([api, settings], world.scope)
        assert changed.before is not None
        assert (changed.before["spec"]["replicas"], changed.after["spec"]["replicas"]) == (2, 5)
        assert fresh.before is None
        assert fresh.after["data"] == {"mode": "fast"}
        assert world.live(settings) is None
        live = world.live(api)
        assert live is not None
        assert before is not None
        assert live["spec"] == before["spec"]

    def test_it_previews_nothing_for_what_stays(self, world: World) -> None:
        objects = [make(world.namespace, world.scope) for make in EVERY_KIND]
        world.apply(*objects)
        for one in objects:
            one["metadata"]["labels"][LABEL_REVISION] = "2"
        for preview in world.driver.dry_run(objects, world.scope):
            assert preview.before == preview.after
            assert not {"status"} & preview.after.keys()
            assert not {"uid", "resourceVersion", "managedFields"} & preview.after["metadata"].keys()

    def test_it_previews_an_environment_that_is_not_there_yet(self, world: World) -> None:
        scope = Scope("shop", f"new-{world.scope.environment}")
        name = f"shop-{scope.environment}"
        objects = [made.namespace_object(name, scope), *(make(name, scope) for make in EVERY_KIND)]
        previews = world.driver.dry_run(objects, scope)
        assert [preview.ref for preview in previews] == [ObjectRef.of(one) for one in objects]
        assert all(preview.before is None for preview in previews)
        assert world.driver.list_managed(scope, name) == []
        objects[2]["spec"]["replica"] = 1
        with pytest.raises(PermanentError) as raised:
            world.driver.dry_run(objects, scope)
        assert raised.value.code == "invalid-object"

    def test_it_fills_a_slot_and_never_shows_nor_overwrites_a_value(self, world: World) -> None:
        slot = made.slot(world.namespace, world.scope)
        ref = ObjectRef.of(slot)
        assert world.apply(slot) == ["created"]
        assert missing_keys(world.live(slot) or {}) == ("API_KEY", "TOKEN")
        assert readiness(world.live(slot)).reason == "waiting-for-people"
        world.driver.fill(ref, {"API_KEY": "value-of-api-key"}, world.scope)
        assert missing_keys(world.live(slot) or {}) == ("TOKEN",)
        answer = world.driver.fill(ref, {"TOKEN": "value-of-token", "EXTRA": "value-of-extra"}, world.scope)
        keys = {one.name: (one.filled, one.filled_by) for one in slot_keys(slot, answer)}
        assert keys == dict.fromkeys(("API_KEY", "TOKEN", "EXTRA"), (True, "slipway-secrets"))
        assert readiness(world.live(slot)).is_ready
        wider = made.slot(world.namespace, world.scope, wants="API_KEY,TOKEN,THIRD")
        assert world.apply(slot) == ["unchanged"]
        assert world.apply(wider) == ["configured"]
        assert missing_keys(world.live(slot) or {}) == ("THIRD",)
        assert "value-of" not in repr((answer, world.live(slot), world.driver.dry_run([wider], world.scope)))

    def test_it_fills_again(self, world: World) -> None:
        slot = made.slot(world.namespace, world.scope, wants="API_KEY")
        world.apply(slot)
        for value in ("first", "second", "second"):
            world.driver.fill(ObjectRef.of(slot), {"API_KEY": value}, world.scope)
            assert missing_keys(world.live(slot) or {}) == ()

    def test_it_fills_nothing_but_slots_of_its_own(self, world: World) -> None:
        plain, slot = made.secret(world.namespace, world.scope), made.slot(world.namespace, world.scope)
        world.apply(plain)
        stranger = Scope("somebody", "else")
        for ref, scope, code in (
            (ObjectRef.of(plain), world.scope, "not-a-slot"),
            (ObjectRef.of(slot), world.scope, "not-found"),
            (ObjectRef.of(plain), stranger, "not-ours"),
        ):
            with pytest.raises(PermanentError) as caught:
                world.driver.fill(ref, {"API_KEY": "hunter2-hunter2"}, scope)
            assert caught.value.code == code
            assert "hunter2" not in repr((caught.value.message, caught.value.raw, caught.value.remedy))

    def test_it_makes_a_generated_secret_once_and_shows_no_data(self, world: World) -> None:
        credentials = made.generated_secret(world.namespace, world.scope)
        shown = [world.driver.dry_run([credentials], world.scope)]
        assert world.apply(credentials) == ["created"]
        assert world.apply(credentials) == ["unchanged"]
        credentials["stringData"]["username"] = "another-owner"
        assert world.apply(credentials, force=True) == ["unchanged"]
        live = world.live(credentials)
        assert live is not None
        assert "data" not in live
        assert "stringData" not in live
        shown.append(world.driver.dry_run([credentials], world.scope))
        assert "shop-owner-name" not in f"{live} {shown}"

    def test_it_shows_no_value_of_a_given_secret(self, world: World) -> None:
        given = made.secret(world.namespace, world.scope, token="hunter2-hunter2")
        shown = [str(world.driver.dry_run([given], world.scope)), str(world.driver.apply([given], world.scope))]
        assert world.apply(given) == ["unchanged"]
        shown += [str(world.live(given)), str(world.driver.dry_run([given], world.scope))]
        given["stringData"]["token"] = "swordfish-swordfish"
        assert world.apply(given) == ["configured"]
        given["stringData"]["token"] = 1234567890
        with pytest.raises(PermanentError) as raised:
            world.apply(given)
        shown += [raised.value.message, raised.value.raw]
        for value in ("hunter2", "swordfish", "1234567890", "aHVudGVyMi1odW50ZXIy"):
            assert value not in " ".join(shown)

    def test_it_lists_what_is_ours_with_the_namespace(self, world: World) -> None:
        objects = [make(world.namespace, world.scope) for make in EVERY_KIND]
        world.apply(*objects)
        stranger = Scope("other", world.scope.environment)
        world.driver.apply([made.config_map(world.namespace, stranger, "theirs")], stranger)
        expected = {ObjectRef.of(one) for one in objects} | {ObjectRef("v1", "Namespace", "", world.namespace)}
        # The controllers have made pods, replica sets and claims by then, some of them with copied labels.
        assert world.settled(objects[2], lambda told: told.is_ready)
        assert set(world.driver.list_managed(world.scope, world.namespace)) == expected
        assert world.driver.list_managed(world.scope, "nowhere-at-all") == []

    def test_it_sees_a_workload_fail(self, world: World) -> None:
        api = made.deployment(world.namespace, world.scope, tag="missing")
        world.apply(api)
        failed = world.settled(api, lambda told: told.state == "failed")
        assert failed.message
        assert failed.reason

    def test_it_sees_a_workload_recover(self, world: World) -> None:
        world.apply(made.deployment(world.namespace, world.scope, tag="missing"))
        repaired = made.deployment(world.namespace, world.scope)
        world.apply(repaired)
        assert world.settled(repaired, lambda told: told.is_ready).message == "2 of 2 replicas ready."

    def test_it_is_safe_in_many_threads(self, world: World) -> None:
        objects = [made.config_map(world.namespace, world.scope), made.service(world.namespace, world.scope)]

        def attempt(_: int) -> list[str]:
            while True:
                try:
                    return [one.uid for one in world.driver.apply(objects, world.scope)]
                except TemporaryError:
                    time.sleep(0.05)

        with ThreadPoolExecutor(8) as pool:
            seen = list(pool.map(attempt, range(16)))
        assert len({tuple(uids) for uids in seen}) == 1

    def test_it_describes_what_is_wrong_with_a_workload(self, world: World) -> None:
        broken = made.deployment(world.namespace, world.scope, tag="missing")
        world.apply(broken)
        ref = ObjectRef.of(broken)
        seen = eventually(lambda: explain_now(world, ref), lambda found: found is not None)
        assert seen.code == "image-not-found"
        assert "api:missing" in seen.sentence

    def test_it_describes_what_is_not_there(self, world: World) -> None:
        assert world.driver.describe(ObjectRef("apps/v1", "Deployment", world.namespace, "nothing")).workload is None

    def test_it_has_no_log_of_what_never_ran(self, world: World) -> None:
        assert world.driver.log(world.namespace, "nothing-1", "app", ended=False, most=1000) == ""


def explain_now(world: World, ref: ObjectRef) -> Explanation | None:
    told = world.driver.describe(ref)
    assert told.workload is not None
    return explain(told.workload, told.pods, told.events)

"""What every driver promises about Secrets that are copies of another one. A driver's test module inherits
``CopyConformance`` and gives the ``world`` of ``conformance``.

What is in a copy is told by nothing but its keys: ``managedFields`` names them, and no driver shows a value.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from provisioning.domain.driver import (
    ANNOTATION_COPIED,
    ANNOTATION_COPY,
    ANNOTATION_LENDER,
    Manifest,
    ObjectRef,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.field_ownership import owners_of
from provisioning.domain.secret_copy import copied_mark, mark_of
from tests.provisioning.drivers import manifests as made
from tests.provisioning.drivers.conformance import World, eventually


def taker_of(world: World) -> World:
    """Another environment with a namespace of its own on the same cluster."""
    name = f"pay-{uuid.uuid4().hex[:8]}"
    scope = Scope("pay", name.removeprefix("pay-"))
    world.driver.apply([made.namespace_object(name, scope)], scope)
    return replace(world, scope=scope, namespace=name)


def copy_of(source: Manifest, giver: World, taker: World, name: str = "db-credentials") -> dict[str, Any]:
    copy = made.secret(taker.namespace, taker.scope, name)
    del copy["stringData"]
    copy["metadata"]["annotations"] = {
        ANNOTATION_COPY: f"{source['metadata']['namespace']}/{source['metadata']['name']}",
        ANNOTATION_LENDER: f"{giver.scope.system}/{giver.scope.environment}",
    }
    return copy


def keys_of(world: World, manifest: Manifest) -> set[str]:
    live = world.live(manifest)
    assert live is not None
    assert "data" not in live
    assert "stringData" not in live
    return {step[2:] for owner in owners_of(live) for step in owner.fields.get("f:data", {}) if step.startswith("f:")}


class CopyConformance:
    """Inherit it and give the fixture ``world``."""

    def test_it_copies_a_secret_to_another_namespace_and_shows_nothing(self, world: World) -> None:
        taker, source = taker_of(world), made.secret(world.namespace, world.scope, token="hunter2-hunter2")
        world.apply(source)
        copy = copy_of(source, world, taker)
        shown = [taker.driver.dry_run([copy], taker.scope), taker.driver.apply([copy], taker.scope)]
        assert taker.apply(copy) == ["unchanged"]
        assert keys_of(taker, copy) == {"token"}
        shown.append(taker.driver.dry_run([copy], taker.scope))
        assert shown[2][0].before == shown[2][0].after
        assert "hunter2" not in f"{shown} {taker.live(copy)}"
        live, of = taker.live(copy), world.live(source)
        assert live is not None
        assert of is not None
        assert copied_mark(live) == mark_of(of)
        assert ANNOTATION_COPIED not in copy["metadata"]["annotations"]

    def test_it_copies_anew_when_the_source_has_changed(self, world: World) -> None:
        taker, source = taker_of(world), made.slot(world.namespace, world.scope, wants="API_KEY")
        world.apply(source)
        world.driver.fill(ObjectRef.of(source), {"API_KEY": "first"}, world.scope)
        copy = copy_of(source, world, taker)
        assert taker.apply(copy) == ["created"]
        before = copied_mark(taker.live(copy) or {})
        world.driver.fill(ObjectRef.of(source), {"API_KEY": "second", "EXTRA": "more"}, world.scope)
        assert mark_of(world.live(source) or {"metadata": {}}) != before
        assert taker.apply(copy) == ["configured"]
        assert keys_of(taker, copy) == {"API_KEY", "EXTRA"}
        assert copied_mark(taker.live(copy) or {}) != before

    def test_it_copies_generated_values(self, world: World) -> None:
        taker, source = taker_of(world), made.generated_secret(world.namespace, world.scope)
        world.apply(source)
        copy = copy_of(source, world, taker)
        assert taker.apply(copy) == ["created"]
        assert keys_of(taker, copy) == {"username", "password"}

    def test_it_waits_for_a_source_that_is_not_there(self, world: World) -> None:
        taker, source = taker_of(world), made.secret(world.namespace, world.scope, token="a")
        with pytest.raises(TemporaryError) as raised:
            taker.apply(copy_of(source, world, taker))
        assert raised.value.code == "copy-source-missing"

    def test_it_copies_nothing_that_is_not_the_lenders(self, world: World) -> None:
        taker, source = taker_of(world), made.secret(world.namespace, world.scope, token="a")
        world.apply(source)
        copy = copy_of(source, taker, taker)
        with pytest.raises(PermanentError) as raised:
            taker.apply(copy)
        assert raised.value.code == "copy-source-foreign"
        assert taker.live(copy) is None

    def test_a_copy_goes_without_its_source(self, world: World) -> None:
        taker, source = taker_of(world), made.secret(world.namespace, world.scope, token="a")
        world.apply(source)
        copy = copy_of(source, world, taker)
        taker.apply(copy)
        taker.driver.delete([ObjectRef.of(copy)], taker.scope)
        assert eventually(lambda: taker.live(copy), lambda live: live is None) is None
        assert world.live(source) is not None

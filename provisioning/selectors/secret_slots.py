"""The secrets of an environment that people fill, as its desired revision wants them. Reaches no cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provisioning.domain.driver import Manifest, ObjectRef
from provisioning.domain.secret_slot import is_filled_outside, is_slot
from provisioning.models import Environment
from provisioning.selectors.desired import Desired, desired_of


@dataclass(frozen=True, slots=True)
class Slot:
    """The slot of one resource. ``help`` says by key where its value is found."""

    resource: str
    ref: ObjectRef
    manifest: Manifest
    help: Mapping[str, str]

    @property
    def filled_outside(self) -> bool:
        """Whether something else in the cluster fills it."""
        return is_filled_outside(self.manifest)


def slots_of(environment: Environment) -> list[Slot]:
    """One for each resource that has a slot, in dependency order. One query when ``desired`` is joined."""
    if environment.desired is None:
        return []
    desired = desired_of(environment, environment.desired.document, revision=environment.desired.number)
    found = []
    for name in desired.order:
        if any(one.manifest["kind"] == "Secret" for one in desired.contract(name).objects):
            found += [
                Slot(name, ObjectRef.of(one.manifest), one.manifest, _help(desired, name))
                for one in desired.render_expected(name)
                if is_slot(one.manifest)
            ]
    return found


def _help(desired: Desired, name: str) -> dict[str, str]:
    """What an input ``keys`` of ``{key, help}`` says, as the built-in slot has it; other contracts say nothing."""
    keys: Any = desired.inputs(name).get("keys")
    listed = keys if isinstance(keys, list) else []
    return {str(one.get("key")): str(one.get("help") or "") for one in listed if isinstance(one, Mapping)}

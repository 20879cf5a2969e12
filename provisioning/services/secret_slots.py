"""Filling secrets: what people type goes straight into the cluster, and nowhere else.

Called by the page and the API. Values are arguments for the time of one call: they are not stored, logged or audited,
and no error quotes them; the audit log keeps who filled which keys. The cluster is reached outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput, NotFound, Transient
from provisioning.domain.driver import Driver, DriverError, Manifest, PermanentError, Scope, TemporaryError
from provisioning.domain.secret_slot import SlotKey, missing_keys, slot_keys, value_problems
from provisioning.drivers import open_driver
from provisioning.models import Environment
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.environments import environment_get
from provisioning.selectors.secret_slots import Slot, slots_of
from provisioning.services.observations import runs_hint


@dataclass(frozen=True, slots=True)
class SlotState:
    """A slot and what its cluster says of it. ``made`` is False until a run has made the Secret."""

    slot: Slot
    keys: tuple[SlotKey, ...]
    made: bool

    @property
    def missing(self) -> tuple[str, ...]:
        """Required keys that nobody has filled."""
        return tuple(one.name for one in self.keys if one.required and not one.filled)


def slots_read(actor: Actor, system: str, name: str) -> list[SlotState]:
    """The environment's slots with which keys are filled; reaches the cluster when there are any.

    Raises NotFound as ``environment_get``, Transient or Conflict when the cluster cannot be asked.
    """
    environment = environment_get(rights_of(actor), system, name)
    slots = slots_of(environment)
    if not slots:
        return []
    with _driver_of(environment) as driver:
        seen = driver.observe([one.ref for one in slots])
    return [_state(slot, one.manifest) for slot, one in zip(slots, seen, strict=True)]


@sensitive_variables("values")
def slot_fill(
    actor: Actor, *, system: str, environment: str, resource: str, values: Mapping[str, str], now: datetime
) -> SlotState:
    """Set the given keys of the resource's secret in the cluster; keys that are left out stay as they are.

    Developers and maintainers of the team; in production maintainers only. The audit entry is written before the
    cluster is reached, so that nothing is filled without one; a second entry says when the cluster refused. Raises
    InvalidInput with ``values.KEY`` as paths, Conflict while there is no such Secret or something else fills it.
    """
    found = environment_get(rights_of(actor), system, environment)
    rights_of(actor).require_fill(found.system, production=found.stage.production)
    slot = _fillable(found, resource)
    if problems := value_problems(slot_keys(slot.manifest), values):
        raise InvalidInput("Nothing was filled.", errors=problems)
    _note(actor, found, slot, "secret.fill", {"keys": sorted(values)}, now=now)
    try:
        with _driver_of(found) as driver:
            live = driver.fill(slot.ref, values, Scope(found.system.slug, found.name))
    except (Conflict, Transient) as error:
        _note(actor, found, slot, "secret.fill-failed", {"code": error.code}, now=now)
        raise
    if not missing_keys(live):
        runs_hint([found.pk], now=now)
    return _state(slot, live)


def _fillable(environment: Environment, resource: str) -> Slot:
    slot = next((one for one in slots_of(environment) if one.resource == resource), None)
    if slot is None:
        raise NotFound(
            f"{environment.system.slug} / {environment.name} has no secret to fill named “{resource[:63]}”.",
            remedy="Add a resource of the capability secret-slot.",
        )
    if slot.filled_outside:
        raise Conflict(
            f"“{resource}” is filled by something else in the cluster, so people do not fill it here.",
            code="illegal-state",
            remedy="Ask for a change of its input “Who fills it” if people should.",
        )
    return slot


def _state(slot: Slot, live: Manifest | None) -> SlotState:
    return SlotState(slot, slot_keys(slot.manifest, live), live is not None)


@contextmanager
def _driver_of(environment: Environment) -> Iterator[Driver]:
    """A driver for a few calls; what it raises becomes an error that a person can act on."""
    cluster = environment.cluster
    try:
        yield open_driver(cluster.driver, driver_settings(cluster))
    except TemporaryError as error:
        raise Transient(
            f"The cluster does not answer: {error.message}",
            code=error.code,
            delay=error.delay,
            remedy="Try again soon.",
        ) from None
    except DriverError as error:
        if error.code in ("not-found", "namespace-missing"):
            raise Conflict(
                "The Secret has not been made yet, so there is nothing to fill.",
                code="illegal-state",
                remedy="Fill it once the run has made it; the run waits for you.",
            ) from None
        remedy = error.remedy if isinstance(error, PermanentError) else ""
        raise Conflict(f"The cluster refused: {error.message}", code=error.code, remedy=remedy) from None


@transaction.atomic
def _note(
    actor: Actor, environment: Environment, slot: Slot, action: str, data: Mapping[str, object], *, now: datetime
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="environment",
        object_id=environment.pk,
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        data={"resource": slot.resource, "object": slot.ref.name, **data},
        now=now,
    )

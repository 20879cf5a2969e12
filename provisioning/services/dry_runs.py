"""Asks the cluster what a planned change would do: a server-side dry run of every object it would apply.

Slower than a plan and reaches the network, so it is done on request only and outside any transaction. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.access import rights_of
from idp.catalog.selectors import system_get
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, InvalidInput, Transient
from provisioning.domain.driver import (
    Driver,
    DriverError,
    DryRun,
    Manifest,
    ObjectRef,
    PermanentError,
    Scope,
    TemporaryError,
)
from provisioning.domain.isolation import SHARED
from provisioning.drivers import open_driver
from provisioning.selectors.clusters import driver_settings
from provisioning.selectors.desired import Desired, desired_at
from provisioning.services.gate import Planned, change_plan
from provisioning.services.requests import ChangeRequest


def change_dry_run(actor: Actor, request: ChangeRequest, *, now: datetime) -> tuple[Planned, list[dict[str, Any]]]:
    """The plan, and for each object ``{"kind", "name", "resource", "action", "before", "after"}`` as the cluster says.

    Raises what ``change_plan`` raises; InvalidInput for a delete or for a plan with problems, Conflict when the
    cluster would refuse an object, Transient when it does not answer.
    """
    rights_of(actor).require_request(system_get(rights_of(actor), request.system))
    planned = change_plan(actor, request, now=now)
    if planned.problems:
        raise InvalidInput("A plan with problems cannot be tried on the cluster.", errors=planned.problems)
    if planned.target is None:
        raise InvalidInput("A deletion applies no objects, so there is nothing to try on the cluster.")
    return planned, [_difference(one, labels) for one, labels in _asked(planned)]


def _asked(planned: Planned) -> list[tuple[DryRun, Mapping[str, str]]]:
    assert planned.stage is not None
    assert planned.target is not None
    cluster = planned.place
    desired = desired_at(
        planned.target,
        system=planned.system,
        stage=planned.stage,
        name=planned.environment_name,
        namespace=planned.home.namespace,
        isolation=planned.home.isolation,
        revision=planned.base.number + 1 if planned.base else 1,
    )
    manifests = _manifests(desired)
    try:
        driver = open_driver(cluster.driver, driver_settings(cluster))
        _require_space(driver, planned)
        answers = driver.dry_run(manifests, Scope(planned.system.slug, planned.environment_name))
    except DriverError as error:
        raise _told(error) from None
    return [(answer, one["metadata"].get("labels", {})) for answer, one in zip(answers, manifests, strict=True)]


def _require_space(driver: Driver, planned: Planned) -> None:
    """A shared namespace is made with its first environment; before that the cluster refuses all that goes into it."""
    home = planned.home
    if home.isolation != SHARED or driver.observe([ObjectRef("v1", "Namespace", "", home.namespace)])[0].exists:
        return
    raise InvalidInput(
        f"{home.namespace} is not there yet, so nothing can be tried in it.",
        remedy="It is made with the first environment that shares it.",
    )


def _manifests(desired: Desired) -> list[Manifest]:
    rendered = [one.manifest for name in desired.order for one in desired.render_expected(name)]
    return [*desired.guardrails(), *rendered]


def _told(error: DriverError) -> Exception:
    if isinstance(error, TemporaryError):
        return Transient(
            f"The cluster does not answer: {error.message}",
            code=error.code,
            delay=error.delay,
            remedy="Try again soon.",
        )
    remedy = error.remedy if isinstance(error, PermanentError) else ""
    return Conflict(f"The cluster would refuse this: {error.message}", code=error.code, remedy=remedy)


def _difference(answer: DryRun, labels: Mapping[str, str]) -> dict[str, Any]:
    same = answer.before == answer.after
    return {
        "kind": answer.ref.kind,
        "name": answer.ref.name,
        "resource": labels.get("slipway.dev/resource", ""),
        "action": "added" if answer.before is None else "unchanged" if same else "updated",
        "before": answer.before,
        "after": answer.after,
    }

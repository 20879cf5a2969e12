"""Asking for one more resource of an environment that is there: an ordinary update through the gate.

Called by the API, for programs that know of one resource and not of the rest, such as Backstage's scaffolder.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError
from provisioning.domain.targets import spec_of
from provisioning.models import Change
from provisioning.selectors.environments import environment_get
from provisioning.services.changes import ChangeRequest, change_submit


def resource_ask(
    actor: Actor,
    *,
    system: str,
    environment: str,
    name: str,
    capability: str,
    inputs: Mapping[str, Any],
    component: str = "",
    reason: str = "",
    now: datetime,
) -> Change:
    """A change that adds ``name`` of ``capability`` (``postgres@1``); all else stays as it is.

    Conflict when the environment has a resource of that name, or was not made yet; else as ``change_submit``.
    """
    rights = rights_of(actor)
    row = environment_get(rights, system, environment)
    rights.require_request(row.system)
    if row.desired is None or row.deleted_at is not None:
        raise Conflict(f"{system} / {environment} is not there yet, or is gone.", code="illegal-state")
    spec: dict[str, Any] = spec_of(row.desired.document)
    if name in spec["resources"]:
        raise Conflict(
            f"{system} / {environment} has a resource “{name}” already.",
            code="exists",
            remedy="Choose another name, or edit the environment.",
            errors=[FieldError("name", "is the name of a resource that is there")],
        )
    added = {"capability": capability, "inputs": dict(inputs), **({"component": component} if component else {})}
    spec["resources"] = {**spec["resources"], name: added}
    request = ChangeRequest("update", system, environment, spec=spec, reason=reason, base=row.desired.number)
    return change_submit(actor, request, now=now)

"""What goes with an environment that is deleted: data, addresses, and whoever else relies on it.

Called by the gate for ``delete``. Asks at most one query more than the plan did.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from idp.kernel.errors import FieldError
from provisioning.models import Environment, Resource
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.desired import desired_of
from provisioning.selectors.hosts import hosts_wanted

FEW = 5


def losses_of(
    environment: Environment, document: Mapping[str, Any], catalogue: Catalogue | None
) -> tuple[tuple[str, ...], tuple[FieldError, ...]]:
    """Sentences that say what is lost, and what keeps it from being deleted: others that rely on production."""
    desired = desired_of(environment, document, revision=0, catalogue=catalogue)
    notes = [
        f"{name} loses its {taken.storage_gib:g} GiB of data; nothing brings it back."
        for name in desired.order
        if (taken := desired.footprint(name)).storage_gib
    ]
    hosts = hosts_wanted(
        document, system=environment.system, stage=environment.stage, name=environment.name, catalogue=catalogue
    )
    notes += [f"{host} leads nowhere any more." for one in hosts.values() for host in one]
    relying = _relying(environment)
    if relying and environment.stage.production:
        told = f"Others rely on it: {_listed(relying)}. Move them elsewhere first."
        return tuple(notes), (FieldError("metadata.name", told),)
    return (*notes, *([f"Others rely on it: {_listed(relying)}."] if relying else ())), ()


def _relying(environment: Environment) -> list[str]:
    """Living environments of other systems at the stage that run components which need those that run here.

    A component that runs in another environment of this one's system at the same stage is not lost.
    """
    living = Resource.objects.filter(environment__deleted_at=None, environment__stage=environment.stage)
    ours = living.filter(environment__system=environment.system).exclude(component=None)
    elsewhere = ours.exclude(environment=environment).values("component")
    here = ours.filter(environment=environment).exclude(component__in=elsewhere).values("component")
    rows = (
        living.filter(component__dependencies__needs__in=here)
        .exclude(environment__system=environment.system)
        .order_by("environment__system__slug", "environment__name")
        .values_list("environment__system__slug", "environment__name")
        .distinct()
    )
    return [f"{system}/{name}" for system, name in rows[: FEW + 1]]


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:FEW])} and more" if len(names) > FEW else ", ".join(names)


def holds_data(usage: Mapping[str, float]) -> bool:
    """Whether something of that usage (a plan's) would lose data."""
    return usage["storage_gib"] > 0

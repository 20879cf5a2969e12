"""What goes with an environment that is deleted: data, addresses, and whoever else relies on it.

Called by the gate for ``delete``. Asks at most two queries more than the plan did, the second only when hosts go.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db.models import Q, TextField
from django.db.models.functions import Cast

from idp.kernel.errors import FieldError
from provisioning.models import Environment, Resource
from provisioning.selectors.capabilities import Catalogue
from provisioning.selectors.desired import desired_of
from provisioning.selectors.hosts import hosts_wanted

FEW = 5
MOST = 50  # of those that mention a host, how many are looked at closely


def losses_of(
    environment: Environment, document: Mapping[str, Any], catalogue: Catalogue | None
) -> tuple[tuple[str, ...], tuple[FieldError, ...]]:
    """Sentences that say what is lost; and what keeps production and data from it: others that rely on them."""
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
    gone = {host for one in hosts.values() for host in one}
    relying = sorted({*_relying(environment), *_calling(environment, gone)})
    if relying and (environment.stage.production or desired.total().storage_gib):
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


def _calling(environment: Environment, hosts: Collection[str]) -> list[str]:
    """Living environments that name a host which goes in what they were given, and do not route it themselves."""
    if not hosts:
        return []
    named = Q()
    for host in hosts:
        named |= Q(text__contains=host)
    rows = (
        Environment.objects.filter(deleted_at=None)
        .exclude(pk=environment.pk)
        .exclude(desired=None)
        .annotate(text=Cast("desired__document", TextField()))
        .filter(named)
        .select_related("system__team", "stage", "desired")
        .order_by("system__slug", "name")
    )
    return [f"{one.system.slug}/{one.name}" for one in rows[:MOST] if _names(one, hosts)][: FEW + 1]


def _names(environment: Environment, hosts: Collection[str]) -> bool:
    """Whole names only: ``api.example`` is not in ``old-api.example``."""
    document = environment.desired.document  # type: ignore[union-attr]  # left out by the query
    own = hosts_wanted(document, system=environment.system, stage=environment.stage, name=environment.name)
    left = set(hosts) - {host for names in own.values() for host in names}
    whole = [re.compile(rf"(?<![A-Za-z0-9.-]){re.escape(host)}(?![A-Za-z0-9-]|\.[A-Za-z0-9])") for host in left]
    return any(pattern.search(text) for text in _texts(document) for pattern in whole)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:FEW])} and more" if len(names) > FEW else ", ".join(names)


def holds_data(usage: Mapping[str, float]) -> bool:
    """Whether something of that usage (a plan's) would lose data."""
    return usage["storage_gib"] > 0

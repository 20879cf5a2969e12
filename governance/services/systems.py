"""Systems: maintainers of the owning team and admins change them. Lock order: system row, then audit head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from governance.access import rights_of
from governance.domain.audit import difference
from governance.models import Entity
from governance.services.audit import audit_append
from governance.services.components import component_create, component_delete, component_update
from governance.services.transactions import checked, require_version
from idp.catalog.models import System, Team
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput

__all__ = [
    "component_create",
    "component_delete",
    "component_update",
    "system_create",
    "system_delete",
    "system_update",
]

_EDITABLE = ("name", "description", "restricted")


@transaction.atomic
def system_create(
    actor: Actor,
    *,
    slug: str,
    name: str,
    team: Team,
    description: str = "",
    restricted: bool = False,
    now: datetime,
) -> System:
    """Add a system to a team. InvalidInput for a slug that is taken or wrong."""
    rights_of(actor).require_manage(team)
    if team.archived_at is not None:
        told = f"Team {team.slug} is archived; it takes nothing new."
        raise InvalidInput(told, errors=[FieldError("team", told)])
    system = checked(
        System(slug=slug, name=name, description=description, team=team, restricted=restricted, created_at=now)
    )
    system.save(force_insert=True)
    _audit(actor, "system.create", system, {"before": None, "after": _state(system)}, now)
    return system


@transaction.atomic
def system_update(
    actor: Actor,
    *,
    system: System,
    name: str | None = None,
    description: str | None = None,
    restricted: bool | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> System:
    """Change what is not None. Slug and team stay: namespaces and quota ledgers are named after them."""
    rights_of(actor).require_manage_system(system)
    system = System.objects.select_for_update(of=("self",)).select_related("team").get(pk=system.pk)
    require_version(system, system.version, expected_version)
    asked = {"name": name, "description": description, "restricted": restricted}
    before = _state(system)
    after = before | {field: value for field, value in asked.items() if value is not None}
    if after == before:
        return system
    for field, value in after.items():
        setattr(system, field, value)
    system.version += 1
    checked(system).save(update_fields=[*_EDITABLE, "version"])
    _audit(actor, "system.update", system, difference(before, after), now)
    return system


@transaction.atomic
def system_delete(actor: Actor, *, system: System, living: Callable[[System], int], now: datetime) -> None:
    """Remove a system with its components.

    ``living`` counts the system's living environments, which governance does not know. Conflict while there are any,
    and for a system with a history of changes, which stays readable. What other catalogs say of a restricted system
    stays hidden from those from whom it was.
    """
    rights_of(actor).require_manage_system(system)
    system = System.objects.select_for_update(of=("self",)).select_related("team").get(pk=system.pk)
    count = living(system)
    if count:
        raise Conflict(
            f"{system.slug} still has {count} living environment{'s' if count != 1 else ''}.",
            remedy="Delete its environments first.",
        )
    number = system.pk
    Entity.objects.filter(system=system).update(withheld=system.restricted)
    try:
        system.delete()
    except ProtectedError:
        raise Conflict(
            f"{system.slug} has a history of environments and changes, so it cannot be removed.",
            remedy="Say in its description that it is no longer in use.",
        ) from None
    system.pk = number
    _audit(actor, "system.delete", system, {"before": _state(system), "after": None}, now)


def _state(system: System) -> dict[str, Any]:
    return {field: getattr(system, field) for field in _EDITABLE}


def _audit(actor: Actor, action: str, system: System, data: Mapping[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="system",
        object_id=system.pk,
        object_label=system.slug,
        team_slug=system.team.slug,
        data=data,
        now=now,
    )

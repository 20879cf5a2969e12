"""Components of a system and what they need. Lock order: component row, then audit head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.access import Rights, rights_of
from governance.domain.audit import difference
from governance.domain.catalog import repository_errors, require_links
from governance.services.audit import audit_append
from governance.services.transactions import checked, require_version
from idp.catalog.models import Component, Dependency, System
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput

MAX_NEEDS = 50
_EDITABLE = ("name", "type", "description", "repository", "links")


@transaction.atomic
def component_create(
    actor: Actor,
    *,
    system: System,
    slug: str,
    name: str,
    type: str,
    description: str = "",
    repository: str = "",
    links: Iterable[Mapping[str, str]] = (),
    depends_on: Iterable[str] = (),
    now: datetime,
) -> Component:
    """Add a component. ``depends_on`` are slugs of components that the actor may see.

    InvalidInput names each field that is wrong, and each unknown component.
    """
    rights = rights_of(actor)
    rights.require_manage_system(system)
    _require_repository(repository)
    component = checked(
        Component(
            system=system,
            slug=slug,
            name=name,
            type=type,
            description=description,
            repository=repository,
            links=require_links(links),
            created_at=now,
        )
    )
    needs = _needs(rights, slug, depends_on)
    component.save(force_insert=True)
    Dependency.objects.bulk_create([Dependency(component=component, needs=needed) for needed in needs])
    _audit(actor, "component.create", component, {"before": None, "after": _state(component)}, now)
    return component


@transaction.atomic
def component_update(
    actor: Actor,
    *,
    component: Component,
    name: str | None = None,
    type: str | None = None,
    description: str | None = None,
    repository: str | None = None,
    links: Iterable[Mapping[str, str]] | None = None,
    depends_on: Iterable[str] | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> Component:
    """Change what is not None; ``depends_on`` replaces the whole list. The slug stays."""
    rights = rights_of(actor)
    rights.require_manage_system(component.system)
    component = _locked(component)
    require_version(component, component.version, expected_version)
    _require_repository(repository or "")
    asked: dict[str, Any] = {"name": name, "type": type, "description": description, "repository": repository}
    asked["links"] = None if links is None else require_links(links)
    before = _state(component)
    after = before | {field: value for field, value in asked.items() if value is not None}
    needs = None if depends_on is None else _needs(rights, component.slug, depends_on)
    if needs is not None:
        after["depends_on"] = sorted(needed.slug for needed in needs)
    if after == before:
        return component
    for field in _EDITABLE:
        setattr(component, field, after[field])
    component.version += 1
    checked(component).save(update_fields=[*_EDITABLE, "version"])
    if needs is not None:
        component.dependencies.all().delete()
        Dependency.objects.bulk_create([Dependency(component=component, needs=needed) for needed in needs])
    _audit(actor, "component.update", component, difference(before, after), now)
    return component


@transaction.atomic
def component_delete(actor: Actor, *, component: Component, now: datetime) -> None:
    """Remove a component. What runs stays as it is, and is no longer shown under it."""
    rights_of(actor).require_manage_system(component.system)
    component = _locked(component)
    number, before = component.pk, _state(component)
    component.delete()
    component.pk = number
    _audit(actor, "component.delete", component, {"before": before, "after": None}, now)


def _locked(component: Component) -> Component:
    rows = Component.objects.select_for_update(of=("self",)).select_related("system__team")
    return rows.get(pk=component.pk)


def _state(component: Component) -> dict[str, Any]:
    state = {field: getattr(component, field) for field in _EDITABLE}
    state["depends_on"] = sorted(component.dependencies.values_list("needs__slug", flat=True))
    return state


def _require_repository(repository: str) -> None:
    errors = repository_errors(repository)
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)


def _needs(rights: Rights, slug: str, asked: Iterable[str]) -> list[Component]:
    wanted = sorted(set(asked))
    if len(wanted) > MAX_NEEDS:
        message = f"A component depends on at most {MAX_NEEDS} others."
        raise InvalidInput(message, errors=[FieldError("depends_on", message)])
    found = list(Component.objects.filter(rights.sees("system"), slug__in=wanted).order_by("slug"))
    errors = [
        FieldError("depends_on", f"There is no component “{name}” that you may see.")
        for name in sorted(set(wanted) - {component.slug for component in found})
    ]
    if slug in wanted:
        errors.append(FieldError("depends_on", "A component does not depend on itself."))
    if errors:
        raise InvalidInput(errors[0].message, errors=errors)
    return found


def _audit(actor: Actor, action: str, component: Component, data: Mapping[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="component",
        object_id=component.pk,
        object_label=component.slug,
        team_slug=component.system.team.slug,
        place=component.system.slug,
        data=data,
        now=now,
    )

"""The catalog as Backstage reads it: what was imported, as it came, and what is ours, with resources of environments.

Called by the API. In sections that are read by keyset, so that a catalog of any size is a stream or pages; each reader
gets what they may see. What was imported and is linked with a row of ours stands for that row.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from django.conf import settings
from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.urls import reverse

from governance.access import Rights
from governance.domain.backstage import outgoing
from governance.models import Entity
from governance.selectors.entities import seen
from idp.catalog.models import Component, Membership, System, Team, User
from idp.kernel.errors import InvalidInput
from provisioning.domain.render import LABEL_ENVIRONMENT, LABEL_RESOURCE, LABEL_SYSTEM
from provisioning.models import Borrowing, Resource, ResourceGrant

CHUNK: Final = 500
_NOT_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]")


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the catalog: ``rows`` by number, and what makes an entity of each."""

    name: str
    rows: QuerySet[Any]
    build: Callable[[Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Names:
    """References of ours: those of linked imported entities, and usual ones that somebody else's entity has."""

    linked: Mapping[tuple[str, int], str]
    taken: frozenset[str]

    def namespace(self, kind: str, name: str) -> str:
        return outgoing.OURS if f"{kind}:default/{name}".lower() in self.taken else "default"

    def ref(self, kind: str, number: int, name: str) -> str:
        return self.linked.get((kind, number)) or f"{kind}:{self.namespace(kind, name)}/{name}"


def sections(rights: Rights, *, kind: str = "", system: str = "", elsewhere: bool = False) -> list[Section]:
    """The parts of the catalog that the reader may see, narrowed to one kind and to one of our systems.

    ``elsewhere`` leaves out what was imported from a running Backstage, which is what that Backstage wants to read.
    """
    rights.require_scope("read")
    names = _names()
    found = [
        ("imported", "", _imported(rights, elsewhere), _as_it_came),
        ("teams", "group", _teams(), lambda row: _group(names, row)),
        ("people", "user", _people(), lambda row: _user(names, row)),
        ("systems", "system", _systems(rights), lambda row: _system(names, row)),
        ("components", "component", _components(rights), lambda row: _component(names, row)),
        ("resources", "resource", _resources(rights), lambda row: _resource(names, row)),
    ]
    paths = {"imported": "system", "systems": "", "components": "system", "resources": "environment__system"}
    shown = []
    for name, makes, rows, build in found:
        if (kind and makes and makes != kind.lower()) or (system and name not in paths):
            continue
        only = {"kind": kind.lower()} if kind and not makes else {}
        if system:
            only[f"{paths[name]}__slug".lstrip("_")] = system
        shown.append(Section(name, rows.filter(**only).order_by("pk"), build))
    return shown


def entities(parts: Iterable[Section]) -> Iterator[dict[str, Any]]:
    for part in parts:
        for row in _in_chunks(part.rows):
            yield part.build(row)


def tag_of(parts: Iterable[Section]) -> str:
    """Changes with anything that ``entities`` gives. Reads digests of what was imported, and what is ours whole."""
    found = sha256()
    for part in parts:
        if part.name == "imported":
            for row in part.rows.values_list("ref", "digest", "orphaned_at").iterator(chunk_size=5_000):
                found.update(f"{row[0]} {row[1]} {row[2] is None}\n".encode())
            continue
        for one in _in_chunks(part.rows):
            found.update(json.dumps(part.build(one), sort_keys=True).encode())
    return found.hexdigest()[:32]


def entities_page(parts: list[Section], *, cursor: str, limit: int) -> tuple[list[dict[str, Any]], str]:
    """Up to ``limit`` entities behind ``cursor`` (empty for the first), and the cursor of what follows or nothing."""
    name, after = _cursor(parts, cursor)
    found: list[dict[str, Any]] = []
    last, reached = "", not name
    for part in parts:
        reached = reached or part.name == name
        if not reached:
            continue
        rows = part.rows.filter(pk__gt=after if part.name == name else 0)
        for row in rows[: limit - len(found) + 1]:
            if len(found) == limit:
                return found, last
            found.append(part.build(row))
            last = f"{part.name}.{row.pk}"
    return found, ""


def _cursor(parts: list[Section], cursor: str) -> tuple[str, int]:
    name, _, number = cursor.partition(".")
    if not cursor:
        return "", 0
    if name not in [part.name for part in parts] or not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InvalidInput("This cursor is not from the page before.", code="bad-cursor")
    return name, int(number)


def _in_chunks(rows: QuerySet[Any]) -> Iterator[Any]:
    """Rows by keyset, so that a stream holds no cursor open while a slow reader takes it."""
    after = 0
    while chunk := list(rows.filter(pk__gt=after)[:CHUNK]):
        yield from chunk
        after = chunk[-1].pk


def _names() -> Names:
    linked, taken = {}, set()
    fields = ("ref", "kind", "team_id", "person_id", "system_id", "component_id")
    for ref, kind, team, person, system, component in Entity.objects.filter(_core()).values_list(*fields):
        own = {"group": team, "user": person, "system": system, "component": component}[kind]
        taken.add(ref)
        if own is not None:
            linked[(kind, own)] = ref
    return Names(linked, frozenset(taken))


def _core() -> Q:
    return Q(kind__in=("group", "user", "system", "component"))


def _imported(rights: Rights, elsewhere: bool) -> QuerySet[Entity]:
    rows = Entity.objects.filter(seen(rights))
    return rows.exclude(source__kind="backstage") if elsewhere else rows


def _as_it_came(row: Entity) -> dict[str, Any]:
    data: dict[str, Any] = row.data
    return data if row.orphaned_at is None else outgoing.marked(data)


def _unlinked(rows: QuerySet[Any], kind: str, key: str) -> QuerySet[Any]:
    """Those that no imported entity stands for."""
    return rows.filter(~Exists(Entity.objects.filter(kind=kind, **{key: OuterRef("pk")})))


def _teams() -> QuerySet[Team]:
    members = Membership.objects.filter(user__is_active=True, user__service_of=None).select_related("user")
    rows = _unlinked(Team.objects.filter(archived_at=None), "group", "team")
    return rows.select_related("parent").prefetch_related("children", Prefetch("memberships", members))


def _people() -> QuerySet[User]:
    rows = User.objects.filter(is_active=True, service_of=None)
    return _unlinked(rows, "user", "person").prefetch_related("memberships__team")


def _systems(rights: Rights) -> QuerySet[System]:
    return _unlinked(System.objects.filter(rights.sees()), "system", "system").select_related("team")


def _components(rights: Rights) -> QuerySet[Component]:
    seen = Component.objects.filter(rights.sees("system"))
    rows = _unlinked(seen, "component", "component").select_related("system__team")
    return rows.prefetch_related(Prefetch("depends_on", seen.order_by("slug")))


def _resources(rights: Rights) -> QuerySet[Resource]:
    rows = Resource.objects.filter(rights.sees("environment__system"), environment__deleted_at=None)
    rows = rows.exclude(state="gone").select_related(
        "environment__system__team", "environment__stage", "contract__capability", "component"
    )
    lenders = Borrowing.objects.filter(rights.sees("grant__environment__system"))
    lenders = lenders.select_related("grant__environment__system").order_by("pk")
    return rows.prefetch_related(Prefetch("environment__borrowings", lenders))


def _url(name: str, *arguments: str) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{reverse(name, args=arguments)}"


def _group(names: Names, team: Team) -> dict[str, Any]:
    spec = {
        "type": "team",
        "profile": {"displayName": team.name},
        "parent": names.ref("group", team.parent.pk, team.parent.slug) if team.parent else "",
        "children": [names.ref("group", one.pk, one.slug) for one in team.children.all()],
        "members": [_user_ref(names, one.user) for one in team.memberships.all()],
    }
    return _entity(names, "Group", team.slug, spec, _url("team", team.slug), description=team.description)


def _user_ref(names: Names, user: User) -> str:
    return names.ref("user", user.pk, _user_name(user))


def _user_name(user: User) -> str:
    """A user name as a name of Backstage: it may hold letters there that are none here."""
    plain = _NOT_A_NAME.sub("-", user.username)
    return plain.strip("-_.")[: outgoing.MOST_NAME].rstrip("-_.") or f"user-{user.pk}"


def _user(names: Names, user: User) -> dict[str, Any]:
    teams = [one.team for one in user.memberships.all() if one.team.archived_at is None]
    spec = {
        "profile": {"displayName": user.display_name or user.username},
        "memberOf": [names.ref("group", team.pk, team.slug) for team in teams],
    }
    name = _user_name(user)
    return outgoing.entity("User", name, spec, namespace=names.namespace("user", name), annotations=_ours())


def _ours() -> dict[str, str]:
    return {outgoing.FROM: settings.BASE_URL}


def _system(names: Names, system: System) -> dict[str, Any]:
    spec = {"owner": names.ref("group", system.team.pk, system.team.slug)}
    return _entity(names, "System", system.slug, spec, _url("system", system.slug), **_told(system))


def _component(names: Names, component: Component) -> dict[str, Any]:
    system = component.system
    spec = {
        "type": component.type,
        "lifecycle": "production",
        "owner": names.ref("group", system.team.pk, system.team.slug),
        "system": names.ref("system", system.pk, system.slug),
        "dependsOn": [names.ref("component", one.pk, one.slug) for one in component.depends_on.all()],
    }
    notes = {
        outgoing.SELECTOR: f"app.kubernetes.io/component={component.slug}",
        **outgoing.source_location(component.repository),
    }
    links = [outgoing.link(one["url"], one["title"]) for one in component.links]
    told = {**_told(component), "links": links}
    at = _url("component", system.slug, component.slug)
    return _entity(names, "Component", component.slug, spec, at, notes=notes, **told)


def _told(row: System | Component) -> dict[str, Any]:
    return {"title": row.name if row.name != row.slug else "", "description": row.description}


def _resource(names: Names, row: Resource) -> dict[str, Any]:
    environment, system = row.environment, row.environment.system
    name = outgoing.resource_name(system.slug, environment.name, row.name)
    lender = next((one.grant for one in environment.borrowings.all() if row.borrowed and one.name == row.name), None)
    spec = {
        "type": row.contract.capability.name,
        "owner": names.ref("group", system.team.pk, system.team.slug),
        "system": names.ref("system", system.pk, system.slug),
        "dependencyOf": [names.ref("component", row.component.pk, row.component.slug)] if row.component else [],
        "dependsOn": [_lent(names, lender)] if lender else [],
    }
    labels = ((LABEL_SYSTEM, system.slug), (LABEL_ENVIRONMENT, environment.name), (LABEL_RESOURCE, row.name))
    notes = {
        outgoing.SELECTOR: outgoing.selector(labels),
        outgoing.NAMESPACE: environment.namespace,
        "slipway.dev/environment": f"{system.slug}/{environment.name}",
        "slipway.dev/stage": environment.stage.name,
        "slipway.dev/contract": f"{row.contract.capability.name}@{row.contract.version}",
    }
    told: dict[str, Any] = {
        "title": f"{row.name} in {system.slug}/{environment.name}",
        "tags": [environment.stage.name],
    }
    at = _url("environment", system.slug, environment.name)
    links = [outgoing.link(at, "In Slipway", "cloud")]
    metadata = {**told, "annotations": {outgoing.VIEW_URL: at, **notes, **_ours()}, "links": links}
    return outgoing.entity("Resource", name, spec, namespace=names.namespace("resource", name), **metadata)


def _lent(names: Names, grant: ResourceGrant) -> str:
    """The reference of what a grant lends, which a reader sees who sees whose it is."""
    name = outgoing.resource_name(grant.environment.system.slug, grant.environment.name, grant.resource)
    return f"resource:{names.namespace('resource', name)}/{name}"


def _entity(
    names: Names,
    kind: str,
    name: str,
    spec: dict[str, Any],
    at: str,
    *,
    notes: Mapping[str, str] | None = None,
    **told: Any,
) -> dict[str, Any]:
    links = [outgoing.link(at, "In Slipway", "dashboard"), *told.pop("links", [])]
    metadata = {**told, "annotations": {outgoing.VIEW_URL: at, **(notes or {}), **_ours()}, "links": links}
    return outgoing.entity(kind, name, spec, namespace=names.namespace(kind.lower(), name), **metadata)


__all__ = ["Section", "entities", "entities_page", "sections", "tag_of"]

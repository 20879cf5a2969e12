"""What entities become in our catalog: teams, accounts, systems and components, in bulk and inside the caller's
transaction.

Called by ``backstage_import`` only, batch by batch. A row that was there before an import is linked and keeps what
people wrote; a row that an import made follows its entity, but for its owner: who owns a system moves quota and rights,
so that is a transfer. A person who is made has no password, is switched off and is in no team.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator

from governance.domain.backstage import mapping
from governance.domain.backstage.findings import Finding
from governance.domain.backstage.refs import DEFAULT_NAMESPACE, Ref
from governance.domain.backstage.relations import target
from governance.domain.backstage.slugs import slug_free, slug_of
from governance.models import CatalogSource, Entity
from governance.services.backstage_reading import Item
from governance.services.teams import team_create
from idp.catalog.models import Component, Dependency, System, Team, User
from idp.kernel.actor import PLATFORM, Actor

_URL: Final = URLValidator()
_SYSTEM: Final = ("name", "description")
_COMPONENT: Final = ("name", "description", "type", "repository", "links", "system_id")


@dataclass(frozen=True, slots=True)
class Link:
    """The rows that an entity is linked with, as on Entity."""

    team_id: int | None = None
    system_id: int | None = None
    component_id: int | None = None
    person_id: int | None = None
    made: bool = False
    note: str = ""


NOTHING: Final = Link()


@dataclass(slots=True)
class Rows:
    """Our catalog by slug, and who of the entities holds what of it. Five queries; loaded anew after a fault."""

    source: CatalogSource
    links: dict[str, Link]
    teams: dict[str, int] = field(default_factory=dict)
    systems: dict[str, tuple[int, int]] = field(default_factory=dict)
    components: dict[str, int] = field(default_factory=dict)
    held: dict[tuple[str, int], str] = field(default_factory=dict)
    withheld: set[str] = field(default_factory=set)
    people: dict[str, int] | None = None
    """0 for an account that is no person."""
    notes: list[Finding] = field(default_factory=list)

    @classmethod
    def load(cls, source: CatalogSource) -> Rows:
        names = ("team_id", "system_id", "component_id", "person_id", "made", "note")
        links = {row[0]: Link(*row[1:]) for row in Entity.objects.order_by().values_list("ref", *names)}
        rows = cls(source, links)
        rows.teams = dict(Team.objects.filter(archived_at=None).order_by().values_list("slug", "pk"))
        found = System.objects.order_by().values_list("slug", "pk", "team_id")
        rows.systems = {slug: (pk, team_id) for slug, pk, team_id in found}
        rows.components = dict(Component.objects.order_by().values_list("slug", "pk"))
        rows.withheld = set(Entity.objects.filter(withheld=True).order_by().values_list("ref", flat=True))
        for ref, link in links.items():
            rows.hold(ref, link)
        return rows

    def hold(self, ref: str, link: Link) -> None:
        self.links[ref] = link
        for kind, key in _HOLDS.items():
            number = getattr(link, key)
            if ref.startswith(f"{kind}:") and number is not None:
                self.held[(kind, number)] = ref

    def free(self, kind: str, number: int, ref: str) -> bool:
        """Whether no other entity is linked with this row."""
        return self.held.get((kind, number), ref) == ref

    def system_of(self, ref: Ref) -> int | None:
        """The system that ``ref`` means: what its entity is linked with, else the one of its name, if free."""
        link = self.links.get(str(ref))
        if link is not None or ref.kind.lower() != "system" or ref.namespace.lower() != DEFAULT_NAMESPACE:
            return link.system_id if link else None
        found, _ = self.systems.get(slug_of(ref.name), (0, 0))
        return found if found and self.free("system", found, str(ref)) else None

    def tell(self, item: Item, code: str, reason: str, path: str = "") -> str:
        self.notes.append(item.finding(code, reason, path))
        return reason[:300]


_HOLDS: Final = {"group": "team_id", "user": "person_id", "system": "system_id", "component": "component_id"}


def rows_take(actor: Actor, rows: Rows, batch: Iterable[Item], *, now: datetime) -> None:
    """Make or change the rows of a batch, kind by kind, and note the links in ``rows``. About ten queries for a batch.

    A team that is made is made as everybody makes one, with its roles and first quota: about twenty queries each.
    """
    by_kind: dict[str, list[Item]] = {}
    for item in batch:
        by_kind.setdefault(item.kind if item.data["apiVersion"].startswith("backstage.io/") else "", []).append(item)
    for item in by_kind.pop("group", ()):
        rows.hold(item.ref, _team(actor, rows, item, now))
    if users := by_kind.pop("user", []):
        _people(rows, users, now)
    if systems := by_kind.pop("system", []):
        _systems(rows, systems, now)
    if components := by_kind.pop("component", []):
        _components(rows, components, now)
    for item in (one for items in by_kind.values() for one in items):
        rows.hold(item.ref, Link(system_id=_part_of(rows, item)))


def dependencies_write(rows: Rows, refs: Iterable[str], pairs: Iterable[tuple[str, str]]) -> None:
    """Write what components of ours need, as pairs of references; those that ``refs`` had before are forgotten.

    Only between rows that are both linked. Rows that were there before imports keep what people wrote.
    """
    made = {ref for ref in refs if rows.links.get(ref, NOTHING).made}
    old = [number for ref in made if (number := rows.links[ref].component_id) is not None]
    if old:
        Dependency.objects.filter(component_id__in=old).delete()
    found = set()
    for source, needed in pairs:
        one, other = rows.links.get(source, NOTHING), rows.links.get(needed, NOTHING)
        if one.made and one.component_id and other.component_id and one.component_id != other.component_id:
            found.add((one.component_id, other.component_id))
    Dependency.objects.bulk_create(
        [Dependency(component_id=component, needs_id=needed) for component, needed in sorted(found)],
        ignore_conflicts=True,
    )


def _team(actor: Actor, rows: Rows, item: Item, now: datetime) -> Link:
    before = rows.links.get(item.ref, NOTHING)
    if before.team_id is not None:
        return before
    slug = slug_of(item.data["metadata"]["name"])
    found = rows.teams.get(slug)
    if found is not None and rows.free("group", found, item.ref):
        return Link(team_id=found)
    if found is not None:
        other = rows.held[("group", found)]
        return Link(note=rows.tell(item, "name-taken", f"Team {slug} is linked with {other} already."))
    if rows.source.groups != "create":
        told = f"There is no team {slug} here; make it, or let this source make teams."
        return Link(note=rows.tell(item, "no-team", told))
    team = team_create(
        actor, slug=slug, name=mapping.shown_name(item.data), description=mapping.description(item.data), now=now
    )
    rows.teams[slug] = team.pk
    return Link(team_id=team.pk, made=True)


def _people(rows: Rows, items: list[Item], now: datetime) -> None:
    if rows.people is None:
        found_people = User.objects.order_by().values_list("username", "pk", "service_of")
        rows.people = {name.lower(): 0 if service else pk for name, pk, service in found_people}
    new: dict[str, User] = {}
    for item in items:
        before = rows.links.get(item.ref, NOTHING)
        name = item.data["metadata"]["name"]
        found = rows.people.get(name.lower())
        if before.person_id is not None:
            rows.hold(item.ref, before)
        elif name.lower() == PLATFORM.username:
            rows.hold(item.ref, Link(note=rows.tell(item, "name-taken", "This is the platform's own name.")))
        elif found and rows.free("user", found, item.ref):
            rows.hold(item.ref, Link(person_id=found))
        elif found is not None or rows.source.users != "create":
            told = f"There is no account {name} here, and this source makes none."
            rows.hold(item.ref, Link(note=rows.tell(item, "no-account", told)))
        else:
            new[item.ref] = _person(item, name, now)
    User.objects.bulk_create(new.values())
    for ref, user in new.items():
        rows.people[user.username.lower()] = user.pk
        rows.hold(ref, Link(person_id=user.pk, made=True))


def _person(item: Item, name: str, now: datetime) -> User:
    """An account that can do nothing: an admin switches it on and gives it its teams."""
    profile = item.data["spec"].get("profile") or {}
    return User(
        username=name,
        display_name=mapping.shown_name(item.data),
        email=str(profile.get("email", ""))[:254].replace("\x00", ""),
        password=make_password(None),
        is_active=False,
        date_joined=now,
    )


def _systems(rows: Rows, items: list[Item], now: datetime) -> None:
    new: dict[str, System] = {}
    follows = [item for item in items if rows.links.get(item.ref, NOTHING).system_id is not None]
    _follow_systems(rows, follows)
    for item in items:
        if rows.links.get(item.ref, NOTHING).system_id is not None:
            continue
        slug, linked = _slug(rows, item, "system", {slug: pk for slug, (pk, _) in _of(rows, item).items()})
        if linked is not None:
            rows.hold(item.ref, Link(system_id=linked))
            rows.tell(item, "linked", f"System {slug} was here before; it keeps its name, its text and its team.")
            continue
        owner = _owner(rows, item)
        if owner is None:
            rows.hold(item.ref, Link(note=_ownerless(rows, item)))
            continue
        new[item.ref] = _system(rows, item, slug, owner, now)
        rows.systems[slug] = (0, owner)
    _keep_systems(rows, new)


def _of(rows: Rows, item: Item) -> dict[str, tuple[int, int]]:
    """The system that has the usual slug of ``item``, so that linking looks at one and not at all."""
    usual = slug_of(item.data["metadata"]["name"])
    return {usual: rows.systems[usual]} if usual in rows.systems else {}


def _slug(rows: Rows, item: Item, kind: str, usual: dict[str, int]) -> tuple[str, int | None]:
    """Our name for an entity, and the row that has it already and is free to be linked."""
    for slug, number in usual.items():
        if number and (kind, number) not in rows.held:
            return slug, number
    taken = rows.systems if kind == "system" else rows.components
    slug, collided = slug_free(item.data["metadata"]["name"], item.ref, taken)
    if collided:
        name = slug_of(item.data["metadata"]["name"])
        rows.tell(item, "name-taken", f"“{name}” is taken, so it is {slug} here.", "metadata.name")
    return slug, None


def _system(rows: Rows, item: Item, slug: str, team_id: int, now: datetime) -> System:
    """A system, open to all; restricted again when the one that was removed had been."""
    row = System(
        restricted=item.ref in rows.withheld,
        slug=slug,
        team_id=team_id,
        created_at=now,
        name=mapping.shown_name(item.data),
    )
    row.description = mapping.description(item.data) if item.kind == "system" else ""
    return row


def _keep_systems(rows: Rows, new: dict[str, System]) -> None:
    System.objects.bulk_create(new.values())
    for ref, system in new.items():
        rows.systems[system.slug] = (system.pk, system.team_id)
        rows.hold(ref, Link(system_id=system.pk, made=True))


def _follow_systems(rows: Rows, items: list[Item]) -> None:
    made = {item.ref: item for item in items if rows.links[item.ref].made}
    found = System.objects.in_bulk([rows.links[ref].system_id for ref in made])
    changed = []
    for ref, item in made.items():
        row = found[rows.links[ref].system_id]
        _tell_of_another_owner(rows, item, row.team_id)
        after = {"name": mapping.shown_name(item.data), "description": mapping.description(item.data)}
        changed += _set(row, after)
    System.objects.bulk_update(changed, [*_SYSTEM, "version"], batch_size=100)


def _tell_of_another_owner(rows: Rows, item: Item, team_id: int) -> None:
    owner = target(item.data, "owner")
    named = rows.links.get(str(owner), NOTHING).team_id if owner else None
    if named is not None and named != team_id:
        told = f"Its owner is {owner} now and another team here; transfer the system to change that."
        rows.tell(item, "other-owner", told, "spec.owner")


def _set(row: Any, after: dict[str, Any]) -> list[Any]:
    """``row`` with other values and one version more, in a list; an empty one when nothing differs."""
    if all(getattr(row, name) == value for name, value in after.items()):
        return []
    for name, value in after.items():
        setattr(row, name, value)
    row.version += 1
    return [row]


def _owner(rows: Rows, item: Item) -> int | None:
    """The team that owns it: as it says, else the one that the source names."""
    owner = target(item.data, "owner")
    named = rows.links.get(str(owner), NOTHING).team_id if owner else None
    if named is None and owner is not None and owner.kind.lower() == "group":
        named = rows.teams.get(slug_of(owner.name)) if str(owner) not in rows.links else None
    return named or rows.source.owner_id


def _ownerless(rows: Rows, item: Item) -> str:
    owner = target(item.data, "owner")
    told = f"Its owner {owner} is no team here; link it, or name a team that owns what nobody else does."
    return rows.tell(item, "no-owner", told, "spec.owner")


def _part_of(rows: Rows, item: Item) -> int | None:
    """The system of ours that it belongs to."""
    named = target(item.data, "system")
    return rows.system_of(named) if named is not None else None


def _components(rows: Rows, items: list[Item], now: datetime) -> None:
    homes = _homes(rows, items, now)
    follows = {item.ref: item for item in items if rows.links.get(item.ref, NOTHING).component_id is not None}
    _follow_components(rows, follows, homes)
    new: dict[str, Component] = {}
    for item in items:
        if item.ref in follows:
            continue
        home = homes[item.ref]
        if home is None:
            rows.hold(item.ref, Link(note=_homeless(rows, item)))
            continue
        usual = slug_of(item.data["metadata"]["name"])
        slug, linked = _slug(rows, item, "component", {usual: rows.components.get(usual, 0)})
        if linked is not None:
            system_id = Component.objects.values_list("system_id", flat=True).get(pk=linked)
            rows.hold(item.ref, Link(component_id=linked, system_id=system_id))
            rows.tell(item, "linked", f"Component {slug} was here before; it keeps what people wrote.")
            continue
        row = Component(slug=slug, created_at=now, system_id=home, **_fields(item))
        new[item.ref] = row
        rows.components[slug] = 0
    Component.objects.bulk_create(new.values())
    for ref, row in new.items():
        rows.components[row.slug] = row.pk
        rows.hold(ref, Link(component_id=row.pk, system_id=row.system_id, made=True))


def _homes(rows: Rows, items: list[Item], now: datetime) -> dict[str, int | None]:
    """The system of each component; made of its own where the source says so and it names none."""
    homes: dict[str, int | None] = {}
    own: dict[str, System] = {}
    for item in items:
        home = _part_of(rows, item) or rows.links.get(item.ref, NOTHING).system_id
        owner = _owner(rows, item)
        if home is None and rows.source.loose == "own" and target(item.data, "system") is None and owner:
            slug, _ = slug_free(item.data["metadata"]["name"], item.ref, rows.systems)
            own[item.ref] = _system(rows, item, slug, owner, now)
            rows.systems[slug] = (0, owner)
        homes[item.ref] = home
    System.objects.bulk_create(own.values())
    for ref, system in own.items():
        rows.systems[system.slug] = (system.pk, system.team_id)
        homes[ref] = system.pk
    return homes


def _homeless(rows: Rows, item: Item) -> str:
    named = target(item.data, "system")
    if named is not None:
        return rows.tell(item, "no-system", f"Its system {named} is not in our catalog.", "spec.system")
    told = "It names no system; name one, or let this source give such components a system of their own."
    return rows.tell(item, "no-system", told, "spec.system")


def _fields(item: Item) -> dict[str, Any]:
    return {
        "name": mapping.shown_name(item.data),
        "description": mapping.description(item.data),
        "type": mapping.component_type(str(item.data["spec"]["type"])),
        "repository": _repository(item),
        "links": mapping.links(item.data),
    }


def _repository(item: Item) -> str:
    found = mapping.repository(item.data)
    try:
        _URL(found or "https://none.example")
    except ValidationError:
        return ""
    return found


def _follow_components(rows: Rows, follows: dict[str, Item], homes: dict[str, int | None]) -> None:
    made = {ref: item for ref, item in follows.items() if rows.links[ref].made}
    found = Component.objects.in_bulk([rows.links[ref].component_id for ref in made])
    changed = []
    for ref, item in made.items():
        row = found[rows.links[ref].component_id]
        home = homes[ref] or row.system_id
        changed += _set(row, {**_fields(item), "system_id": home})
        rows.hold(ref, replace(rows.links[ref], system_id=home))
    names = [name.removesuffix("_id") for name in _COMPONENT]
    Component.objects.bulk_update(changed, [*names, "version"], batch_size=100)

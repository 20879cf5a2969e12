"""Entities of other catalogs as people read them, and how their sources stand. All take the reader's rights first.

An entity of a system of ours is seen by who sees the system; one of none by everybody who may read, but for what is
left of a restricted system that was removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from governance.access import Rights
from governance.domain.backstage.refs import DEFAULT_NAMESPACE
from governance.domain.backstage.relations import INVERSE
from governance.domain.backstage.slugs import slug_of
from governance.models import CatalogImport, CatalogSource, Entity, EntityRelation
from idp.catalog.models import Component, System, Team
from idp.kernel.errors import NotFound

MOST_RELATIONS = 200


@dataclass(frozen=True, slots=True)
class Related:
    """One entity that another belongs to or holds: ``known`` is whether it is here and may be seen.

    One that no catalog has may be ours by its name: ``own`` is then team or system, and ``slug`` what it is called.
    """

    type: str
    ref: str
    known: bool
    own: str = ""
    slug: str = ""


def entity_list(
    rights: Rights, *, kind: str = "", query: str = "", source: str = "", state: str = "", system: str = ""
) -> QuerySet[Entity]:
    """Visible entities by reference, with source and system. ``state``: orphaned, or noted (linked with nothing)."""
    rights.require_scope("read")
    rows = Entity.objects.filter(seen(rights)).select_related("source", "system").defer("data").order_by("ref")
    if kind:
        rows = rows.filter(kind=kind.lower())
    if query:
        rows = rows.filter(Q(name__icontains=query) | Q(title__icontains=query))
    if source:
        rows = rows.filter(source__name=source)
    if system:
        rows = rows.filter(system__slug=system)
    if state == "orphaned":
        rows = rows.exclude(orphaned_at=None)
    elif state == "noted":
        rows = rows.exclude(note="")
    return rows


def entity_get(rights: Rights, ref: str) -> Entity:
    rights.require_scope("read")
    rows = Entity.objects.filter(seen(rights), ref=ref.lower())
    found = rows.select_related("source", "team", "system", "component__system", "person").first()
    if found is None:
        raise NotFound("There is no such entity that you may see.")
    return found


def entities_of_system(rights: Rights, system: System) -> QuerySet[Entity]:
    """What other catalogs have of it, but for its components: APIs first, then by kind and reference."""
    return entity_list(rights).filter(system=system, component=None).order_by("kind", "ref")


def entity_of_component(rights: Rights, component: Component) -> Entity | None:
    """The entity that is linked with it; at most one is."""
    rights.require_scope("read")
    rows = Entity.objects.filter(seen(rights), component=component).select_related("source")
    return rows.order_by("pk").first()


def relations_of_entity(rights: Rights, entity: Entity) -> list[Related]:
    """Both ways, by type and reference. At most five queries; what the reader may not see is left out."""
    rows = EntityRelation.objects.filter(Q(source_ref=entity.ref) | Q(target_ref=entity.ref))
    found = set()
    for source, kind, target in rows.values_list("source_ref", "type", "target_ref")[:MOST_RELATIONS]:
        if source == entity.ref:
            found.add((kind, target))
        if target == entity.ref:
            found.add((INVERSE[kind], source))
    refs = {ref for _, ref in found}
    here = dict(_visible(rights, refs))
    ours = _ours(rights, refs - here.keys())
    return [
        Related(kind, ref, ref in here, *ours.get(ref, ("", "")))
        for kind, ref in sorted(found)
        if here.get(ref) is not False
    ]


def _ours(rights: Rights, refs: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Teams and systems of ours that references in the default namespace name, as page and slug."""
    named: dict[str, dict[str, str]] = {"group": {}, "system": {}}
    for ref in refs:
        kind, _, place = ref.partition(":")
        namespace, _, name = place.partition("/")
        if kind in named and namespace == DEFAULT_NAMESPACE:
            named[kind][slug_of(name)] = ref
    found = {}
    if named["group"]:
        teams = Team.objects.filter(slug__in=named["group"], archived_at=None).order_by()
        found = {named["group"][slug]: ("team", slug) for slug in teams.values_list("slug", flat=True)}
    if named["system"]:
        systems = System.objects.filter(rights.sees(), slug__in=named["system"]).order_by()
        found |= {named["system"][slug]: ("system", slug) for slug in systems.values_list("slug", flat=True)}
    return found


def _visible(rights: Rights, refs: Iterable[str]) -> Iterable[tuple[str, bool]]:
    """Of those that are here, whether each may be seen."""
    rows = Entity.objects.filter(ref__in=list(refs)).order_by()
    allowed = set(rows.filter(seen(rights)).values_list("ref", flat=True))
    return [(ref, ref in allowed) for ref in rows.values_list("ref", flat=True)]


def kinds(rights: Rights) -> list[tuple[str, int]]:
    """Kinds with how many entities of each may be seen, by name. One query."""
    rows = Entity.objects.filter(seen(rights)).order_by().values_list("kind").annotate(number=Count("pk"))
    return sorted((kind, number) for kind, number in rows)


def source_list() -> QuerySet[CatalogSource]:
    """Sources by name, each with how many entities and orphans it has and the id of its last import. One query."""
    last = CatalogImport.objects.filter(source=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    gone = Count("entities", filter=~Q(entities__orphaned_at=None))
    noted = Count("entities", filter=~Q(entities__note=""))
    rows = CatalogSource.objects.select_related("owner").annotate(
        entity_count=Count("entities"), orphan_count=gone, noted_count=noted, last_id=Subquery(last)
    )
    return rows.order_by("name")


def imports_of(source: CatalogSource) -> QuerySet[CatalogImport]:
    """Newest first, without what their reports list."""
    return CatalogImport.objects.filter(source=source).defer("payload", "report").order_by("-pk")


def seen(rights: Rights) -> Q:
    """Entities that the reader may know of. A filter that is empty sees all, and would see less with an “or”."""
    allowed = rights.sees("system")
    return allowed | Q(system=None, withheld=False) if allowed and not rights.actor.systems else allowed

"""What an imported catalog says of a component beyond what is here: its APIs, what else it belongs with, its links."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from governance.access import Rights
from governance.domain.backstage import mapping
from governance.models import Entity
from governance.selectors.entities import Related, entity_of_component, relations_of_entity
from idp.catalog.models import Component

# Relations that are shown, with their words. Owner, system and other components are told by the page itself.
SHOWN: Final = (
    ("providesApi", "Provides"),
    ("consumesApi", "Consumes"),
    ("dependsOn", "Depends on"),
    ("dependencyOf", "Needed by"),
    ("partOf", "Part of"),
    ("hasPart", "Parts"),
)
_OWN: Final = {"dependsOn": "component:", "dependencyOf": "component:", "partOf": "system:"}


@dataclass(frozen=True, slots=True)
class Told:
    """``groups`` are relations by word, ``links`` those that the component does not have itself."""

    entity: Entity
    groups: list[tuple[str, list[Related]]]
    links: list[dict[str, str]]


def told_of(rights: Rights, component: Component) -> Told | None:
    """Nothing for a component that no import knows; one query then, else four."""
    entity = entity_of_component(rights, component)
    if entity is None:
        return None
    groups = _groups(relations_of_entity(rights, entity))
    known = {one["url"] for one in component.links}
    return Told(entity, groups, [one for one in mapping.links(entity.data) if one["url"] not in known])


def _groups(related: Iterable[Related]) -> list[tuple[str, list[Related]]]:
    rows = list(related)
    found = [
        (word, [one for one in rows if one.type == kind and not one.ref.startswith(_OWN.get(kind, "none:"))])
        for kind, word in SHOWN
    ]
    return [(word, ones) for word, ones in found if ones]

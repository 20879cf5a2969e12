"""For whom a policy speaks: teams, systems, stages, capabilities. Pure; part of ``governance.domain.policy``.

A policy outside of its scope says nothing at all, so that a rule of one team is not shown to another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

KINDS: Final = ("teams", "systems", "stages", "capabilities")
_NOUNS: Final = {
    "teams": ("team", "teams"),
    "systems": ("system", "systems"),
    "stages": ("stage", "stages"),
    "capabilities": ("capability", "capabilities"),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Names by kind, in the order of the document; an empty kind leaves it open. All kinds that are given must fit."""

    teams: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Self:
        return cls(**{kind: tuple(written.get(kind, ())) for kind in KINDS})

    def covers(self, facts: Mapping[str, Any]) -> bool:
        """Whether the change is meant; by capability, whether it changes a resource of one of them."""
        if self.teams and facts["team"]["slug"] not in self.teams:
            return False
        if self.systems and facts["system"]["name"] not in self.systems:
            return False
        if self.stages and facts["stage"]["name"] not in self.stages:
            return False
        return not self.capabilities or any(
            one["capability"] in self.capabilities and one["action"] != "unchanged"
            for one in facts["plan"]["resources"]
        )

    def within(self, partial: Mapping[str, Any]) -> dict[str, Any]:
        """``partial`` facts of a test, moved to the first of each kind where they name none themselves."""
        moved = {key: dict(value) if isinstance(value, Mapping) else value for key, value in partial.items()}
        for kind, fact, field in (
            ("teams", "team", "slug"),
            ("systems", "system", "name"),
            ("stages", "stage", "name"),
        ):
            names = getattr(self, kind)
            if names and not (fact == "stage" and "stage" in _map(moved, "environment")):
                moved[fact] = {field: names[0], **_map(moved, fact)}
        resources = _map(moved, "plan").get("resources")
        if self.capabilities and isinstance(resources, list):
            first = {"capability": self.capabilities[0]}
            listed = [{**first, **one} if isinstance(one, Mapping) else one for one in resources]
            moved["plan"] = {**moved["plan"], "resources": listed}
        return moved

    @property
    def words(self) -> str:
        """“team payments, stages prod and staging”; empty when it speaks for every change."""
        return ", ".join(_named(kind, getattr(self, kind)) for kind in KINDS if getattr(self, kind))


EVERYWHERE: Final = Scope()


def _map(facts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = facts.get(name)
    return found if isinstance(found, Mapping) else {}


def _named(kind: str, names: tuple[str, ...]) -> str:
    one, many = _NOUNS[kind]
    if len(names) == 1:
        return f"{one} {names[0]}"
    return f"{many} {', '.join(names[:-1])} and {names[-1]}"

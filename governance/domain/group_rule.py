"""What groups of an identity provider make of memberships: which role, and whose it was before. Pure.

Called by ``services.group_rules``. A rule only ever adds to what was given by hand: a person has the highest of the
role given by hand and of those that their groups give, and the one by hand again when the groups give none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from idp.catalog.names import ROLES
from idp.kernel.errors import FieldError

SCIM: Final = "scim"
LONGEST_GROUP: Final = 120
MOST_GROUPS: Final = 5_000
"""More groups than this are not read; as with an overage they count as unknown."""

_SOURCE: Final = re.compile(r"scim|oidc:[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_RANK: Final = {"": 0} | {role: rank for rank, role in enumerate(ROLES, start=1)}


@dataclass(frozen=True, slots=True)
class Rule:
    """Who is in ``group``, as ``source`` spells it, has ``role`` in ``team`` (a slug)."""

    source: str
    group: str
    team: str
    role: str = ""

    @property
    def key(self) -> str:
        """All but the role, as edits and addresses name a rule; a group may hold slashes, the others never do."""
        return f"{self.team}/{self.source}/{self.group}"

    @classmethod
    def named(cls, key: str, role: str = "") -> Rule:
        team, source, group = [*key.split("/", 2), "", ""][:3]
        return cls(source, group, team, role)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a membership comes from: the role ``by_hand`` ("" for none), those ``given`` by source, and their sum."""

    by_hand: str
    given: Mapping[str, str]
    role: str


def oidc_source(provider: str) -> str:
    """The source of rules for groups that this provider's tokens name."""
    return f"oidc:{provider}"


def source_name(source: str) -> str:
    """What people call a source: a provider's name, or SCIM."""
    return "SCIM" if source == SCIM else source.removeprefix(oidc_source(""))


def higher(one: str, other: str) -> bool:
    """Whether role ``one`` is above ``other``; "" is below all."""
    return _RANK[one] > _RANK[other]


def highest(roles: Iterable[str]) -> str:
    return max(roles, key=_RANK.__getitem__, default="")


def wanted(rules: Iterable[Rule], source: str, groups: Collection[str]) -> dict[str, str]:
    """The role that these groups give, by team; teams where they give none are left out."""
    roles: dict[str, str] = {}
    for rule in rules:
        if rule.source == source and rule.group in groups:
            roles[rule.team] = highest((roles.get(rule.team, ""), rule.role))
    return roles


def settled(held: str, mark: Mark | None, source: str, gives: str) -> tuple[str, Mark | None]:
    """The role in a team, and its mark, once ``source`` gives ``gives`` there; "" stands for no role.

    ``held`` is the role that the person has. Where it is not the one that the mark made, somebody set it by hand since.
    """
    by_hand = mark.by_hand if mark is not None and mark.role == held else held
    given = {name: role for name, role in (mark.given if mark else {}).items() if name != source}
    if gives:
        given[source] = gives
    if not given:
        return by_hand, None
    role = highest((by_hand, *given.values()))
    return role, Mark(by_hand, given, role)


def rule_errors(rule: Rule) -> list[FieldError]:
    """What is right at each place where a rule is not; whether source and team exist is asked elsewhere."""
    errors = []
    if not _SOURCE.fullmatch(rule.source):
        errors.append(FieldError("source", "Choose scim, or oidc: and the name of a provider."))
    if not 0 < len(rule.group) <= LONGEST_GROUP or rule.group != rule.group.strip():
        told = f"Write the group exactly as the provider sends it, at most {LONGEST_GROUP} characters."
        errors.append(FieldError("group", told))
    if rule.role not in ROLES:
        errors.append(FieldError("role", f"A role is one of {', '.join(ROLES)}."))
    return errors

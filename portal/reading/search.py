"""Anything by its name, from anywhere: the index of what exists, and the pages and actions of the portal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from governance.access import Rights
from idp.catalog.models import Membership
from portal.reading.actions import Act, acts, meant
from provisioning.domain.searching import Entry
from provisioning.selectors import searching

EACH: Final = 8
LONGEST: Final = 80
# How a kind is called and drawn.
SHOWN: Final = {
    "system": ("System", "stack-2"),
    "environment": ("Environment", "server-2"),
    "component": ("Component", "box"),
    "api": ("API", "api"),
    "capability": ("Capability", "puzzle"),
    "team": ("Team", "users"),
    "person": ("Person", "user"),
    "policy": ("Policy", "scale"),
    "resource": ("Resource", "puzzle"),
    "doc": ("Guide", "book"),
    "entity": ("Entity", "stack-2"),
    "change": ("Change", "inbox"),
    "run": ("Run", "player-play"),
}


@dataclass(frozen=True, slots=True)
class Hit:
    url: str
    icon: str
    title: str
    kind: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Results:
    """``instead``: the words that were looked for, when those that were typed stand nowhere."""

    hits: list[Hit]
    instead: str = ""


def search(rights: Rights, typed: str, *, each: int = EACH) -> Results:
    """Pages and actions first, then what exists, best first; nothing for an empty query. At most five queries."""
    found = searching.search(rights, typed, each=each)
    instead = " ".join(found.instead)
    ways = acts(rights, instead or typed)
    if not ways and not found.entries:
        instead = meant(rights, typed)
        ways = acts(rights, instead)
        instead = instead if ways else ""
    addresses = _people(rights, found.entries)
    return Results([*map(_way, ways[:each]), *(_hit(entry, addresses) for entry in found.entries)], instead)


def _way(act: Act) -> Hit:
    return Hit(act.url, act.icon, act.title, act.kind)


def _hit(entry: Entry, people: dict[int, str]) -> Hit:
    word, icon = SHOWN[entry.kind]
    title = f"{entry.name} {entry.title}" if entry.kind == "change" else entry.title
    url = people[entry.object_id] if entry.kind == "person" else entry.path
    return Hit(url, icon, title, word, "" if entry.detail == entry.title else entry.detail)


def _people(rights: Rights, entries: list[Entry]) -> dict[int, str]:
    """Where each person is found: administrators open the person, others the team that they work in."""
    people = {entry.object_id: entry.name for entry in entries if entry.kind == "person"}
    if not people or rights.may_administer():
        return {one: reverse("person", args=[name]) for one, name in people.items()}
    rows = Membership.objects.filter(user__in=people, team__archived_at=None).order_by("-team__slug")
    teams = dict(rows.values_list("user_id", "team__slug"))
    return {one: reverse("team", args=[teams[one]]) if one in teams else reverse("teams") for one in people}

"""Anything by its name, from anywhere: systems, components, environments, capabilities, changes and teams.

Six queries, each bounded, each within what the person may see. Titles of changes are searched among the most recent
only, because that table grows for ever; older ones are found by their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.urls import reverse

from governance.access import Rights, visible
from idp.catalog.models import Component, System, Team
from provisioning.models import Capability, Change, Environment

EACH: Final = 8
LONGEST: Final = 80
RECENT_CHANGES: Final = 1_000
_NUMBER: Final = re.compile(r"^#?(\d{1,15})$")


@dataclass(frozen=True, slots=True)
class Found:
    url: str
    icon: str
    title: str
    kind: str
    about: str = ""


def search(rights: Rights, typed: str, *, each: int = EACH) -> list[Found]:
    """What fits all the words, exact names first within each kind; nothing for an empty query."""
    words = typed.replace("/", " ").split()[:6]
    if not words:
        return []
    found = list(_all(rights, words, _NUMBER.match(typed.strip()), each))
    whole = typed.strip().lower()
    return sorted(found, key=lambda one: one.title.lower() != whole)


def _all(rights: Rights, words: list[str], number: re.Match[str] | None, each: int) -> Iterator[Found]:
    if number:
        yield from _changes(visible(Change.objects.filter(pk=int(number.group(1))), rights), 1)
    systems = visible(System.objects.select_related("team"), rights, "")
    for one in _fitting(systems, words, "slug", "name", "team__slug").order_by("slug")[:each]:
        yield Found(reverse("system", args=[one.slug]), "stack-2", one.slug, "System", one.description)
    yield from _environments(rights, words, each)
    for one in _fitting(Capability.objects.defer("readme"), words, "name", "title").order_by("name")[:each]:
        yield Found(reverse("capability", args=[one.name]), one.icon or "puzzle", one.name, "Capability", one.summary)
    yield from _components(rights, words, each)
    for one in _fitting(Team.objects.all(), words, "slug", "name").order_by("slug")[:each]:
        yield Found(reverse("team", args=[one.slug]), "users", one.name, "Team", one.description)
    if not number:
        recent = Change.objects.order_by("-id").values("pk")[:RECENT_CHANGES]
        named = visible(Change.objects.filter(pk__in=recent), rights).order_by("-id")
        yield from _changes(_fitting(named, words, "title", "requester__username"), each)


def _environments(rights: Rights, words: list[str], each: int) -> Iterator[Found]:
    rows = visible(Environment.objects.filter(deleted_at=None), rights).select_related("system", "stage")
    for one in _fitting(rows, words, "name", "system__slug").order_by("system__slug", "stage__order", "name")[:each]:
        url = reverse("environment", args=[one.system.slug, one.name])
        yield Found(url, "server-2", f"{one.system.slug} / {one.name}", "Environment", one.stage.name)


def _components(rights: Rights, words: list[str], each: int) -> Iterator[Found]:
    rows = visible(Component.objects.select_related("system"), rights)
    for one in _fitting(rows, words, "slug", "name").order_by("slug")[:each]:
        yield Found(
            reverse("component", args=[one.system.slug, one.slug]), "box", one.slug, "Component", one.system.slug
        )


def _changes(rows: QuerySet[Change], each: int) -> Iterator[Found]:
    shown = rows.select_related("requester").only("pk", "title", "state", "requester__username")
    for one in shown[:each]:
        about = f"{one.requester.username}, {one.state}"
        yield Found(reverse("change", args=[one.pk]), "inbox", f"#{one.pk} {one.title}", "Change", about)


def _fitting(rows: QuerySet[Any], words: list[str], *fields: str) -> QuerySet[Any]:
    """Rows of which each word stands in one of the fields."""
    for word in words:
        wanted = Q()
        for name in fields:
            wanted |= Q(**{f"{name}__icontains": word})
        rows = rows.filter(wanted)
    return rows

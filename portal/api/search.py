"""One search over everything the caller may see: names first, a few of each kind."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from rest_framework.request import Request

from idp.catalog import selectors as catalog
from portal.api import paths
from portal.api.answers import answer
from portal.api.endpoint import Endpoint
from portal.api.faults import BadRequest
from portal.api.operation import Query, operation
from portal.api.shapes.capabilities import SEARCH
from portal.api.shapes.words import text
from provisioning.models import Capability
from provisioning.selectors import changes, environments

EACH = 8
Hit = dict[str, str]


class Search(Endpoint):
    @operation(
        "search",
        "Search",
        area="Start",
        answers={200: SEARCH},
        query=(Query("q", text("What to look for; needed.", most=100)),),
        about="Environments, systems, components, capabilities, teams and changes whose name holds the words.",
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = self.query.get("q", "").strip()
        if not wanted:
            raise BadRequest("Say what to look for: /api/v1/search/?q=checkout.", code="bad-query")
        found = [
            _environments(self.rights, wanted),
            _catalog(self.rights, wanted),
            _capabilities(wanted),
            _changes(self.rights, wanted),
        ]
        hits = [hit for kind in found for hit in kind]
        return answer({"query": wanted, "items": hits, "more": any(len(kind) >= EACH for kind in found)})


def _environments(rights: Any, wanted: str) -> list[Hit]:
    return [
        _hit(
            "environment",
            f"{row.system.slug}/{row.name}",
            f"{row.system.name} · {row.name}",
            f"{row.stage.title}, {row.state}",
            paths.environment(row.system.slug, row.name),
            f"/environments/{row.system.slug}/{row.name}/",
        )
        for row in environments.environment_list(rights, query=wanted)[:EACH]
    ]


def _catalog(rights: Any, wanted: str) -> list[Hit]:
    addresses = {"system": paths.system, "component": paths.component, "team": paths.team}
    pages = {"system": "/systems/{}/", "component": "/search?q={}", "team": "/teams/{}/"}
    return [
        _hit(hit.kind, hit.slug, hit.name, hit.detail, addresses[hit.kind](hit.slug), pages[hit.kind].format(hit.slug))
        for hit in catalog.search(rights, wanted, limit=EACH)
    ]


def _capabilities(wanted: str) -> list[Hit]:
    rows = Capability.objects.filter(Q(name__icontains=wanted) | Q(title__icontains=wanted)).order_by("name")[:EACH]
    return [
        _hit("capability", row.name, row.title, row.summary, paths.capability(row.name), f"/capabilities/{row.name}/")
        for row in rows
    ]


def _changes(rights: Any, wanted: str) -> list[Hit]:
    return [
        _hit("change", f"#{row.pk}", row.title, row.state, paths.change(row.pk), f"/changes/{row.pk}/")
        for row in changes.change_list(rights, query=wanted)[:EACH]
    ]


def _hit(kind: str, name: str, title: str, detail: str, url: str, page: str) -> Hit:
    return {"kind": kind, "name": name, "title": title, "detail": detail, "url": url, "page": page}

"""One search over everything the caller may see, in the order in which the portal shows it."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from portal.api import paths
from portal.api.answers import answer
from portal.api.endpoint import Endpoint
from portal.api.faults import BadRequest
from portal.api.operation import Query, operation
from portal.api.shapes.capabilities import SEARCH
from portal.api.shapes.words import text
from provisioning.domain.searching import KINDS, Entry
from provisioning.selectors import searching

EACH = 8


class Search(Endpoint):
    @operation(
        "search",
        "Search",
        area="Start",
        answers={200: SEARCH},
        query=(
            Query("q", text("What to look for; needed.", most=100)),
            Query("kind", text("Only things of this kind.", one_of=KINDS)),
        ),
        about=(
            "Systems, environments, resources, components, APIs and other imported entities, capabilities, teams, "
            "policies, changes, runs and guides that hold all the words, or begin so; people as well for "
            "administrators. Where none does, words spelt alike are looked for, and named in `instead`."
        ),
    )
    def get(self, request: Request) -> HttpResponse:
        wanted = self.query.get("q", "").strip()
        if not wanted:
            raise BadRequest("Say what to look for: /api/v1/search/?q=checkout.", code="bad-query")
        kind = self.query.get("kind")
        kinds = tuple(
            one for one in KINDS if one == (kind or one) and (one != "person" or self.rights.may_administer())
        )
        found = searching.search(self.rights, wanted, each=EACH, kinds=kinds)
        hits = [_hit(entry) for entry in found.entries]
        full = {kind for kind in KINDS if sum(hit["kind"] == kind for hit in hits) >= EACH}
        return answer({"query": wanted, "instead": " ".join(found.instead), "items": hits, "more": bool(full)})


def _hit(entry: Entry) -> dict[str, str]:
    return {
        "kind": entry.kind,
        "name": entry.name,
        "title": entry.title,
        "detail": entry.detail,
        "url": _address(entry),
        "page": entry.path or f"/people/{entry.name}/",
    }


def _address(entry: Entry) -> str:
    """Where the API has it; what is only a page has that as its address."""
    match entry.kind:
        case "system":
            return paths.system(entry.name)
        case "component":
            return paths.component(entry.name)
        case "environment":
            return paths.environment(*entry.name.split("/"))
        case "resource":
            system, environment, _ = entry.name.split("/")
            return paths.environment(system, environment)
        case "capability":
            return paths.capability(entry.name)
        case "team":
            return paths.team(entry.name)
        case "person":
            return paths.person(entry.name)
        case "policy":
            return paths.policy(entry.name)
        case "change":
            return paths.change(entry.object_id)
        case "run":
            return paths.run(entry.object_id)
    return entry.path

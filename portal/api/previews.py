"""Teams that opted in to a capability's previews. Their maintainers decide, and platform admins."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api.answers import answer, empty, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.shapes import capabilities as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.models import PreviewTeam
from provisioning.selectors.capabilities import capability_get
from provisioning.services import contract_states as services

AREA = "Capabilities"


class PreviewTeams(Endpoint):
    @operation(
        "previews_list", "List the teams that see previews", area=AREA, answers={200: shapes.PREVIEW_PAGE}, query=PAGED
    )
    def get(self, request: Request, capability: str) -> HttpResponse:
        rows = PreviewTeam.objects.filter(capability=capability_get(capability)).select_related("team", "joined_by")
        return listing(request, self.query, rows, ("id",), preview_row)

    @operation(
        "previews_join",
        "Opt in to previews",
        area=AREA,
        answers={200: shapes.PREVIEW},
        body=shapes.PREVIEW_JOIN,
        scope="admin",
        about="Maintainers of the team and platform admins. Preview versions are then found by their exact number.",
    )
    def post(self, request: Request, capability: str) -> HttpResponse:
        row = services.preview_join(self.actor, capability=capability, now=clock.now(), **self.sent)
        return answer(preview_row(row))


class PreviewLeave(Endpoint):
    @operation(
        "previews_leave",
        "Opt out of previews",
        area=AREA,
        answers={204: None},
        body=NOTHING,
        scope="admin",
        about="What uses a preview already may stay; nothing new begins to.",
    )
    def post(self, request: Request, capability: str, team: str) -> HttpResponse:
        services.preview_leave(self.actor, capability=capability, team=team, now=clock.now())
        return empty()


def preview_row(row: PreviewTeam) -> dict[str, Any]:
    """Needs ``team`` and ``joined_by`` joined."""
    return {
        "team": row.team.slug,
        "joined_at": moment(row.joined_at),
        "joined_by": row.joined_by.username if row.joined_by else None,
    }

"""Host names and whose they are. Platform admins give them and take them back."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import Rights
from idp.catalog.selectors import system_get, team_get
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import created, empty, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import availability as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.models import HostClaim
from provisioning.selectors.hosts import host_claims
from provisioning.services.hosts import host_give, host_take_back

AREA = "Administration"


class Hosts(Endpoint):
    @operation(
        "hosts_list",
        "List hosts and whose they are",
        area=AREA,
        answers={200: shapes.HOST_PAGE},
        query=(
            Query("q", text("Only hosts that contain this.", most=80)),
            Query("team", text("Only this team's.", most=63)),
            *PAGED,
        ),
        about="Those of systems that you may not see are left out.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = host_claims(self.rights, query=self.query.get("q", ""), team=self.query.get("team", ""))
        return listing(request, self.query, rows, ("host",), host_row)

    @operation(
        "hosts_give",
        "Give a host to a team",
        area=AREA,
        answers={201: shapes.HOST},
        body=shapes.HOST_GIVE,
        scope="admin",
        problems=(409,),
        about="Platform admins only. What a team took by asking first may be given to another; its routes stay until "
        "they are changed.",
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        system = self.sent.get("system")
        claim = host_give(
            self.actor,
            host=self.sent["host"],
            team=_named("team", team_get, self.rights, self.sent["team"]),
            system=None if system is None else _named("system", system_get, self.rights, system),
            note=self.sent.get("note", ""),
            now=clock.now(),
        )
        return created(host_row(claim), paths.host(claim.host))


class HostTakeBack(Endpoint):
    @operation(
        "hosts_take_back",
        "Take a host back",
        area=AREA,
        answers={204: None},
        body=NOTHING,
        scope="admin",
        about="Platform admins only. Routes that use it stay; the next change that asks for it gets it.",
    )
    def post(self, request: Request, host: str) -> HttpResponse:
        host_take_back(self.actor, host=host, now=clock.now())
        return empty()


def _named(field: str, get: Any, rights: Rights, name: str) -> Any:
    """What ``get`` finds; InvalidInput at ``field`` when there is no such thing."""
    try:
        return get(rights, name)
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError(field, error.message)]) from None


def host_row(claim: HostClaim) -> dict[str, Any]:
    """Needs ``team``, ``system`` and ``made_by`` joined."""
    return {
        "host": claim.host,
        "team": claim.team.slug,
        "system": claim.system.slug if claim.system else None,
        "origin": claim.origin,
        "note": claim.note,
        "made_by": claim.made_by.username if claim.made_by else None,
        "made_at": moment(claim.made_at),
        "url": paths.host(claim.host),
    }

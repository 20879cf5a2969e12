"""The index of the API, and who the caller is to it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import Quota
from governance.selectors.quota import quota_states
from idp.catalog.models import Membership, Team
from idp.kernel.errors import NotSignedIn
from portal.api.answers import answer
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.figures import quota_row
from portal.api.operation import operation
from portal.api.paths import ROOT
from portal.api.shapes import catalog as shapes
from portal.api.shapes import everywhere
from provisioning.selectors import changes

AREAS = {
    "openapi": "openapi.json",
    "docs": "docs",
    "me": "me",
    "notices": "notices/",
    "my_notices": "me/notices",
    "teams": "teams/",
    "systems": "systems/",
    "ownership": "ownership/",
    "transfers": "transfers/",
    "people": "people/",
    "groups": "groups/",
    "components": "components/",
    "capabilities": "capabilities/",
    "campaigns": "campaigns/",
    "stages": "stages/",
    "clusters": "clusters/",
    "hosts": "hosts/",
    "policies": "policies/",
    "approval_routes": "approval-routes/",
    "stand_ins": "stand-ins/",
    "quotas": "quotas/",
    "environments": "environments/",
    "plans": "plans/",
    "changes": "changes/",
    "trains": "trains/",
    "agents": "agents/",
    "audit": "audit/",
    "search": "search/",
    "environment_schema": "schemas/environment.json",
    "contract_schema": "schemas/contract.json",
    "policy_schema": "schemas/policy.json",
}


class Index(PublicEndpoint):
    @operation("index", "Index", area="Start", answers={200: everywhere.INDEX}, scope=None, about="Needs no identity.")
    def get(self, request: Request) -> HttpResponse:
        return answer({"links": {name: ROOT + path for name, path in AREAS.items()}})


class Me(Endpoint):
    @operation(
        "me",
        "Who am I",
        area="Start",
        answers={200: shapes.ME},
        scope=None,
        about="What this identity is and may; a token of any scope may ask.",
    )
    def get(self, request: Request) -> HttpResponse:
        rights, actor = self.rights, self.actor
        if not rights.signed_in:
            raise NotSignedIn("This account is switched off.")
        waiting = changes.waiting_count(rights) if rights.has_scope("read") else 0
        return answer(
            {
                "username": actor.username,
                "via": "token" if actor.token_id else "session",
                "scopes": None if actor.scopes is None else sorted(actor.scopes),
                "systems": sorted(actor.systems),
                "is_admin": rights.is_admin,
                "is_auditor": rights.is_auditor,
                "groups": sorted(name for name in rights.groups if not name.startswith("team:")),
                "teams": _teams(rights),
                "waiting_on_me": waiting,
            }
        )


def _teams(rights: Any) -> list[dict[str, Any]]:
    """My teams with my role and their quota; four queries however many teams."""
    roles = dict(Membership.objects.filter(user_id=rights.actor.user_id).values_list("team_id", "role"))
    ids = set(roles) | set(rights.teams)
    quotas = {quota.team_id: quota for quota in Quota.objects.filter(team_id__in=ids).select_related("team")}
    states = quota_states(quotas)
    return [
        {
            "slug": team.slug,
            "name": team.name,
            "role": roles.get(team.pk),
            "may": sorted(rights.teams.get(team.pk, ())),
            "quota": quota_row(quotas[team.pk], states[team.pk]) if team.pk in quotas else None,
        }
        for team in Team.objects.filter(pk__in=ids).order_by("slug")
    ]

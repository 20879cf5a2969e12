"""Sharing: grants by which an environment lends a resource, and what is lent to a system.

What is lent is used by an entry ``from`` in an environment's document, which is asked for like any change.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.access import Rights
from idp.catalog.selectors import system_get
from idp.kernel import clock
from idp.kernel.errors import Forbidden, NotFound
from portal.api import paths
from portal.api.answers import answer, created, empty, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import lending as shapes
from provisioning.models import ResourceGrant
from provisioning.selectors.environments import environment_get
from provisioning.selectors.lending import grants_given, grants_to_system, in_force, told_to, users_of
from provisioning.services import lending as services
from provisioning.services.lending import GrantWish

AREA = "Sharing"
KEEPERS = "Maintainers of the system's team and platform admins."


class Grants(Endpoint):
    @operation("grants_list", "List what an environment lends", area=AREA, answers={200: shapes.GRANTS})
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        found = environment_get(self.rights, system, name)
        now = clock.now()
        return answer({"items": [grant_row(row, self.rights, now) for row in grants_given(found)]})

    @operation(
        "grants_give",
        "Lend a resource",
        area=AREA,
        answers={201: shapes.GRANT},
        body=shapes.NEW_GRANT,
        scope="admin",
        problems=(409,),
        about=f"{KEEPERS} It changes nothing by itself: who may use it asks for that.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        now = clock.now()
        ends = self.sent.pop("ends_at", None)
        wish = GrantWish(system, name, ends_at=datetime.fromisoformat(ends) if ends else None, **self.sent)
        made = services.grant_give(self.actor, wish, now=now)
        row = services.grant_managed(self.actor, made.pk)
        return created(grant_row(row, self.rights, now), paths.grant(system, name, row.pk), version=row.version)


class OneGrant(Endpoint):
    @operation("grants_read", "Read a grant", area=AREA, answers={200: shapes.GRANT}, versioned=True)
    def get(self, request: Request, system: str, name: str, grant_id: int) -> HttpResponse:
        row = self._there(system, name, grant_id)
        return versioned(grant_row(row, self.rights, clock.now()), row.version)

    @operation(
        "grants_end_set",
        "Say when nobody begins to use it any more",
        area=AREA,
        answers={200: shapes.GRANT},
        body=shapes.GRANT_EDIT,
        scope="admin",
        versioned=True,
        about=f"{KEEPERS} Who uses it then goes on.",
    )
    def patch(self, request: Request, system: str, name: str, grant_id: int) -> HttpResponse:
        row, now = self._there(system, name, grant_id), clock.now()
        services.grant_managed(self.actor, row.pk)
        expected = require_if_match(request, row.version)
        ends = self.sent["ends_at"]
        services.grant_end_set(
            self.actor,
            row.pk,
            ends_at=datetime.fromisoformat(ends) if ends else None,
            expected_version=expected,
            now=now,
        )
        row = services.grant_managed(self.actor, row.pk)
        return versioned(grant_row(row, self.rights, now), row.version)

    @operation(
        "grants_take_back",
        "Take a grant back",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{KEEPERS} Refused with `grant-in-use` while somebody uses it.",
    )
    def delete(self, request: Request, system: str, name: str, grant_id: int) -> HttpResponse:
        row = self._there(system, name, grant_id)
        services.grant_managed(self.actor, row.pk)
        expected = require_if_match(request, row.version)
        services.grant_take_back(self.actor, row.pk, expected_version=expected, now=clock.now())
        return empty()

    def _there(self, system: str, name: str, grant_id: int) -> ResourceGrant:
        found = environment_get(self.rights, system, name)
        row = next((one for one in grants_given(found) if one.pk == grant_id), None)
        if row is None:
            raise NotFound(f"{system}/{name} has no grant {grant_id}.")
        return row


class Offers(Endpoint):
    @operation(
        "grants_offers",
        "List what others lend to a system",
        area=AREA,
        answers={200: shapes.OFFERS},
        about="Members of the system's team and platform admins.",
    )
    def get(self, request: Request, system: str) -> HttpResponse:
        found, now = system_get(self.rights, system), clock.now()
        if not self.rights.is_admin and found.team_id not in self.rights.teams:
            raise Forbidden(f"Only members of {found.team.name} read what others lend to {found.slug}.")
        return answer({"items": [_offer(row) for row in grants_to_system(found) if in_force(row, now)]})


def grant_row(row: ResourceGrant, rights: Rights, now: datetime) -> dict[str, Any]:
    environment, users = row.environment, users_of([row])
    seen = [one for one in users if rights.may_see(one.system)]
    return {
        "id": row.pk,
        "system": environment.system.slug,
        "environment": environment.name,
        "resource": row.resource,
        **told_to(row, rights),
        "beyond": row.beyond,
        "score_id": row.score_id,
        "note": row.note,
        "ends_at": moment(row.ends_at),
        "in_force": in_force(row, now),
        "users": [
            {
                "system": one.system.slug,
                "environment": one.environment,
                "resource": one.resource,
                "since": moment(one.since),
            }
            for one in seen
        ],
        "hidden_users": len(users) - len(seen),
        "given_by": row.given_by.username if row.given_by else None,
        "given_at": moment(row.given_at),
        "version": row.version,
        "url": paths.grant(environment.system.slug, environment.name, row.pk),
    }


def _offer(row: ResourceGrant) -> dict[str, Any]:
    environment = row.environment
    origin = {"system": environment.system.slug, "environment": environment.name, "resource": row.resource}
    return {
        "from": origin,
        "to_environment": row.to_environment,
        "score_id": row.score_id,
        "note": row.note,
        "ends_at": moment(row.ends_at),
    }

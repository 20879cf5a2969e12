"""``/scim/v2/Groups``."""

from __future__ import annotations

from functools import partial

from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.scim_schema import GROUP
from governance.models import ScimGroup
from governance.selectors.scim import scim_group_get, scim_groups
from governance.services import scim_groups as services
from idp.kernel import clock
from portal.api.answers import empty
from portal.api.scim import ScimEndpoint
from portal.api.scim_shapes import asked_filter, group_shape, listed, one_answer, wants


class Groups(ScimEndpoint):
    def get(self, request: Request) -> HttpResponse:
        members = wants(request, GROUP, "members")
        rows = scim_groups(asked_filter(request), members=members)
        return listed(request, GROUP, rows, partial(group_shape, members=members))

    def post(self, request: Request) -> HttpResponse:
        return _shown(request, services.scim_group_create(self.actor, sent=self.sent, now=clock.now()), 201)


class OneGroup(ScimEndpoint):
    def get(self, request: Request, key: str) -> HttpResponse:
        members = wants(request, GROUP, "members")
        row = scim_group_get(key, members=members)
        return one_answer(request, GROUP, row, group_shape(row, members=members))

    def put(self, request: Request, key: str) -> HttpResponse:
        row = services.scim_group_replace(self.actor, key, sent=self.sent, expected=self.expected, now=clock.now())
        return _shown(request, row)

    def patch(self, request: Request, key: str) -> HttpResponse:
        row = services.scim_group_patch(self.actor, key, sent=self.sent, expected=self.expected, now=clock.now())
        return _shown(request, row)

    def delete(self, request: Request, key: str) -> HttpResponse:
        services.scim_group_delete(self.actor, key, expected=self.expected, now=clock.now())
        return empty()


def _shown(request: Request, row: ScimGroup, status: int = 200) -> HttpResponse:
    """The group as it is stored now, with its members where they are asked for."""
    members = wants(request, GROUP, "members")
    return one_answer(
        request, GROUP, row, group_shape(scim_group_get(row.key, members=members), members=members), status
    )

"""``/scim/v2/Users``."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.scim_schema import USER
from governance.selectors.scim import scim_user_get, scim_users
from governance.services import scim_users as services
from idp.kernel import clock
from portal.api.answers import empty
from portal.api.scim import ScimEndpoint
from portal.api.scim_shapes import asked_filter, listed, one_answer, user_shape, wants


class Users(ScimEndpoint):
    def get(self, request: Request) -> HttpResponse:
        rows = scim_users(asked_filter(request), groups=wants(request, USER, "groups"))
        return listed(request, USER, rows, user_shape)

    def post(self, request: Request) -> HttpResponse:
        row = services.scim_user_create(self.actor, sent=self.sent, now=clock.now())
        return one_answer(request, USER, row, user_shape(row), 201)


class OneUser(ScimEndpoint):
    def get(self, request: Request, key: str) -> HttpResponse:
        row = scim_user_get(key)
        return one_answer(request, USER, row, user_shape(row))

    def put(self, request: Request, key: str) -> HttpResponse:
        row = services.scim_user_replace(self.actor, key, sent=self.sent, expected=self.expected, now=clock.now())
        return one_answer(request, USER, row, user_shape(row))

    def patch(self, request: Request, key: str) -> HttpResponse:
        row = services.scim_user_patch(self.actor, key, sent=self.sent, expected=self.expected, now=clock.now())
        return one_answer(request, USER, row, user_shape(row))

    def delete(self, request: Request, key: str) -> HttpResponse:
        services.scim_user_delete(self.actor, key, expected=self.expected, now=clock.now())
        return empty()

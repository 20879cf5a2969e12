"""Second factors over the API: to see one's own, and for admins to reset those of somebody who has lost theirs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.selectors.second_factors import factors_of, is_asked, passkeys_of
from governance.services.second_factor_rule import factors_reset
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.errors import NotSignedIn
from portal.api.answers import answer, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import second_factors as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.selectors.people import person_get


class MySecondFactor(Endpoint):
    @operation(
        "me_second_factor",
        "My second factor",
        area="Start",
        answers={200: shapes.SECOND_FACTOR},
        about="What the person who asks has beside the password. Changed on the account page only.",
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_scope("read")
        user = User.objects.filter(pk=self.actor.user_id or 0).first()
        if user is None:
            raise NotSignedIn("This account is switched off.")
        return answer(_detail(user))


class SecondFactorReset(Endpoint):
    @operation(
        "people_second_factor_reset",
        "Reset the second factor of a person",
        area="Administration",
        answers={200: shapes.SECOND_FACTOR},
        body=NOTHING,
        scope="admin",
        about="Platform admins only, and not their own. App, passkeys and recovery codes are worth nothing any more; "
        "the person is told, and signs in with the password.",
    )
    def post(self, request: Request, username: str) -> HttpResponse:
        self.rights.require_admin()
        user = factors_reset(self.actor, username=person_get(username).username, now=clock.now())
        return answer(_detail(user))


def _detail(user: User) -> dict[str, Any]:
    factors = factors_of(user.pk)
    return {
        "app": factors.app,
        "passkeys": [
            {"name": one.name, "added_at": moment(one.added_at), "used_at": moment(one.used_at)}
            for one in passkeys_of(user.pk)
        ],
        "recovery_codes_left": factors.recovery_codes,
        "required": user.has_usable_password() and is_asked(user),
    }

"""Rules of signing in: of whom a second factor is required, and who may sign in without a provider. For admins."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.local_sign_in import LocalRule
from governance.selectors.local_sign_in import closed_by, local_rule, proven_providers, shut_out_by
from governance.selectors.second_factors import asked_count, required_of, without_factor
from governance.services.local_sign_in import local_sign_in_set, rule_state
from governance.services.second_factor_rule import second_factor_require
from idp.kernel import clock
from portal.api.answers import content_tag, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import sign_in_rules as shapes

AREA = "Administration"
ADMINS = "Platform admins only."


class SecondFactorRule(Endpoint):
    @operation(
        "second_factor_rule_read",
        "Read of whom a second factor is required",
        area=AREA,
        answers={200: shapes.SECOND_FACTOR_RULE},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        return _factor_answer()

    @operation(
        "second_factor_rule_set",
        "Set of whom a second factor is required",
        area=AREA,
        answers={200: shapes.SECOND_FACTOR_RULE},
        body=shapes.SECOND_FACTOR_RULE_EDIT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} It asks from the next sign-in on; `people-edits` takes it back.",
    )
    def put(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        before = required_of()
        require_if_match(request, content_tag(before))
        second_factor_require(self.actor, of=self.sent["required_of"], expected=before, now=clock.now())
        return _factor_answer()


class LocalSignIn(Endpoint):
    @operation(
        "local_sign_in_read",
        "Read who may sign in without a provider",
        area=AREA,
        answers={200: shapes.LOCAL_SIGN_IN},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        return _local_answer()

    @operation(
        "local_sign_in_set",
        "Set who may sign in without a provider",
        area=AREA,
        answers={200: shapes.LOCAL_SIGN_IN},
        body=shapes.LOCAL_SIGN_IN_EDIT,
        problems=(409,),
        scope="admin",
        versioned=True,
        about=f"{ADMINS} Closed only while a provider works and an admin keeps a password.",
    )
    def put(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        before = local_rule()
        require_if_match(request, content_tag(rule_state(before)))
        wish = LocalRule(self.sent["open_to"], tuple(sorted(set(self.sent.get("keepers", ())))))
        local_sign_in_set(self.actor, wish, expected=before, now=clock.now())
        return _local_answer()


def _factor_answer() -> HttpResponse:
    """Versioned by what is edited, not by how many people it asks, which moves by itself."""
    rule = required_of()
    shown = {"required_of": rule, "asked": asked_count(rule), "without_factor": without_factor(rule).count()}
    return versioned(shown, content_tag(rule))


def _local_answer() -> HttpResponse:
    rule = local_rule()
    shown: dict[str, Any] = rule_state(rule) | {
        "provider_works": proven_providers().exists(),
        "closed_to": closed_by(rule).count(),
        "without_way": shut_out_by(rule).count(),
    }
    return versioned(shown, content_tag(rule_state(rule)))

"""Pipelines that are trusted: the rules of admins, and the exchange of a CI's identity token for one of ours."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from governance.models import TrustRule
from governance.services import trust_rules as services
from governance.services.workload_exchange import workload_exchange
from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import trust as shapes
from portal.origin import origin_of

AREA = "Administration"
ADMINS = "Platform admins only."


class Exchange(PublicEndpoint):
    @operation(
        "tokens_exchange",
        "Exchange an identity token",
        area="Start",
        answers={201: shapes.EXCHANGED},
        body=shapes.EXCHANGE,
        scope=None,
        problems=(403,),
        kept=False,
        about="For pipelines: an identity token (OIDC) of GitHub Actions, GitLab or another that an admin trusts, "
        "against a token that ends after minutes. Each identity token is taken once. docs/ci.md has whole pipelines.",
    )
    def post(self, request: Request) -> HttpResponse:
        plain = request._request
        token, plaintext, rule = workload_exchange(
            self.sent["identity"],
            address=origin_of(plain),
            request_id=getattr(plain, "request_id", ""),
            now=clock.now(),
        )
        made = {
            "token": plaintext,
            "expires_at": moment(token.expires_at),
            "account": rule.account.username,
            "rule": rule.name,
            "scopes": token.scopes,
            "systems": token.systems,
        }
        return answer(made, 201, {"Location": f"{paths.ROOT}me"})


class TrustRules(Endpoint):
    @operation(
        "trust_rules_list",
        "List trust rules",
        area=AREA,
        answers={200: shapes.TRUST_RULE_PAGE},
        query=PAGED,
        scope="admin",
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        rows = TrustRule.objects.select_related("account__service_of", "updated_by")
        return listing(request, self.query, rows, ("name",), trust_rule_row)


class OneTrustRule(Endpoint):
    @operation(
        "trust_rules_read",
        "Read a trust rule",
        area=AREA,
        answers={200: shapes.TRUST_RULE},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request, rule: str) -> HttpResponse:
        row = services.trust_rule_get(self.actor, rule)
        return versioned(trust_rule_row(row), row.version)

    @operation(
        "trust_rules_replace",
        "Make or edit a trust rule",
        area=AREA,
        answers={200: shapes.TRUST_RULE},
        body=shapes.TRUST_RULE_EDIT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} `If-Match: *` makes a new one.",
    )
    def put(self, request: Request, rule: str) -> HttpResponse:
        self.rights.require_admin()
        known = TrustRule.objects.filter(name=rule).values_list("version", flat=True).first()
        expected = require_if_match(request, known or 0)
        sent = {**self.sent, **{name: tuple(self.sent[name]) for name in ("scopes", "systems") if name in self.sent}}
        services.trust_rule_save(
            self.actor,
            name=rule,
            wish=services.TrustWish(**sent),
            expected_version=expected if known is not None else None,
            now=clock.now(),
        )
        row = services.trust_rule_get(self.actor, rule)
        return versioned(trust_rule_row(row), row.version)

    @operation(
        "trust_rules_remove",
        "Remove a trust rule",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=f"{ADMINS} Tokens that it led to end within minutes.",
    )
    def delete(self, request: Request, rule: str) -> HttpResponse:
        row = services.trust_rule_get(self.actor, rule)
        expected = require_if_match(request, row.version)
        services.trust_rule_remove(self.actor, name=rule, expected_version=expected, now=clock.now())
        return empty()


def trust_rule_row(row: TrustRule) -> dict[str, Any]:
    """Needs ``account__service_of`` and ``updated_by`` joined."""
    team = row.account.service_of
    return {
        "name": row.name,
        **services.rule_sides(row),
        "team": team.slug if team else None,
        "version": row.version,
        "updated_at": moment(row.updated_at),
        "updated_by": row.updated_by.username if row.updated_by else None,
        "url": f"{paths.ROOT}trust-rules/{row.name}/",
    }

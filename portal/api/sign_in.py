"""Providers that people sign in through, and rules that their groups give roles. For platform admins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from governance.domain.group_rule import Rule
from governance.domain.oidc import ProviderWish
from governance.models import GroupRule, SignInProvider
from governance.services import group_rules as rules
from governance.services import sign_in_providers as services
from idp.kernel import clock
from idp.kernel.errors import NotFound
from portal.api import paths
from portal.api.answers import answer, content_tag, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import sign_in as shapes
from portal.api.shapes.changes import NOTHING

AREA = "Administration"
ADMINS = "Platform admins only."


class SignInProviders(Endpoint):
    @operation(
        "sign_in_providers_list",
        "List sign-in providers",
        area=AREA,
        answers={200: shapes.PROVIDER_PAGE},
        query=PAGED,
        scope="admin",
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        return listing(request, self.query, SignInProvider.objects.all(), ("name",), provider_row)


class OneSignInProvider(Endpoint):
    @operation(
        "sign_in_providers_read",
        "Read a sign-in provider",
        area=AREA,
        answers={200: shapes.PROVIDER},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request, provider: str) -> HttpResponse:
        row = services.provider_get(self.actor, provider)
        return versioned(provider_row(row), row.version)

    @operation(
        "sign_in_providers_replace",
        "Make or edit a sign-in provider",
        area=AREA,
        answers={200: shapes.PROVIDER},
        body=shapes.PROVIDER_EDIT,
        scope="admin",
        versioned=True,
        about=f"{ADMINS} `If-Match: *` makes a new one. docs/sign-in.md says what providers send.",
    )
    def put(self, request: Request, provider: str) -> HttpResponse:
        self.rights.require_admin()
        known = SignInProvider.objects.filter(name=provider).values_list("version", flat=True).first()
        expected = require_if_match(request, known or 0)
        sent = {**self.sent, **({"scopes": tuple(self.sent["scopes"])} if "scopes" in self.sent else {})}
        services.provider_save(
            self.actor,
            name=provider,
            wish=ProviderWish(**sent),
            expected_version=expected if known is not None else None,
            now=clock.now(),
        )
        row = services.provider_get(self.actor, provider)
        return versioned(provider_row(row), row.version)

    @operation(
        "sign_in_providers_remove",
        "Remove a sign-in provider",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=f"{ADMINS} One that is switched off and that no group rule names. People keep their accounts.",
    )
    def delete(self, request: Request, provider: str) -> HttpResponse:
        row = services.provider_get(self.actor, provider)
        expected = require_if_match(request, row.version)
        services.provider_remove(self.actor, name=provider, expected_version=expected, now=clock.now())
        return empty()


class SignInProviderCheck(Endpoint):
    @operation(
        "sign_in_providers_check",
        "Check a sign-in provider",
        area=AREA,
        answers={200: shapes.PROVIDER_CHECK},
        body=NOTHING,
        scope="admin",
        about=f"{ADMINS} Asks the provider now where it is and which keys it has; changes nothing.",
    )
    def post(self, request: Request, provider: str) -> HttpResponse:
        row = services.provider_get(self.actor, provider)
        found = services.provider_check(self.actor, provider, services.wish_of(row))
        return answer({"findings": [asdict(one) for one in found]})


class GroupRules(Endpoint):
    @operation(
        "group_rules_list",
        "List group rules",
        area=AREA,
        answers={200: shapes.GROUP_RULE_PAGE},
        query=PAGED,
        scope="admin",
        about=ADMINS,
    )
    def get(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        return listing(request, self.query, GroupRule.objects.select_related("team"), ("id",), rule_row)

    @operation(
        "group_rules_set",
        "Make or edit a group rule",
        area=AREA,
        answers={200: shapes.GROUP_RULE_SAVED},
        body=shapes.GROUP_RULE_EDIT,
        scope="admin",
        about=f"{ADMINS} A source, group and team have one rule. Whoever is known to be in the group moves at once.",
    )
    def post(self, request: Request) -> HttpResponse:
        rule = Rule(**self.sent)
        moved = rules.group_rule_set(self.actor, rule, now=clock.now())
        row = GroupRule.objects.select_related("team").get(source=rule.source, group=rule.group, team__slug=rule.team)
        return answer({"rule": rule_row(row), "moves": _moves(moved)})


class GroupRulesPreview(Endpoint):
    @operation(
        "group_rules_preview",
        "Preview a group rule",
        area=AREA,
        answers={200: shapes.MOVES},
        body=shapes.GROUP_RULE_ASK,
        scope="admin",
        about=f"{ADMINS} Whose role a rule, or its removal, would move now; changes nothing.",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = {name: value for name, value in self.sent.items() if name != "remove"}
        moves = rules.group_rule_preview(self.actor, Rule(**sent), remove=self.sent.get("remove", False))
        return answer({"moves": _moves(moves)})


class OneGroupRule(Endpoint):
    @operation(
        "group_rules_read",
        "Read a group rule",
        area=AREA,
        answers={200: shapes.GROUP_RULE},
        scope="admin",
        versioned=True,
        about=ADMINS,
    )
    def get(self, request: Request, rule_id: int) -> HttpResponse:
        shown = rule_row(self._row(rule_id))
        return versioned(shown, content_tag(shown))

    @operation(
        "group_rules_remove",
        "Remove a group rule",
        area=AREA,
        answers={200: shapes.MOVES},
        scope="admin",
        versioned=True,
        about=f"{ADMINS} Who has a role by this rule alone loses it at once.",
    )
    def delete(self, request: Request, rule_id: int) -> HttpResponse:
        row = self._row(rule_id)
        require_if_match(request, content_tag(rule_row(row)))
        return answer({"moves": _moves(rules.group_rule_remove(self.actor, rules.rule_of(row), now=clock.now()))})

    def _row(self, rule_id: int) -> GroupRule:
        self.rights.require_admin()
        row = GroupRule.objects.select_related("team").filter(pk=rule_id).first()
        if row is None:
            raise NotFound(f"There is no group rule {rule_id}.")
        return row


def provider_row(row: SignInProvider) -> dict[str, Any]:
    return {
        "name": row.name,
        **services.provider_sides(row),
        "has_secret": bool(row.secret),
        "worked_at": moment(row.worked_at),
        "trouble": row.trouble,
        "trouble_at": moment(row.trouble_at),
        "redirect_uri": f"{settings.BASE_URL}{reverse('sign-in-return', args=[row.name])}",
        "version": row.version,
        "updated_at": moment(row.updated_at),
        "updated_by": row.updated_by,
        "url": f"{paths.ROOT}sign-in-providers/{row.name}/",
    }


def rule_row(row: GroupRule) -> dict[str, Any]:
    """Needs ``team`` joined."""
    return {
        "id": row.pk,
        **asdict(rules.rule_of(row)),
        "updated_at": moment(row.updated_at),
        "updated_by": row.updated_by,
        "url": f"{paths.ROOT}group-rules/{row.pk}/",
    }


def _moves(moves: Iterable[rules.Move]) -> list[dict[str, str]]:
    return [asdict(one) for one in moves]

"""Shapes of signing in through providers, and of rules that groups give roles."""

from __future__ import annotations

from governance.domain.group_rule import LONGEST_GROUP
from governance.domain.oidc import MOST_SESSION_HOURS
from idp.catalog.names import ROLES
from portal.api.shapes.words import flag, link, listed, maybe, moment, page_of, record, ref, shape, text, whole

_SCOPES = listed(text(least=1, most=80), "openid and further ones.", least=1, most=20)
PROVIDER_EDIT = shape(
    "SignInProviderEdit",
    record(
        {
            "title": text("What follows “Sign in with” on the button.", least=1, most=60, example="Corp"),
            "issuer": text(
                "As the provider names itself.", least=1, most=300, example="https://login.example.com/realms/corp"
            ),
            "client_id": text(least=1, most=255, example="slipway"),
        },
        {
            "secret": text("The client secret; never answered. Without it the stored one stays.", most=1_000),
            "scopes": _SCOPES,
            "group_claim": text("Where groups are, such as realm_access.roles; empty: groups are not read.", most=120),
            "link_claim": text("The claim by which a person that SCIM made is found; empty: nobody is.", most=120),
            "missing_is_none": flag("Whether who comes without the claim is in no group; else groups stay as known."),
            "may_create": flag("Whether whoever signs in first gets an account."),
            "session_hours": whole(
                "After how many one is to sign in there again; 0: two weeks.", least=0, most=MOST_SESSION_HOURS
            ),
            "active": flag("Whether it is offered."),
        },
        closed=True,
        examples=(
            {
                "title": "Corp",
                "issuer": "https://login.example.com/realms/corp",
                "client_id": "slipway",
                "scopes": ["openid", "profile", "email"],
                "group_claim": "groups",
            },
        ),
    ),
)
PROVIDER = shape(
    "SignInProvider",
    record(
        {
            "name": text(),
            "title": text(),
            "issuer": text(),
            "client_id": text(),
            "has_secret": flag(),
            "scopes": listed(text()),
            "group_claim": text(),
            "link_claim": text(),
            "missing_is_none": flag(),
            "may_create": flag(),
            "session_hours": whole("0: two weeks."),
            "active": flag(),
            "worked_at": maybe(moment("When somebody came by it last, to the minute; null: nobody has.")),
            "trouble": text("Why nobody could come by it last; empty when somebody could."),
            "trouble_at": maybe(moment("Since when; null without trouble.")),
            "redirect_uri": text("The address to register at the provider."),
            "version": whole(),
            "updated_at": moment(),
            "updated_by": text(),
            "url": link(),
        }
    ),
)
PROVIDER_PAGE = page_of(PROVIDER)
PROVIDER_CHECK = shape(
    "SignInProviderCheck",
    record({"findings": listed(record({"tone": text(one_of=("ok", "warn", "bad")), "text": text()}))}),
)
_RULE = {
    "source": text("scim, or oidc: and the name of a provider.", least=1, most=40, example="oidc:corp"),
    "group": text("Exactly as the source sends it.", least=1, most=LONGEST_GROUP, example="checkout-devs"),
    "team": text("Slug of the team.", least=1, most=30, example="payments"),
    "role": text(one_of=ROLES),
}
_GIVEN = {"source": "oidc:corp", "group": "checkout-devs", "team": "payments", "role": "developer"}
GROUP_RULE_EDIT = shape("GroupRuleEdit", record(_RULE, closed=True, examples=(_GIVEN,)))
GROUP_RULE_ASK = shape(
    "GroupRuleQuestion",
    record(
        _RULE, {"remove": flag("Ask about its removal instead.")}, closed=True, examples=({**_GIVEN, "remove": True},)
    ),
)
GROUP_RULE = shape(
    "GroupRule",
    record({"id": whole(), **_RULE, "updated_at": moment(), "updated_by": text(), "url": link()}),
)
GROUP_RULE_PAGE = page_of(GROUP_RULE)
_MOVES = listed(
    record({"username": text(), "team": text(), "before": text("Empty for none."), "after": text("Empty for none.")}),
    "People whose role it moves, among those whose groups are known.",
)
MOVES = shape("GroupRuleMoves", record({"moves": _MOVES}))
GROUP_RULE_SAVED = shape("GroupRuleSaved", record({"rule": ref(GROUP_RULE), "moves": _MOVES}))

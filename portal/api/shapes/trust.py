"""Shapes of trusting pipelines: the rules, and the exchange of an identity token."""

from __future__ import annotations

from governance.domain.workload import MOST_CLAIMS, MOST_MINUTES, SCOPES
from portal.api.shapes.words import flag, link, listed, mapped, maybe, moment, page_of, record, shape, text, whole

_ISSUER = text("As tokens name it.", least=9, most=300, example="https://token.actions.githubusercontent.com")
_SUBJECT = text(
    "Pattern of subjects; * stands for any letters.",
    least=1,
    most=500,
    example="repo:acme/checkout:ref:refs/heads/main",
)
_SCOPES = listed(text(one_of=SCOPES), least=1, most=len(SCOPES))
_CLAIMS = {**mapped(text(least=1, most=500), "Patterns of further claims, by name."), "maxProperties": MOST_CLAIMS}

TRUST_RULE_EDIT = shape(
    "TrustRuleEdit",
    record(
        {
            "issuer": _ISSUER,
            "audience": text(
                "What pipelines ask their token for.", least=1, most=200, example="https://slipway.example"
            ),
            "subject": _SUBJECT,
            "account": text("Username of the service account whose token they get.", least=1, most=150),
        },
        {
            "claims": _CLAIMS,
            "scopes": _SCOPES,
            "systems": listed(text(least=1, most=30), "Empty for all that the account may see.", most=50),
            "minutes": whole("How long its tokens last.", least=1, most=MOST_MINUTES),
            "active": flag("False lets it trust nobody."),
        },
        closed=True,
        examples=(
            {
                "issuer": "https://token.actions.githubusercontent.com",
                "audience": "https://slipway.example",
                "subject": "repo:acme/checkout:ref:refs/heads/main",
                "account": "payments-ci",
                "systems": ["checkout"],
            },
        ),
    ),
)
TRUST_RULE = shape(
    "TrustRule",
    record(
        {
            "name": text(),
            "issuer": text(),
            "audience": text(),
            "subject": text(),
            "claims": mapped(text()),
            "account": text(),
            "team": maybe(text("The account's team.")),
            "scopes": listed(text()),
            "systems": listed(text()),
            "minutes": whole(),
            "active": flag(),
            "version": whole(),
            "updated_at": moment(),
            "updated_by": maybe(text()),
            "url": link(),
        }
    ),
)
TRUST_RULE_PAGE = page_of(TRUST_RULE)
EXCHANGE = shape(
    "TokenExchange",
    record(
        {"identity": text("The identity token that the CI signed.", least=20, most=16_000)},
        closed=True,
        examples=({"identity": "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJyZXBvOmFjbWUvY2hlY2tvdXQifQ.c2lnbmVk"},),
    ),
)
EXCHANGED = shape(
    "ExchangedToken",
    record(
        {
            "token": text("Given this once; only a hash of it is kept."),
            "expires_at": moment(),
            "account": text(),
            "rule": text("The rule that trusts the pipeline."),
            "scopes": listed(text()),
            "systems": listed(text()),
        }
    ),
)

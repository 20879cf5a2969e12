"""Who may sign in without a provider: set by platform admins, and asked at every local way in.

A rule that closes local sign-in needs a provider through which somebody has come in, and an admin who keeps a password;
the last such provider is neither switched off nor moved to another issuer while it holds. Tokens and open sessions go
on. Lock order: rule row, audit head.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from governance.access import rights_of
from governance.domain.local_sign_in import EVERYBODY, KEEPERS, WORDS, LocalRule, rule_problem
from governance.models import ExternalIdentity, LocalSignInRule, SignInProvider
from governance.selectors.local_sign_in import able_admins, is_open_for, local_rule, proven_providers
from governance.services.audit import audit_append
from governance.services.people_edits import people_edit_keep
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, PreconditionFailed

KEY: Final = "open-to"
RULE: Final = 1
"""The one row's key."""


@transaction.atomic
def local_sign_in_set(actor: Actor, rule: LocalRule, *, expected: LocalRule | None = None, now: datetime) -> None:
    """Who may sign in locally from the next sign-in on. Platform admins only.

    ``expected`` is what was read; PreconditionFailed when it is something else by now. Conflict while no provider works
    or no admin would be left.
    """
    rights_of(actor).require_admin()
    row = LocalSignInRule.objects.select_for_update().filter(pk=RULE).first() or LocalSignInRule(pk=RULE)
    before = LocalRule(row.open_to, tuple(row.keepers))
    if expected is not None and expected != before:
        raise PreconditionFailed("Who may sign in locally was changed since you read it; nothing was stored.")
    local_rule_checked(rule)
    if before == rule:
        return
    row.open_to, row.keepers, row.version = rule.open_to, list(rule.keepers), row.version + 1
    row.save()
    sides = {"before": rule_state(before), "after": rule_state(rule)}
    label = f"Local sign-in for {WORDS[rule.open_to]}"
    people_edit_keep(actor, "local-sign-in", KEY, label=label, now=now, **sides)
    audit_append(
        actor,
        action="local-sign-in.set",
        object_type="setting",
        object_id="local-sign-in",
        object_label="Local sign-in",
        data=sides,
        now=now,
    )


def local_rule_checked(rule: LocalRule) -> None:
    """InvalidInput and Conflict as for ``local_sign_in_set``. Writes nothing."""
    able = frozenset(able_admins().values_list("username", flat=True))
    if told := rule_problem(rule, able=able):
        field = "keepers" if rule.open_to == KEEPERS else "open_to"
        raise InvalidInput(told, errors=[FieldError(field, told)])
    if rule.open_to == EVERYBODY:
        return
    if not proven_providers().exists():
        raise Conflict(
            "Nobody has come in through a provider yet.",
            code="illegal-state",
            remedy="Set one up and sign in through it first, so that it is known to work.",
        )
    if not able:
        raise Conflict(
            "No platform admin has a password, so nobody could sign in while the provider is away.",
            code="last-admin",
            remedy="Give one of them a password first.",
        )


def local_sign_in_require(user: User) -> None:
    """Forbidden for a person who is to come through a provider. Writes nothing."""
    if not is_open_for(user):
        raise Forbidden(
            "You sign in through your provider; passwords and passkeys of Slipway are closed to you.",
            code="local-sign-in-closed",
            remedy="Choose the provider on the sign-in page, or ask a platform admin.",
        )


def require_way_left(row: SignInProvider, *, issuer: str = "") -> None:
    """Conflict when local sign-in is closed to people and ``row`` is the last provider that they come by.

    ``issuer`` is the one that it is to have from now on, empty when it is switched off: whoever is known at it is known
    at no other.
    """
    rule = local_rule()
    if rule.open_to == EVERYBODY or proven_providers().exclude(pk=row.pk).exists():
        return
    if issuer and ExternalIdentity.objects.filter(issuer=issuer).exists():
        return
    raise Conflict(
        f"{row.title} is the last provider that people come by, and local sign-in is for {WORDS[rule.open_to]} only.",
        code="illegal-state",
        remedy="Open local sign-in to everybody first.",
    )


def rule_state(rule: LocalRule) -> dict[str, Any]:
    """The rule as the log and an undo keep it."""
    return {"open_to": rule.open_to, "keepers": list(rule.keepers)}

"""What platform admins do about second factors: say of whom one is required, and take a person's away.

The rule asks at the next sign-in, never in the middle of a session. Taking away is for a person who has lost theirs:
they sign in with the password alone and set up a new one, at once when the rule asks for it. Lock order: rule row or
account row, then audit head.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from governance.access import rights_of
from governance.domain.second_factor import ADMINS, EVERYBODY, NOBODY, REQUIRED_OF
from governance.models import AuthenticatorApp, Passkey, RecoveryCode, SecondFactorRule
from governance.services.audit import audit_append
from governance.services.people_edits import people_edit_keep
from governance.services.second_factors import factor_told, factors_state
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PreconditionFailed

KEY: Final = "required"
RULE: Final = 1
"""The one row's key."""
WORDS: Final = {NOBODY: "nobody", ADMINS: "platform admins", EVERYBODY: "everybody"}


@transaction.atomic
def second_factor_require(actor: Actor, *, of: str, expected: str | None = None, now: datetime) -> None:
    """Of whom a second factor is required from their next sign-in on. Platform admins only.

    ``expected`` is what was read; PreconditionFailed when it is something else by now.
    """
    rights_of(actor).require_admin()
    if of not in REQUIRED_OF:
        message = "Choose nobody, admins or everybody."
        raise InvalidInput(message, errors=[FieldError("required_of", message)])
    row = SecondFactorRule.objects.select_for_update().filter(pk=RULE).first() or SecondFactorRule(pk=RULE)
    before = row.required_of
    if expected is not None and expected != before:
        raise PreconditionFailed("Of whom it is required was changed since you read it; nothing was stored.")
    if before == of:
        return
    row.required_of = of
    row.version += 1
    row.save()
    sides = {"before": {"required_of": before}, "after": {"required_of": of}}
    people_edit_keep(actor, "second-factor", KEY, label=f"Require a second factor of {WORDS[of]}", now=now, **sides)
    audit_append(
        actor,
        action="second-factor.require",
        object_type="setting",
        object_id="second-factor",
        object_label="Second factor",
        data=sides,
        now=now,
    )


@transaction.atomic
def factors_reset(actor: Actor, *, username: str, now: datetime) -> User:
    """Take all factors and recovery codes of a person away; admins only. The person is told.

    Conflict for one's own, which are removed on the account page, where they are proven first.
    """
    rights_of(actor).require_admin()
    user = User.objects.select_for_update().filter(username=username, service_of=None).first()
    if user is None:
        raise NotFound(f"There is no account {username}.")
    if user.pk == actor.user_id:
        raise Conflict("Nobody resets their own second factor here.", remedy="Remove it on your account page.")
    before = factors_state(user)
    if not before["app"] and not before["devices"]:
        raise Conflict(f"{username} has no second factor.", code="illegal-state")
    for model in (AuthenticatorApp, Passkey, RecoveryCode):
        model.objects.filter(user=user).delete()
    factor_told(actor, user, "reset", "A platform admin reset your second factor", before, now)
    return user

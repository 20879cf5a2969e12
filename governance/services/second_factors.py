"""Second factors of one's own: an authenticator app, recovery codes, and what is told of all of them.

Called by the account's pages and by sign-in; passkeys are in ``passkeys``, what admins do in ``second_factor_rule``.
An account whose password another provider keeps has none: the provider asks for it. Codes of an app are accepted
once each, in the order of time. Lock order: account row, app row or code row, then audit head.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from governance.domain import second_factor as domain
from governance.models import AuthenticatorApp, Passkey, RecoveryCode
from governance.selectors.second_factors import is_asked
from governance.services.audit import audit_append
from governance.services.notices import notify
from governance.services.transactions import require_transaction
from idp.catalog.models import User
from idp.kernel import vault
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound

PAGE: Final = "/account/second-factor/"
NOT_YOU: Final = "If that was not you, sign out everywhere else on your account page and tell a platform admin."
WRONG_CODE: Final = "This is not the code of now. Wait for the next one in your app, and check the time of your phone."


@transaction.atomic
def app_add(actor: Actor, *, seed: bytes, code: str, now: datetime) -> list[str]:
    """Keep the app that shares ``seed`` once a code proves it; the recovery codes when these are the first.

    InvalidInput for a wrong code, Conflict when there is an app already.
    """
    user = factor_owner(actor)
    if AuthenticatorApp.objects.filter(user=user).exists():
        raise Conflict("You have an authenticator app already.", remedy="Remove it first to take another one.")
    step = domain.step_matching(seed, code, seconds=now.timestamp(), used=-1)
    if step is None:
        raise InvalidInput(WRONG_CODE, errors=[FieldError("code", WRONG_CODE)])
    before = factors_state(user)
    AuthenticatorApp.objects.create(user=user, seed=vault.encrypt(domain.key_of(seed)), last_step=step, added_at=now)
    codes = first_codes(user)
    factor_told(actor, user, "added", "An authenticator app was added to your account", before, now)
    return codes


@transaction.atomic
def app_remove(actor: Actor, *, now: datetime) -> None:
    """Forget the app; Conflict when it is the last factor of somebody who must have one."""
    user = factor_owner(actor)
    if not AuthenticatorApp.objects.filter(user=user).exists():
        raise NotFound("You have no authenticator app.")
    before = factors_state(user)
    AuthenticatorApp.objects.filter(user=user).delete()
    after_removal(user)
    factor_told(actor, user, "removed", "The authenticator app was removed from your account", before, now)


@transaction.atomic
def recovery_renew(actor: Actor, *, now: datetime) -> list[str]:
    """Ten new recovery codes; the ones before are worth nothing. Conflict for somebody without a factor."""
    user = factor_owner(actor)
    before = factors_state(user)
    if not before["app"] and not before["devices"]:
        raise Conflict("Recovery codes stand in for a lost factor, and you have none.", remedy="Add a factor first.")
    codes = _new_codes(user)
    factor_told(actor, user, "codes", "New recovery codes were made for your account", before, now)
    return codes


@transaction.atomic
def app_code_accept(user: User, typed: str, *, now: datetime) -> bool:
    """Whether this is a code of the person's app that was not used before; then it is used. Locks the app's row."""
    row = AuthenticatorApp.objects.select_for_update().filter(user=user).first()
    if row is None:
        return False
    seed = domain.seed_of(vault.decrypt(row.seed))
    step = domain.step_matching(seed, typed, seconds=now.timestamp(), used=row.last_step)
    if step is None:
        return False
    AuthenticatorApp.objects.filter(pk=row.pk).update(last_step=step, used_at=now)
    return True


@transaction.atomic
def recovery_code_accept(actor: Actor, user: User, typed: str, *, now: datetime) -> bool:
    """Whether this is a recovery code of the person's that is left; then it is spent, and they are told."""
    if not domain.recovery_typed(typed):
        return False
    before = factors_state(user)
    mine = RecoveryCode.objects.filter(user=user, hash=domain.recovery_hash(typed), used_at=None)
    if mine.update(used_at=now) != 1:
        return False
    factor_told(actor, user, "code-used", "A recovery code of your account was used", before, now)
    return True


def factor_owner(actor: Actor) -> User:
    """The actor's account, locked. Forbidden through a token, and for accounts without a password of their own."""
    if actor.user_id is None or actor.token_id is not None:
        raise Forbidden("Only a person who is signed in may change their second factor.")
    user = User.objects.select_for_update().get(pk=actor.user_id)
    if not user.has_usable_password():
        raise Forbidden(
            "Your account has no password here, so it has no second factor either.",
            remedy="Whoever signs you in asks for one, if one is asked for.",
        )
    return user


def factors_state(user: User) -> dict[str, Any]:
    """What the log keeps of a person's factors: no secret, and nothing to find one by."""
    return {
        "app": AuthenticatorApp.objects.filter(user=user).exists(),
        "devices": list(Passkey.objects.filter(user=user).order_by("pk").values_list("name", flat=True)),
        "codes_left": RecoveryCode.objects.filter(user=user, used_at=None).count(),
    }


def first_codes(user: User) -> list[str]:
    """Recovery codes for the first factor; none when there are some already."""
    return [] if RecoveryCode.objects.filter(user=user).exists() else _new_codes(user)


def after_removal(user: User) -> None:
    """With the last factor go its recovery codes; Conflict when the person must have a factor."""
    require_transaction("after_removal")
    left = factors_state(user)
    if left["app"] or left["devices"]:
        return
    if is_asked(user):
        raise Conflict(
            "A second factor is required of you, and this is your last one.",
            code="illegal-state",
            remedy="Add another one first.",
        )
    RecoveryCode.objects.filter(user=user).delete()


def factor_told(actor: Actor, user: User, verb: str, title: str, before: dict[str, Any], now: datetime) -> None:
    """The notice to the person, who may not have done it, and the entry in the log."""
    after = factors_state(user)
    notify(
        "second-factor",
        to=[user.pk],
        title=title,
        text=_words(actor, user, verb, after),
        url=PAGE,
        key=f"second-factor:{verb}:{now.isoformat()}",
        now=now,
    )
    audit_append(
        actor,
        action=f"second-factor.{verb}",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        data={"before": before, "after": after},
        now=now,
    )


def _words(actor: Actor, user: User, verb: str, after: dict[str, Any]) -> str:
    said = []
    if actor.user_id != user.pk:
        said.append(f"{actor.username} did it.")
    elif actor.address:
        said.append(f"It was done from {actor.address}.")
    if verb == "code-used":
        said.append(f"Recovery codes left: {after['codes_left']}.")
    if not after["app"] and not after["devices"]:
        said.append("Your account has no second factor any more.")
    return " ".join([*said, NOT_YOU])


def _new_codes(user: User) -> list[str]:
    codes = domain.new_recovery_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, hash=domain.recovery_hash(code)) for code in codes)
    return codes

"""Accounts: making one, giving it another password, and ending one's own sessions.

Passwords are asked again before sessions end, because a session left open must not end the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from governance.access import rights_of
from governance.selectors.provisioned import managed
from governance.services.audit import audit_append
from governance.services.open_sessions import sessions_gone
from governance.services.transactions import checked
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, PlatformFault


@transaction.atomic
def sessions_end(actor: Actor, *, password: str | None, now: datetime) -> User:
    """End every session of the actor, by salting their password anew: a session is bound to its hash.

    ``password`` None is for accounts without one, whose owner has just proven elsewhere who they are. The caller renews
    the one session that stays. InvalidInput for a wrong password; Forbidden through a token. Locks the account's row,
    then the audit head.
    """
    if actor.user_id is None or actor.token_id is not None:
        raise Forbidden("Only a person who is signed in may end their sessions.")
    user = User.objects.select_for_update().get(pk=actor.user_id)
    none_needed = password is None and not user.has_usable_password()
    if not none_needed and not user.check_password(password or ""):
        message = "This is not your password."
        raise InvalidInput(message, errors=[FieldError("password", message)])
    user.set_password(password)  # of None it makes an unusable one, which is another one each time
    user.save(update_fields=["password"])
    audit_append(
        actor,
        action="account.sessions-end",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        now=now,
    )
    return user


def password_hashed(password: str, *, username: str = "") -> str:
    """What is stored of a password; InvalidInput says what is wrong with it. Slow on purpose: about 0.3 s."""
    try:
        validate_password(password, user=User(username=username))
    except ValidationError as error:
        errors = [FieldError("password", message) for message in error.messages]
        raise InvalidInput(error.messages[0], errors=errors) from None
    return make_password(password)


@transaction.atomic
def account_create(
    actor: Actor,
    *,
    username: str,
    password_hash: str,
    display_name: str = "",
    email: str = "",
    groups: Iterable[str] = (),
    now: datetime,
) -> User:
    """Make a person's account, in the groups named; admins only. ``password_hash`` is from ``password_hashed``.

    InvalidInput for a name that is taken or wrong.
    """
    rights_of(actor).require_admin()
    if username.lower() == PLATFORM.username:
        message = f"“{username}” is the platform's own name; choose another."
        raise InvalidInput(message, errors=[FieldError("username", message)])
    user = checked(
        User(username=username, display_name=display_name, email=email, password=password_hash, date_joined=now)
    )
    user.save(force_insert=True)
    names = sorted(groups)
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in names])
    audit_append(
        actor,
        action="account.create",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        data={"before": None, "after": {"groups": names}},
        now=now,
    )
    return user


@transaction.atomic
def password_reset(actor: Actor, *, user: User, password_hash: str, now: datetime) -> None:
    """Give an account another password, which ends its sessions; admins only. Conflict for one of a directory."""
    rights_of(actor).require_admin()
    if managed(user) is not None:
        raise Conflict(
            f"{user.username} is managed by the directory and has no password here.",
            remedy="They sign in through the identity provider.",
        )
    user.password = password_hash
    user.save(update_fields=["password"])
    sessions_gone(user.pk)
    audit_append(
        actor,
        action="account.password-reset",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        now=now,
    )


def platform_account() -> User:
    """The account in whose name the platform itself asks for changes. It cannot sign in and holds no rights."""
    account, _ = User.objects.get_or_create(
        username=PLATFORM.username, defaults={"is_active": False, "display_name": "Slipway", "password": "!"}
    )
    if account.is_active:
        raise PlatformFault(
            f"An active account is named “{PLATFORM.username}”, which is the platform's own name.",
            remedy="Rename that account; the platform makes its own, which cannot sign in.",
        )
    return account

"""One's own sessions. Passwords are asked again, because a session left open must not end the others."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, Forbidden, InvalidInput


@transaction.atomic
def sessions_end(actor: Actor, *, password: str, now: datetime) -> User:
    """End every session of the actor, by salting their password anew: a session is bound to its hash.

    The caller renews the one session that stays. InvalidInput for a wrong password; Forbidden through a token.
    Locks the account's row, then the audit head.
    """
    if actor.user_id is None or actor.token_id is not None:
        raise Forbidden("Only a person who is signed in may end their sessions.")
    user = User.objects.select_for_update().get(pk=actor.user_id)
    if not user.check_password(password):
        message = "This is not your password."
        raise InvalidInput(message, errors=[FieldError("password", message)])
    user.set_password(password)
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

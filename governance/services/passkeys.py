"""Passkeys of one's own: added, named, removed, and asked. What WebAuthn says is ``idp.kernel.webauthn``'s.

Called by the account's pages and by sign-in. The pages keep the question between two requests; here it is only checked
that the answer fits it. Lock order: account row, passkey row, then audit head.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from governance.models import Passkey
from governance.services.audit import audit_append
from governance.services.second_factors import after_removal, factor_owner, factor_told, factors_state, first_codes
from idp.catalog.models import User
from idp.kernel import webauthn
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound

MOST: Final = 20
LONGEST_NAME: Final = 60


def passkey_handle(user: User) -> str:
    """By what name browsers know the person: that of their other passkeys, else a new random one."""
    kept = Passkey.objects.filter(user=user).values_list("handle", flat=True).first()
    return kept or secrets.token_urlsafe(webauthn.HANDLE_BYTES)


@transaction.atomic
def passkey_add(
    actor: Actor, *, name: str, handle: str, made: webauthn.Registered, now: datetime
) -> tuple[Passkey, list[str]]:
    """Keep a passkey that the browser made; with it the recovery codes when these are the first."""
    user = factor_owner(actor)
    if Passkey.objects.filter(user=user).count() >= MOST:
        raise Conflict(f"You have {MOST} passkeys.", remedy="Remove one that you no longer use first.")
    if Passkey.objects.filter(credential=made.credential).exists():
        raise Conflict("This passkey is known already.", code="exists", remedy="Use it, or add another one.")
    before = factors_state(user)
    row = Passkey.objects.create(
        user=user,
        name=_named(user, name),
        credential=made.credential,
        handle=handle,
        public=made.public,
        sign_count=made.sign_count,
        added_at=now,
    )
    codes = first_codes(user)
    factor_told(actor, user, "added", f"The passkey “{row.name}” was added to your account", before, now)
    return row, codes


@transaction.atomic
def passkey_rename(actor: Actor, passkey_id: int, *, name: str, now: datetime) -> Passkey:
    user = factor_owner(actor)
    row = _mine(user, passkey_id)
    before = row.name
    row.name = _named(user, name, but=row.pk)
    if row.name == before:
        return row
    row.save(update_fields=["name"])
    audit_append(
        actor,
        action="second-factor.rename",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        data={"before": {"name": before}, "after": {"name": row.name}},
        now=now,
    )
    return row


@transaction.atomic
def passkey_remove(actor: Actor, passkey_id: int, *, now: datetime) -> Passkey:
    """Forget a passkey; Conflict when it is the last factor of somebody who must have one."""
    user = factor_owner(actor)
    row = _mine(user, passkey_id)
    before = factors_state(user)
    Passkey.objects.filter(pk=row.pk).delete()
    after_removal(user)
    factor_told(actor, user, "removed", f"The passkey “{row.name}” was removed from your account", before, now)
    return row


@transaction.atomic
def passkey_accept(
    party: webauthn.RelyingParty, state: Mapping[str, Any], answer: str, *, user: User | None, now: datetime
) -> User:
    """Whose passkey signed what ``state`` asks for; ``webauthn.Refused`` when none did, or not one of ``user``'s.

    With ``user`` None it is the browser that says who comes, and then the handle must be theirs. Locks the row.
    """
    credential, handle = webauthn.credential_of(answer)
    rows = Passkey.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(credential=credential, user__is_active=True, user__service_of=None).first()
    known = row is not None and (row.user_id == user.pk if user else handle == row.handle)
    if row is None or not known or not row.user.has_usable_password():
        raise webauthn.Refused("This passkey is not known here.", code="passkey-unknown")
    kept = webauthn.Known(row.credential, bytes(row.public))
    count = webauthn.asserted(party, state, answer, known=kept, sign_count=row.sign_count)
    Passkey.objects.filter(pk=row.pk).update(sign_count=count, used_at=now)
    return row.user


def known_passkeys(user: User) -> list[webauthn.Known]:
    rows = Passkey.objects.filter(user=user).order_by("pk")
    return [webauthn.Known(row.credential, bytes(row.public)) for row in rows]


def _mine(user: User, passkey_id: int) -> Passkey:
    row = Passkey.objects.select_for_update().filter(pk=passkey_id, user=user).first()
    if row is None:
        raise NotFound("You have no such passkey.", remedy="Open your second factor to see those you have.")
    return row


def _named(user: User, name: str, *, but: int | None = None) -> str:
    """The name as it is kept; InvalidInput when it is none or another passkey of the person has it."""
    kept = " ".join(name.split())
    message = ""
    if not kept or len(kept) > LONGEST_NAME:
        message = f"Write a name of 1 to {LONGEST_NAME} characters, such as the device's."
    elif Passkey.objects.filter(user=user, name=kept).exclude(pk=but or 0).exists():
        message = "You have a passkey of this name; choose another."
    if message:
        raise InvalidInput(message, errors=[FieldError("name", message)])
    return kept

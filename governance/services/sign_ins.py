"""Who came in, who did not, and who was refused: the audit entries of what changes nothing else.

Called by the faces, which know the request. What is repeated at once is noted once, so that a script that asks a
thousand times for what it may not have does not drown what else happened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime

from django.core.cache import cache
from django.db import transaction

from governance.services.audit import audit_append
from idp.catalog.models import User
from idp.kernel.actor import Actor

SAME_FOR = 600
"""Seconds for which the same refusal of the same person is not noted again, in one process."""
MOST = 100
"""Refusals of one person, or of nobody from one address, that are noted in that time."""
_NOTHING: Mapping[str, str] = {}


@transaction.atomic
def session_begun(actor: Actor, *, way: Mapping[str, str], now: datetime) -> None:
    """The actor has signed in by ``way``: ``way`` is password, passkey or provider, with ``second`` (app, passkey,
    recovery code, new factor) or ``provider`` (its name) beside it."""
    _about_account(actor, "session.sign-in", actor.user_id, actor.username, now, way)


@transaction.atomic
def session_ended(actor: Actor, *, now: datetime) -> None:
    """The actor has signed out."""
    _about_account(actor, "session.sign-out", actor.user_id, actor.username, now)


@transaction.atomic
def sign_in_failed(actor: Actor, *, username: str, now: datetime) -> None:
    """Somebody typed a name and a password that do not fit together; ``actor`` is nobody, from their address.

    Only the name of an account is kept: people type their password into the wrong field.
    """
    account = User.objects.filter(username=username).only("pk", "username").first()
    pk, name = (account.pk, account.username) if account else (None, "unknown name")
    _about_account(actor, "session.sign-in-failed", pk, name, now)


@transaction.atomic
def second_step_failed(actor: Actor, *, now: datetime) -> None:
    """The actor has the right password, or a passkey of the account, and failed at what comes after it."""
    _about_account(actor, "session.second-step-failed", actor.user_id, actor.username, now)


@transaction.atomic
def proof_given(actor: Actor, *, way: Mapping[str, str], now: datetime) -> None:
    """The actor, who is signed in, has proven anew who they are; ``way`` as for ``session_begun``."""
    _about_account(actor, "session.proof", actor.user_id, actor.username, now, way)


@transaction.atomic
def proof_failed(actor: Actor, *, way: Mapping[str, str], now: datetime) -> None:
    """Somebody at the actor's browser could not prove to be them; each try is noted."""
    _about_account(actor, "session.proof-failed", actor.user_id, actor.username, now, way)


def refusal_note(actor: Actor, *, what: str, code: str, why: str, now: datetime) -> bool:
    """The actor was refused ``what`` (``POST /teams/new``); whether that was noted, which the same is not at once.

    Of nobody's refusals, whom no rate holds back, one is noted for each address and reason.
    """
    who = f"{actor.user_id}|{actor.token_id}" if actor.user_id else actor.address
    same = f"{who}|{what if actor.user_id else ''}|{code}"
    if not cache.add(_key("same", same), True, SAME_FOR):
        return False
    cache.add(_key("count", who), 0, SAME_FOR)
    count = cache.incr(_key("count", who))
    if count > MOST:
        return False
    rest = {"rest": f"Further refusals within {SAME_FOR // 60} minutes are not listed."} if count == MOST else {}
    with transaction.atomic():
        audit_append(
            actor,
            action="access.denied",
            object_type="address",
            object_id=what,
            object_label=what,
            data={"code": code, "why": why, **rest},
            now=now,
        )
    return True


def _key(kind: str, text: str) -> str:
    return f"audit.refusal.{kind}:{hashlib.sha256(text.encode()).hexdigest()}"


def _about_account(
    actor: Actor, action: str, pk: int | None, name: str, now: datetime, data: Mapping[str, str] = _NOTHING
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="account",
        object_id="" if pk is None else pk,
        object_label=name,
        data=data,
        now=now,
    )

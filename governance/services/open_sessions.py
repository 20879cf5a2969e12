"""Sessions of people, each by itself: where somebody is signed in, and ending one of them.

The session is Django's own row; ours says from where it was begun and when it was last seen, so that a person
recognises the one that is not theirs. Ending takes both away at once: the next request of that browser is nobody's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction

from governance.models import OpenSession
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Forbidden, NotFound

LONGEST_AGENT: Final = 200
SEEN_EVERY: Final = timedelta(minutes=5)
"""How exactly it is known when a session was last used."""


def session_kept(actor: Actor, *, key: str, agent: str, now: datetime) -> OpenSession:
    """Note a sign-in, for the list of the person's own sessions. Its entry in the audit log is the sign-in's."""
    values = {"user_id": actor.user_id, "address": actor.address, "agent": agent[:LONGEST_AGENT], "seen_at": now}
    kept, _ = OpenSession.objects.update_or_create(key=key, defaults=values, create_defaults=values | {"began_at": now})
    return kept


def session_renamed(before: str, after: str) -> None:
    """The session got another key, as it does when the password is salted anew."""
    OpenSession.objects.filter(key=before).update(key=after)


def session_seen(key: str, *, now: datetime) -> None:
    """The session is in use. One write in five minutes at most, and no look at the database in between."""
    if not cache.add(f"session.seen:{key}", True, SEEN_EVERY.total_seconds()):
        return
    OpenSession.objects.filter(key=key, seen_at__lt=now - SEEN_EVERY).update(seen_at=now)


def session_gone(key: str) -> None:
    """The person signed out."""
    OpenSession.objects.filter(key=key).delete()


def sessions_gone(user_id: int, *, but: str = "") -> None:
    """No session of the person is valid any more, but the one with this key."""
    OpenSession.objects.filter(user=user_id).exclude(key=but).delete()


@transaction.atomic
def session_end(actor: Actor, session_id: int, *, now: datetime) -> OpenSession:
    """End one session of the actor's own. NotFound for another's; Forbidden through a token.

    Locks the session's row, then the audit head.
    """
    if actor.user_id is None or actor.token_id is not None:
        raise Forbidden("Only a person who is signed in may end their sessions.")
    one = OpenSession.objects.select_for_update().filter(pk=session_id, user=actor.user_id).first()
    if one is None:
        raise NotFound("You have no such session.", remedy="Open your account to see those you have.")
    Session.objects.filter(session_key=one.key).delete()
    OpenSession.objects.filter(pk=one.pk).delete()
    audit_append(
        actor,
        action="session.end",
        object_type="account",
        object_id=actor.user_id,
        object_label=actor.username,
        data={
            "before": {"began": one.began_at.isoformat(), "address": one.address, "agent": one.agent},
            "after": None,
        },
        now=now,
    )
    return one


def sessions_forget() -> int:
    """Drop what is known of sessions that Django has dropped since; how many."""
    living = Session.objects.values("session_key")
    return OpenSession.objects.exclude(key__in=living).delete()[0]

"""The end of every way to sign in: the session, its place in the person's list, and its entry in the audit log.

Called by the password page, the second step and passkeys, and by whatever else lets a person in. It asks for nothing
any more: who calls it has made sure who the person is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest

from governance.services.local_sign_in import local_sign_in_require
from governance.services.open_sessions import session_kept
from governance.services.sign_ins import session_begun
from idp.catalog.models import User
from idp.kernel import clock
from portal.middleware import actor_of_session

PASSWORDS: Final = "django.contrib.auth.backends.ModelBackend"
CONFIRMED: Final = "confirmed_at"
"""When the person last proved who they are, in seconds since 1970; kept in the session."""


def begin_session(
    request: HttpRequest,
    user: User,
    *,
    way: Mapping[str, str],
    asked_at: int | None = None,
    lasts: timedelta | None = None,
    backend: str = PASSWORDS,
) -> None:
    """``user`` is signed in from here on, under a new key of the session. One transaction.

    ``way`` is for the log (``sign_ins.session_begun``). ``asked_at`` is when they proved who they are, where that was
    not now: a provider may let in who was signed in there hours ago. After ``lasts`` they are to sign in again, however
    busy they are. Forbidden where local ways are closed to them.
    """
    now = clock.now()
    if way["way"] != "provider":
        local_sign_in_require(user)
    with transaction.atomic():
        login(request, user, backend=backend)
        seconds = int(now.timestamp())
        request.session[CONFIRMED] = seconds if asked_at is None else min(seconds, asked_at)
        request.session.set_expiry(now + lasts if lasts else None)
        actor, agent = actor_of_session(request), request.headers.get("user-agent", "")
        session_begun(actor, way=way, now=now)
        session_kept(actor, key=request.session.session_key or "", agent=agent, now=now)

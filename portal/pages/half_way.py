"""People who are half signed in: the password was right, the second step is still to come.

What is known of them is kept in the session of the browser for minutes, under a new key. It is no session of theirs: it
gives no right, stands in no list, and ends when the password is changed meanwhile. Called by the pages of sign-in.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.crypto import constant_time_compare

from governance.selectors.second_factors import factors_of, is_asked
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import Actor
from portal.middleware import actor_of_session
from portal.pages.session_begin import begin_session

SECOND_STEP, SET_UP = "second-step", "second-factor-set-up"
LIFE: Final = {SECOND_STEP: timedelta(minutes=5), SET_UP: timedelta(minutes=15)}
"""How long each page may take. Fetching a phone and an app takes longer than reading a code."""
_KEY: Final = "half_way"


def step_after_password(user: User) -> str:
    """The page on which ``user`` goes on, by name; nothing when the password was all. At most three queries."""
    if factors_of(user.pk).any:
        return SECOND_STEP
    return SET_UP if is_asked(user) else ""


def hold(request: HttpRequest, user: User, *, step: str, back: str) -> HttpResponse:
    """Keep who has typed the right password, and send them to ``step``. ``back`` is where they wanted to go."""
    until = clock.now() + LIFE[step]
    request.session.flush()
    request.session[_KEY] = {
        "user": user.pk,
        "hash": user.get_session_auth_hash(),
        "step": step,
        "back": back,
        "until": until.timestamp(),
    }
    request.session.set_expiry(int(LIFE[step].total_seconds()))
    return redirect(step)


def held(request: HttpRequest, step: str) -> User | None:
    """Who is half signed in in this browser and is to go on with ``step``; nobody when the time is over."""
    kept = request.session.get(_KEY)
    if not kept or kept["step"] != step or kept["until"] < clock.now().timestamp():
        return None
    user = User.objects.filter(pk=kept["user"], is_active=True).first()
    if user is None or not constant_time_compare(kept["hash"], user.get_session_auth_hash()):
        return None
    return user


def actor_of(request: HttpRequest, user: User) -> Actor:
    """Who acts while they are half signed in: for the log, and for adding their own first factor."""
    return replace(actor_of_session(request), user_id=user.pk, username=user.username)


def let_in(request: HttpRequest, user: User, *, second: str) -> str:
    """``user`` is signed in; answers where they wanted to go. ``second`` is what came after the password."""
    back = str(request.session.get(_KEY, {}).get("back", ""))
    let_go(request)
    begin_session(request, user, way={"way": "password", "second": second})
    return back or "/"


def let_go(request: HttpRequest) -> None:
    """Nobody is half signed in here any more."""
    request.session.pop(_KEY, None)
    request.session.set_expiry(None)

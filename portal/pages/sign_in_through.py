"""Signing in through a provider: going there, and coming back. What is wrong is said on the page of signing in.

What must be remembered in between is in a signed cookie of this browser, not in a session: who only looks leaves no row
behind. It is good for one return, ten minutes long.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance.domain.oidc import Attempt
from governance.services.oidc_calls import SignInRefused
from governance.services.oidc_sign_in import LASTS, sign_in_begin, sign_in_finish
from governance.services.sign_ins import refusal_note
from idp.kernel import clock, outbound
from idp.kernel.errors import RateLimited, SlipwayError
from portal.middleware import actor_of_session
from portal.pages import attempts
from portal.pages.session_begin import begin_session
from portal.pages.sign_in import Form, door
from portal.problems import status_of

COOKIE: Final = "sign-in-through"
SALT: Final = "slipway.sign-in-through"
UNKNOWN: Final = "This sign-in was begun in another browser, or more than ten minutes ago. Sign in again."
_Wrong = (SignInRefused, outbound.Refused, outbound.Unreachable)


@never_cache
@require_safe
def sign_in_through(request: HttpRequest, provider: str) -> HttpResponse:
    """To the provider, with what proves later that this browser went."""
    following = _following(request, request.GET.get(REDIRECT_FIELD_NAME, ""))
    if request.user.is_authenticated:
        return HttpResponseRedirect(following)
    try:
        attempts.require_room(request, "")
        url, attempt = sign_in_begin(provider, following=following, back=address_back(provider))
    except (*_Wrong, RateLimited) as error:
        return _refused(request, error, following)
    answer = HttpResponseRedirect(url)
    keep_attempt(answer, attempt)
    return answer


@never_cache
@require_safe
def sign_in_return(request: HttpRequest, provider: str) -> HttpResponse:
    """Back from the provider: signed in and on to where the person wanted to go, or why not."""
    attempt = _kept(request, provider)
    following = _following(request, attempt.following if attempt else "")
    try:
        attempts.require_room(request, "")
        if attempt is None:
            raise SignInRefused(UNKNOWN)
        person = sign_in_finish(
            attempt,
            request.GET.dict(),
            back=address_back(provider),
            origin=actor_of_session(request),
            now=clock.now(),
        )
    except (*_Wrong, RateLimited) as error:
        attempts.note(request, attempt.state if attempt else "")
        if attempt is not None and attempt.connects and request.user.is_authenticated:
            messages.error(request, f"Nothing was connected\n{error.message} {error.remedy}".strip())
            return _forget(HttpResponseRedirect(reverse("ways-in")))
        return _forget(_refused(request, error, following))
    if attempt.connects:
        messages.success(request, "It is connected\nYou may sign in through it from now on.")
    else:
        begin_session(request, person)
    return _forget(HttpResponseRedirect(following))


def address_back(provider: str) -> str:
    """Our address that the provider sends people back to, as it must be known there."""
    return f"{settings.BASE_URL}{reverse('sign-in-return', args=[provider])}"


def keep_attempt(answer: HttpResponse, attempt: Attempt) -> None:
    answer.set_cookie(
        COOKIE,
        signing.dumps(asdict(attempt), salt=SALT),
        max_age=int(LASTS.total_seconds()),
        path=reverse("login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _kept(request: HttpRequest, provider: str) -> Attempt | None:
    """What this browser went with; None when it went nowhere, elsewhere, or too long ago."""
    try:
        found = Attempt(**signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS))
    except (signing.BadSignature, TypeError):
        return None
    return found if found.provider == provider else None


def _forget(answer: HttpResponse) -> HttpResponse:
    answer.delete_cookie(COOKIE, path=reverse("login"), samesite="Lax")
    return answer


def _following(request: HttpRequest, wanted: str) -> str:
    """Where to go once signed in: an address of ours, else home."""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and ours else reverse("home")


def _refused(request: HttpRequest, error: SlipwayError, following: str) -> HttpResponse:
    if isinstance(error, RateLimited):
        what = f"{request.method} {request.path}"
        refusal_note(actor_of_session(request), what=what, code=error.code, why=error.message, now=clock.now())
    context = door() | {"form": Form(request), "problem": error, REDIRECT_FIELD_NAME: following}
    return render(request, "login.html", context, status=status_of(error))

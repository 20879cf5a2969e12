"""Signing in through a provider: going there, and coming back. What is wrong is said on the page of signing in.

Whoever is signed in already comes back here too: with a further way, or to prove anew who they are.
"""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance.domain.oidc import Attempt
from governance.services.oidc_calls import SignInRefused
from governance.services.oidc_sign_in import sign_in_begin, sign_in_finish
from governance.services.sign_ins import refusal_note
from idp.kernel import clock, outbound
from idp.kernel.errors import RateLimited, SlipwayError
from portal.middleware import actor_of_session
from portal.pages import attempts
from portal.pages.going_through import address_back, forget_attempt, keep_attempt, kept_attempt
from portal.pages.proving import proof_return
from portal.pages.session_begin import begin_session
from portal.pages.sign_in import Form, door
from portal.problems import status_of

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
        url, attempt = sign_in_begin(provider, following=following, back=address_back(provider), now=clock.now())
    except (*_Wrong, RateLimited) as error:
        return _refused(request, error, following)
    answer = HttpResponseRedirect(url)
    keep_attempt(answer, attempt)
    return answer


@never_cache
@require_safe
def sign_in_return(request: HttpRequest, provider: str) -> HttpResponse:
    """Back from the provider: signed in and on to where the person wanted to go, or why not."""
    attempt = kept_attempt(request, provider)
    following = _following(request, attempt.following if attempt else "")
    try:
        attempts.require_room(request, "")
        if attempt is None:
            raise SignInRefused(UNKNOWN)
        if attempt.proves:
            return forget_attempt(_proof(request, attempt))
        arrival = sign_in_finish(
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
            return forget_attempt(HttpResponseRedirect(reverse("ways-in")))
        return forget_attempt(_refused(request, error, following))
    if attempt.connects:
        messages.success(request, "It is connected\nYou may sign in through it from now on.")
    else:
        way = {"way": "provider", "provider": arrival.provider}
        begin_session(request, arrival.person, way=way, asked_at=arrival.asked_at, lasts=arrival.lasts)
    return forget_attempt(HttpResponseRedirect(following))


def _proof(request: HttpRequest, attempt: Attempt) -> HttpResponse:
    """Who went to prove themselves proves nothing once they are signed out: they sign in."""
    if not request.user.is_authenticated:
        raise SignInRefused("Your session has ended meanwhile. Sign in again.")
    return proof_return(request, attempt)


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

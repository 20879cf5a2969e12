"""“Is it you?”: asked of who is signed in, before what a browser that was left open must not do.

A password, a code, a passkey or the person's own provider answers it, for ten minutes. Wrong answers count as wrong
passwords do, and each is in the audit log. The pages that need it wear ``fresh``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from governance.domain.oidc import Attempt
from governance.domain.second_factor import Factors
from governance.selectors.local_sign_in import is_open_for
from governance.selectors.second_factors import factors_of
from governance.services import passkeys, second_factors
from governance.services.oidc_calls import SignInRefused
from governance.services.oidc_sign_in import proof_finish, sign_in_begin
from governance.services.sign_ins import proof_failed, proof_given
from idp.kernel import clock, outbound, webauthn
from portal.forms.account import PasswordForm
from portal.middleware import actor_of_session
from portal.pages import attempts, passkey_questions
from portal.pages.going_through import address_back, keep_attempt
from portal.pages.request import PageRequest
from portal.pages.session_begin import CONFIRMED
from portal.pages.shell import FORM, page
from portal.reading.sign_in import own_ways

FRESH: Final = timedelta(minutes=10)
"""How long a person counts as the one who has just proven themselves."""
CONFIRM: Final = "confirm"
CLOSED: Final = "Passwords and passkeys of Slipway are closed to you; your provider proves who you are."
View = Callable[..., HttpResponseBase]


def fresh(view: View, *, back: str = "") -> View:
    """Asks who did not prove lately who they are, and leads them back; what they posted they do again then.

    ``back`` is the name of the page that has the form, where the address itself has none.
    """

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        since = clock.now().timestamp() - float(request.session.get(CONFIRMED, 0))
        if since <= FRESH.total_seconds():
            return view(request, *args, **kwargs)
        there = request.path if request.method != "POST" or not back else reverse(back)
        return redirect(f"{reverse('account-confirm')}?{urlencode({'next': there})}")

    return guarded


@page("account", methods=FORM)
def confirm(request: PageRequest) -> HttpResponse:
    """Proving anew who one is, by the password, a code or a passkey; or the ways to the person's provider."""
    user, form = request.user, PasswordForm(request.POST if "password" in request.POST else None)
    back, wrong, local = _back(request), "", user.has_usable_password() and is_open_for(user)
    if request.method == "POST":
        attempts.require_room(request, user.username)
        attempts.require_room_for_codes(request, user.pk)
        way = _way(request, form)
        wrong = _unproven(request, form) if local else CLOSED
        if not wrong:
            proof_given(request.actor, way={"way": way}, now=clock.now())
            return _proven(request, back)
        proof_failed(request.actor, way={"way": way}, now=clock.now())
    factors = factors_of(user.pk) if local else Factors()
    context = {
        "form": form,
        "factors": factors,
        "question": passkey_questions.signing(request, CONFIRM, user) if factors.passkeys else {},
        "wrong": "" if form.is_bound and local else wrong,
        "next": back,
        "local": local,
        "ways": [one for one in own_ways(user.pk) if one.name and one.identity],
    }
    return render(request, "account/confirm.html", context, status=422 if wrong else 200)


@page("account")
def confirm_through(request: PageRequest, provider: str) -> HttpResponseBase:
    """To the person's provider, which asks them anew; it sends them back to ``sign_in_return``."""
    back = _back(request)
    try:
        attempts.require_room(request, request.user.username)
        url, attempt = sign_in_begin(
            provider, following=back, back=address_back(provider), proves=request.user.pk, now=clock.now()
        )
    except (SignInRefused, outbound.Refused, outbound.Unreachable) as error:
        return _not_proven(request, f"{error.message} {error.remedy}", back)
    answer = HttpResponseRedirect(url)
    keep_attempt(answer, attempt)
    return answer


def proof_return(request: HttpRequest, attempt: Attempt) -> HttpResponse:
    """Back from the provider: proven, and on to where it was asked; or why not."""
    try:
        title = proof_finish(
            attempt,
            request.GET.dict(),
            back=address_back(attempt.provider),
            origin=actor_of_session(request),
            now=clock.now(),
        )
    except (SignInRefused, outbound.Refused, outbound.Unreachable) as error:
        attempts.note(request, request.user.get_username())
        return _not_proven(request, f"{error.message} {error.remedy}", attempt.following)
    messages.success(request, f"{title} says that it is you\nGo on within ten minutes.")
    return _proven(request, attempt.following)


def _proven(request: HttpRequest, back: str) -> HttpResponse:
    request.session[CONFIRMED] = int(clock.now().timestamp())
    return HttpResponseRedirect(back)


def _not_proven(request: HttpRequest, why: str, back: str) -> HttpResponse:
    messages.error(request, f"You are not asked any further\n{why}".strip())
    return redirect(f"{reverse('account-confirm')}?{urlencode({'next': back})}")


def _way(request: PageRequest, form: PasswordForm) -> str:
    """By what the person tries to prove themselves, as the log names it."""
    if form.is_bound:
        return "password"
    return "passkey" if request.POST.get("answer") else "app"


def _unproven(request: PageRequest, form: PasswordForm) -> str:
    """Nothing when what was posted proves the person; else why not, and the try is counted. A password's fault stands
    at its field.
    """
    user, now = request.user, clock.now()
    if form.is_bound:
        if form.is_valid() and user.check_password(form.cleaned_data["password"]):
            return ""
        attempts.note(request, user.username)
        if form.is_valid():
            form.add_error("password", "This is not your password.")
        return "wrong"
    if request.POST.get("answer"):
        try:
            state = passkey_questions.taken(request, CONFIRM)
            passkeys.passkey_accept(passkey_questions.party_here(), state, request.POST["answer"], user=user, now=now)
        except webauthn.Refused as error:
            attempts.note_code(request, user.pk)
            return f"{error.message} {error.remedy}"
        return ""
    if second_factors.app_code_accept(user, request.POST.get("code", ""), now=now):
        return ""
    attempts.note_code(request, user.pk)
    return "This is not a code of now, or it was used already. Wait for the next one in your app."


def _back(request: PageRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe else reverse("account")

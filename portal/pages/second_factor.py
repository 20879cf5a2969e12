"""One's own second factor: an app, passkeys, recovery codes. Whoever changes them proves first who they are.

What is possible with each is for ``governance.services.second_factors`` and ``passkeys`` to say.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from governance.selectors.second_factors import factors_of, is_asked, passkeys_of
from governance.services import passkeys, second_factors
from idp.kernel import clock, webauthn
from idp.kernel.errors import Conflict, InvalidInput
from portal.forms.account import PasswordForm
from portal.forms.second_factor import CodeForm, PasskeyForm
from portal.pages import attempts, factor_setup, passkey_questions
from portal.pages.request import PageRequest
from portal.pages.session_begin import CONFIRMED
from portal.pages.shell import FORM, POST, page

FRESH: Final = timedelta(minutes=10)
"""How long a person counts as the one who has just proven themselves."""
CONFIRM: Final = "confirm"
View = Callable[..., HttpResponseBase]


def fresh(view: View) -> View:
    """Asks who did not prove lately who they are, and leads them back; what they posted they do again then."""

    @wraps(view)
    def guarded(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        since = clock.now().timestamp() - float(request.session.get(CONFIRMED, 0))
        if since <= FRESH.total_seconds():
            return view(request, *args, **kwargs)
        back = request.path if request.method != "POST" else reverse("second-factor")
        return redirect(f"{reverse('account-confirm')}?{urlencode({'next': back})}")

    return guarded


@page("account")
def second_factor(request: PageRequest) -> HttpResponse:
    user = request.user
    party = passkey_questions.party()
    context = {
        "factors": factors_of(user.pk),
        "app": getattr(user, "authenticator_app", None),
        "passkeys": passkeys_of(user.pk),
        "local": user.has_usable_password(),
        "asked": is_asked(user),
        "has_passkeys_here": party is not None,
    }
    return render(request, "account/second_factor.html", context)


@page("account", methods=FORM)
@fresh
def app(request: PageRequest) -> HttpResponse:
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        codes = factor_setup.app_added(request, request.actor, form)
        if codes is not None:
            messages.success(request, "Your app is added\nIt is asked at your next sign-in.")
            return _codes_or_back(request, codes)
    context = factor_setup.app_context(request, request.user, form)
    return render(request, "account/second_factor_app.html", context, status=422 if form.errors else 200)


@page("account", methods=POST)
@fresh
def app_remove(request: PageRequest) -> HttpResponse:
    return _removed(request, lambda: second_factors.app_remove(request.actor, now=clock.now()), "Your app is removed")


@page("account", methods=FORM)
@fresh
def passkey_new(request: PageRequest) -> HttpResponse:
    form = PasskeyForm(request.POST or None)
    if request.method == "POST":
        codes = factor_setup.passkey_added(request, request.actor, form)
        if codes is not None:
            messages.success(request, f"{form.cleaned_data['name']} is added\nSign in with it from now on.")
            return _codes_or_back(request, codes)
    context = factor_setup.passkey_context(request, request.user, form)
    return render(request, "account/second_factor_passkey.html", context, status=422 if form.errors else 200)


@page("account", methods=POST)
def passkey_rename(request: PageRequest, passkey: int) -> HttpResponse:
    try:
        passkeys.passkey_rename(request.actor, passkey, name=request.POST.get("name", ""), now=clock.now())
    except InvalidInput as error:
        messages.error(request, f"The name stays\n{error.message}")
    return redirect("second-factor")


@page("account", methods=POST)
@fresh
def passkey_remove(request: PageRequest, passkey: int) -> HttpResponse:
    return _removed(
        request, lambda: passkeys.passkey_remove(request.actor, passkey, now=clock.now()), "The passkey is removed"
    )


@page("account", methods=POST)
@fresh
def recovery(request: PageRequest) -> HttpResponse:
    """Recovery codes anew; they are shown this once."""
    try:
        codes = second_factors.recovery_renew(request.actor, now=clock.now())
    except Conflict as error:
        messages.error(request, f"No codes were made\n{error.message} {error.remedy}")
        return redirect("second-factor")
    return _codes_or_back(request, codes)


@page("account", methods=FORM)
def confirm(request: PageRequest) -> HttpResponse:
    """Proving anew who one is, by the password, a code or a passkey."""
    user, form = request.user, PasswordForm(request.POST if "password" in request.POST else None)
    back = _back(request)
    wrong = ""
    if request.method == "POST":
        attempts.require_room(request, user.username)
        attempts.require_room_for_codes(request, user.pk)
        wrong = _unproven(request, form)
        if not wrong:
            request.session[CONFIRMED] = int(clock.now().timestamp())
            return redirect(back)
    factors = factors_of(user.pk)
    context = {
        "form": form,
        "factors": factors,
        "question": passkey_questions.signing(request, CONFIRM, user) if factors.passkeys else {},
        "wrong": "" if form.is_bound else wrong,
        "next": back,
        "local": user.has_usable_password(),
    }
    return render(request, "account/confirm.html", context, status=422 if wrong else 200)


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


def _codes_or_back(request: PageRequest, codes: list[str]) -> HttpResponse:
    if not codes:
        return redirect("second-factor")
    response = render(request, "account/recovery_codes.html", {"codes": codes, "text": "\n".join(codes)})
    response["Cache-Control"] = "no-store"
    return response


def _removed(request: PageRequest, remove: Callable[[], object], said: str) -> HttpResponse:
    try:
        remove()
    except Conflict as error:
        messages.error(request, f"It stays\n{error.message} {error.remedy}")
    else:
        messages.success(request, said)
    return redirect("second-factor")


def _back(request: PageRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next", "")
    safe = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if safe else reverse("second-factor")

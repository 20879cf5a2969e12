"""One's own second factor: an app, passkeys, recovery codes. Whoever changes them proves first who they are.

What is possible with each is for ``governance.services.second_factors`` and ``passkeys`` to say.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.selectors.second_factors import factors_of, is_asked, passkeys_of
from governance.services import passkeys, second_factors
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput
from portal.forms.second_factor import CodeForm, PasskeyForm
from portal.pages import factor_setup, passkey_questions
from portal.pages.proving import fresh
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page

posted_fresh = partial(fresh, back="second-factor")


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
@posted_fresh
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
@posted_fresh
def passkey_remove(request: PageRequest, passkey: int) -> HttpResponse:
    return _removed(
        request, lambda: passkeys.passkey_remove(request.actor, passkey, now=clock.now()), "The passkey is removed"
    )


@page("account", methods=POST)
@posted_fresh
def recovery(request: PageRequest) -> HttpResponse:
    """Recovery codes anew; they are shown this once."""
    try:
        codes = second_factors.recovery_renew(request.actor, now=clock.now())
    except Conflict as error:
        messages.error(request, f"No codes were made\n{error.message} {error.remedy}")
        return redirect("second-factor")
    return _codes_or_back(request, codes)


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

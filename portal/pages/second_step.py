"""What comes after the password, and the way in without one: codes, recovery codes, passkeys, and the first set-up.

Nobody is signed in on these pages; who is half signed in is ``half_way``'s to say. Every wrong try counts, as wrong
passwords do, and is in the audit log.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from governance.selectors.second_factors import factors_of
from governance.services.local_sign_in import local_sign_in_require
from governance.services.passkeys import passkey_accept
from governance.services.second_factors import app_code_accept, recovery_code_accept
from governance.services.sign_ins import refusal_note, second_step_failed, sign_in_failed
from idp.catalog.models import User
from idp.kernel import clock, webauthn
from idp.kernel.errors import Forbidden, RateLimited
from portal.forms.second_factor import CodeForm, PasskeyForm
from portal.middleware import actor_of_session
from portal.pages import attempts, factor_setup, half_way, passkey_questions, problems
from portal.pages.session_begin import begin_session

FORM: Final = ["GET", "HEAD", "POST"]
SIGN_IN, STEP = "sign-in", "second-step"
WRONG: Final = {
    "code": "This is not a code of now, or it was used already. Wait for the next one in your app.",
    "recovery": "This is not one of your recovery codes, or it was used already.",
}
SECOND: Final = {"passkey": "passkey", "recovery": "recovery code", "code": "app"}
"""What was typed or touched after the password, as the audit log names it."""
View = Callable[[HttpRequest, User], HttpResponse]


def _door(step: str) -> Callable[[View], Callable[[HttpRequest], HttpResponse]]:
    """A view for who is half signed in and is to go on with ``step``; everybody else is sent to sign in."""

    def decorate(view: View) -> Callable[[HttpRequest], HttpResponse]:
        @never_cache
        @require_http_methods(FORM)
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            user = half_way.held(request, step)
            if user is None:
                half_way.let_go(request)
                return redirect("login")
            try:
                attempts.require_room_for_codes(request, user.pk)
            except RateLimited as error:
                return _kept_out(request, user, error)
            return view(request, user)

        return guarded

    return decorate


@_door(half_way.SECOND_STEP)
def second_step(request: HttpRequest, user: User) -> HttpResponse:
    wrong = ""
    if request.method == "POST":
        wrong = _try(request, user)
        if not wrong:
            attempts.forget_codes(request, user.pk)
            return redirect(half_way.let_in(request, user, second=SECOND[_tried(request)]))
        attempts.note_code(request, user.pk)
        second_step_failed(half_way.actor_of(request, user), now=clock.now())
    factors = factors_of(user.pk)
    question = passkey_questions.signing(request, STEP, user) if factors.passkeys else {}
    context = {"person": user, "factors": factors, "question": question, "wrong": wrong, "tried": _tried(request)}
    return render(request, "sign_in/second_step.html", context, status=422 if wrong else 200)


@never_cache
@require_http_methods(FORM)
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Signing in with a passkey alone: the device says who comes, and has verified them."""
    if request.user.is_authenticated:
        return redirect("home")
    back = _safe(request, request.POST.get("next") or request.GET.get("next", ""))
    wrong = ""
    if request.method == "POST":
        try:
            attempts.require_room(request, "")
        except RateLimited as error:
            return _kept_out(request, None, error)
        try:
            state = passkey_questions.taken(request, SIGN_IN)
            user = passkey_accept(
                passkey_questions.party_here(), state, request.POST.get("answer", ""), user=None, now=clock.now()
            )
            local_sign_in_require(user)
        except webauthn.Refused as error:
            attempts.note(request, "")
            sign_in_failed(actor_of_session(request), username="", now=clock.now())
            wrong = f"{error.message} {error.remedy}"
        except Forbidden as error:
            return _kept_out(request, None, error)
        else:
            request.session.set_expiry(None)
            begin_session(request, user, way={"way": "passkey"})
            return redirect(back or "home")
    half_way.let_go(request)
    request.session.set_expiry(passkey_questions.SECONDS)
    question = passkey_questions.signing(request, SIGN_IN, None)
    context = {"question": question, "wrong": wrong, "next": back, "starts": request.method == "GET"}
    return render(request, "sign_in/passkey.html", context, status=422 if wrong else 200)


@_door(half_way.SET_UP)
def set_up(request: HttpRequest, user: User) -> HttpResponse:
    """The first factor of somebody of whom one is required: before it is there they can do nothing else."""
    form = CodeForm(request.POST or None)
    if request.method == "POST":
        codes = factor_setup.app_added(request, half_way.actor_of(request, user), form)
        if codes is not None:
            return _arrived(request, user, codes)
    context = {"person": user, **factor_setup.app_context(request, user, form)}
    return render(request, "sign_in/set_up.html", context, status=422 if form.errors else 200)


@_door(half_way.SET_UP)
def set_up_passkey(request: HttpRequest, user: User) -> HttpResponse:
    form = PasskeyForm(request.POST or None)
    if request.method == "POST":
        codes = factor_setup.passkey_added(request, half_way.actor_of(request, user), form)
        if codes is not None:
            return _arrived(request, user, codes)
    context = {"person": user, **factor_setup.passkey_context(request, user, form)}
    return render(request, "sign_in/set_up_passkey.html", context, status=422 if form.errors else 200)


def _arrived(request: HttpRequest, user: User, codes: list[str]) -> HttpResponse:
    back = half_way.let_in(request, user, second="new factor")
    messages.success(request, "Your second factor is set up")
    return render(request, "sign_in/recovery_codes.html", {"codes": codes, "text": "\n".join(codes), "next": back})


def _try(request: HttpRequest, user: User) -> str:
    """Nothing when what was posted proves the person, else the sentence to show."""
    now, tried = clock.now(), _tried(request)
    if tried == "passkey":
        try:
            state = passkey_questions.taken(request, STEP)
            passkey_accept(passkey_questions.party_here(), state, request.POST["answer"], user=user, now=now)
        except webauthn.Refused as error:
            return f"{error.message} {error.remedy}"
        return ""
    if tried == "recovery":
        actor = half_way.actor_of(request, user)
        return "" if recovery_code_accept(actor, user, request.POST["recovery"], now=now) else WRONG[tried]
    return "" if app_code_accept(user, request.POST.get("code", ""), now=now) else WRONG["code"]


def _tried(request: HttpRequest) -> str:
    """What was posted: passkey, recovery or code."""
    if request.POST.get("answer"):
        return "passkey"
    return "recovery" if "recovery" in request.POST else "code"


def _kept_out(request: HttpRequest, user: User | None, error: RateLimited | Forbidden) -> HttpResponse:
    if isinstance(error, RateLimited):  # what is forbidden is noted by portal.middleware.Refusals
        actor = half_way.actor_of(request, user) if user else actor_of_session(request)
        what = f"{request.method} {request.path}"
        refusal_note(actor, what=what, code=error.code, why=error.message, now=clock.now())
    return problems.answer_alone(request, error)


def _safe(request: HttpRequest, url: str) -> str:
    """Where somebody wanted to go, if that is a page of here."""
    hosts = {request.get_host()}
    ours = url_has_allowed_host_and_scheme(url, allowed_hosts=hosts, require_https=request.is_secure())
    return url if ours else ""

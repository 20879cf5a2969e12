"""One's own account: who am I, tokens, sessions, theme."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from governance.selectors.second_factors import factors_of
from governance.services import accounts, open_sessions, tokens
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.account import PasswordForm, TokenForm
from portal.pages import attempts
from portal.pages.problems import add_errors
from portal.pages.proving import fresh
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page, theme_of
from portal.reading import account as reading

YEAR = 365 * 24 * 3600


@page("account")
def account(request: PageRequest) -> HttpResponse:
    return _account_page(request)


@page("account", methods=POST)
def token_new(request: PageRequest) -> HttpResponse:
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _account_page(request, form=form)
    data, now = form.cleaned_data, clock.now()
    try:
        token, plaintext = tokens.token_create(
            request.rights.actor,
            owner=request.user,
            name=data["name"],
            scopes=data["scopes"],
            systems=data["systems"],
            expires_at=now + timedelta(days=data["days"]),
            now=now,
        )
    except InvalidInput as error:
        add_errors(form, error)
        return _account_page(request, form=form)
    response = _account_page(request, shown={"token": token, "plaintext": plaintext})
    response["Cache-Control"] = "no-store"
    return response


@page("account", methods=POST)
def token_revoke(request: PageRequest, token: int) -> HttpResponse:
    found = reading.token_get(request.user.pk, token)
    if found is None:
        raise NotFound("You have no such token.", remedy="Open your account to see those you have.")
    tokens.token_revoke(request.rights.actor, token=found, now=clock.now())
    messages.success(request, f"{found.name} is revoked\nWhatever still uses it is refused from now on.")
    return redirect("account")


@page("account", methods=POST)
def token_rotate(request: PageRequest, token: int) -> HttpResponse:
    found = reading.token_get(request.user.pk, token)
    if found is None:
        raise NotFound("You have no such token.", remedy="Open your account to see those you have.")
    try:
        made, plaintext = tokens.token_rotate(request.rights.actor, token=found, now=clock.now())
    except (Conflict, InvalidInput) as error:
        messages.error(request, f"{found.name} is not rotated\n{error.message} {error.remedy}".strip())
        return redirect("account")
    response = _account_page(request, shown={"token": made, "plaintext": plaintext, "instead": True})
    response["Cache-Control"] = "no-store"
    return response


@page("account", methods=POST)
def theme(request: PageRequest) -> HttpResponse:
    """Keeps the theme in a cookie, which the first byte of every page obeys; anything else means as the system."""
    response = redirect("account")
    chosen = request.POST.get("theme", "")
    if chosen in ("light", "dark"):
        response.set_cookie("theme", chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


@page("account", methods=POST)
def sign_out_everywhere(request: PageRequest) -> HttpResponseBase:
    """With the password; who has none proves first who they are, at their provider."""
    return _signed_out_by_password(request) if request.user.has_usable_password() else _signed_out_proven(request)


@partial(fresh, back="account")
def _signed_out_proven(request: PageRequest) -> HttpResponse:
    user = accounts.sessions_end(request.rights.actor, password=None, now=clock.now())
    return _signed_out(request, user)


def _signed_out_by_password(request: PageRequest) -> HttpResponse:
    form = PasswordForm(request.POST)
    attempts.require_room(request, request.user.username)
    if form.is_valid():
        try:
            user = accounts.sessions_end(
                request.rights.actor,
                password=form.cleaned_data["password"],
                now=clock.now(),
            )
        except InvalidInput as error:
            attempts.note(request, request.user.username)
            add_errors(form, error)
        else:
            return _signed_out(request, user)
    return _account_page(request, password_form=form)


def _signed_out(request: PageRequest, user: User) -> HttpResponse:
    """This browser stays signed in, under a new key."""
    before = request.session.session_key or ""
    update_session_auth_hash(request, user)
    open_sessions.sessions_gone(user.pk, but=before)
    open_sessions.session_renamed(before, request.session.session_key or "")
    messages.success(request, "You are signed out everywhere else")
    return redirect("account")


@page("account", methods=POST)
def session_end(request: PageRequest, session: int) -> HttpResponse:
    ended = open_sessions.session_end(request.rights.actor, session, now=clock.now())
    messages.success(request, f"That session is over\n{reading.browser(ended.agent)} is signed out.")
    return redirect("account")


def _account_page(
    request: PageRequest,
    *,
    form: TokenForm | None = None,
    password_form: PasswordForm | None = None,
    shown: dict[str, Any] | None = None,
) -> HttpResponse:
    rights = request.rights
    context = {
        "person": request.user,
        "memberships": reading.memberships_of(request.user.pk),
        "tokens": reading.tokens_of(request.user.pk, clock.now()),
        "sessions": reading.sessions_of(request.user.pk, request.session.session_key or "", clock.now()),
        "form": form or TokenForm(),
        "password_form": password_form or PasswordForm(),
        "has_password": request.user.has_usable_password(),
        "factors": factors_of(request.user.pk),
        "shown": shown,
        "theme": theme_of(request),
        "roles": ["Platform admin"] * rights.is_admin + ["Auditor"] * rights.is_auditor,
    }
    failed = (form is not None and form.errors) or (password_form is not None and password_form.errors)
    return render(request, "account/account.html", context, status=422 if failed else 200)

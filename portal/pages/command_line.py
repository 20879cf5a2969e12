"""Where a person answers ``slipway login``: compares the short code, says what the program may, or refuses."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.login_code import code_shown
from governance.models import DeviceLogin
from governance.services.device_logins import login_allow, login_read, login_refuse
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.command_line import AllowForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page


@page("account", methods=FORM)
def command_line(request: PageRequest) -> HttpResponse:
    """Without a code it asks for one; with one it shows who asks and what for."""
    sent = request.method == "POST"
    code = (request.POST if sent else request.GET).get("code", "").strip()[:40]
    if not code:
        return _ask_for_code(request)
    try:
        login = login_read(request.actor, code=code, now=clock.now())
        return _answered(request, login) if sent else _shown(request, login, AllowForm(initial=_wish(login)))
    except (NotFound, Conflict) as error:
        return _ask_for_code(request, code=code, error=f"{error.message} {error.remedy}")


def _answered(request: PageRequest, login: DeviceLogin) -> HttpResponse:
    if request.POST.get("do") == "refuse":
        login_refuse(request.actor, code=login.code, now=clock.now())
        messages.success(request, f"{login.client} is refused\nIt gets nothing, and is told so.")
        return redirect("account")
    form = AllowForm(request.POST)
    if form.is_valid():
        try:
            login_allow(request.actor, code=login.code, now=clock.now(), **form.cleaned_data)
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{login.client} may act for you\nGo back to the terminal; it goes on by itself.")
            return redirect("account")
    return _shown(request, login, form)


def _wish(login: DeviceLogin) -> dict[str, Any]:
    return {"scopes": login.scopes, "days": login.days}


def _shown(request: PageRequest, login: DeviceLogin, form: AllowForm) -> HttpResponse:
    context = {"login": login, "code": code_shown(login.code), "form": form}
    return render(request, "account/command_line.html", context, status=422 if form.errors else 200)


def _ask_for_code(request: PageRequest, *, code: str = "", error: str = "") -> HttpResponse:
    context = {"login": None, "code": code, "error": error}
    return render(request, "account/command_line.html", context, status=422 if error else 200)

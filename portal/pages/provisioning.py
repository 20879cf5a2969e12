"""Provisioning through SCIM: its address and tokens, and what it brought."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.selectors.provisioned import groups_counted
from governance.services import scim_tokens as services
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict
from portal.forms.provisioning import ScimTokenForm
from portal.pages.request import PageRequest
from portal.pages.shell import POST, page
from portal.reading.provisioning import provisioning_now

PAGE = 50


@page("administration")
def provisioning(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return _page(request, ScimTokenForm())


@page("administration", methods=POST)
def provisioning_token(request: PageRequest) -> HttpResponse:
    """Make a token, or turn the one there is over; the answer alone shows it."""
    request.rights.require_admin()
    form = ScimTokenForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    _, plaintext = services.scim_token_make(request.actor, days=form.cleaned_data["days"], now=clock.now())
    response = _page(request, ScimTokenForm(), shown=plaintext)
    response["Cache-Control"] = "no-store"
    return response


@page("administration", methods=POST)
def provisioning_end(request: PageRequest) -> HttpResponse:
    try:
        services.scim_tokens_end(request.actor, now=clock.now())
    except Conflict as error:
        messages.info(request, f"{error.message}\n{error.remedy}")
    else:
        messages.success(request, "Provisioning is closed\nPeople and roles stay as they are now.")
    return redirect("provisioning")


def _page(request: PageRequest, form: ScimTokenForm, *, shown: str = "", status: int = 200) -> HttpResponse:
    groups = keyset.page(groups_counted(), order=("display_name_key",), cursor=request.GET.get("cursor"), limit=PAGE)
    context: dict[str, Any] = {
        "now": provisioning_now(clock.now()),
        "groups": groups.items,
        "next": groups.next,
        "form": form,
        "shown": shown,
        "address": f"{settings.BASE_URL}/scim/v2",
    }
    return render(request, "people/provisioning.html", context, status=status)

"""Providers that people sign in through: all of them, and one while it is edited, looked at and saved. Admins only.

A look asks the provider itself whether signing in could work, and keeps nothing.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.models import SignInProvider
from governance.services import sign_in_providers as services
from idp.kernel import clock, vault
from idp.kernel.errors import Conflict, InvalidInput
from portal.forms.looked_at import meaning, meant
from portal.forms.sign_in import ProviderForm, initial_of
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.pages.sign_in_through import address_back


@page("administration")
def sign_in_providers(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return render(request, "providers/providers.html", {"rows": SignInProvider.objects.all()[:100]})


@page("administration", methods=FORM)
def sign_in_provider(request: PageRequest, name: str = "") -> HttpResponse:
    """What is saved is what the page showed the check of."""
    request.rights.require_admin()
    row = services.provider_get(request.actor, name) if name else None
    if request.method != "POST":
        return _answer(request, row, ProviderForm(initial=initial_of(row)))
    form = ProviderForm(request.POST)
    if not form.is_valid():
        return _answer(request, row, form, status=422)
    try:
        return _looked_or_saved(request, row, form)
    except (InvalidInput, Conflict) as error:
        add_errors(form, error)
        return _answer(request, row, form, status=422)


@page("administration", methods=POST)
def sign_in_provider_act(request: PageRequest, name: str) -> HttpResponse:
    """Take the last edit back, or remove the provider."""
    try:
        if request.POST.get("do") == "remove":
            services.provider_remove(request.actor, name=name, now=clock.now())
            messages.info(request, f"{name} is removed\nWho came by it keeps the account, and any other way in.")
            return redirect("sign-in-providers")
        services.provider_take_back(request.actor, name=name, now=clock.now())
        messages.success(request, f"The last edit of {name} is taken back")
    except Conflict as error:
        messages.error(request, f"Nothing was changed\n{error.message} {error.remedy}".strip())
    return redirect("sign-in-provider", name)


def _looked_or_saved(request: PageRequest, row: SignInProvider | None, form: ProviderForm) -> HttpResponse:
    name, wish = row.name if row else form.cleaned_data["name"], form.wish()
    if row is None and SignInProvider.objects.filter(name=name).exists():
        form.add_error("name", "There is a provider of this name already.")
        return _answer(request, row, form, status=422)
    services.provider_checked(request.actor, name, wish)
    if not meant(request.POST, _meaning(name, form)):
        return _answer(request, row, form, findings=services.provider_check(request.actor, name, wish))
    seen = request.POST.get("version", "")
    expected = int(seen) if row and seen.isascii() and seen.isdigit() and len(seen) < 9 else None
    services.provider_save(request.actor, name=name, wish=wish, expected_version=expected, now=clock.now())
    messages.success(request, f"{wish.title} is saved\nIt counts from the next sign-in on.")
    return redirect("sign-in-provider", name)


def _meaning(name: str, form: ProviderForm) -> dict[str, Any]:
    return {"name": name, **asdict(form.wish()), "secret": None}


def _answer(
    request: PageRequest,
    row: SignInProvider | None,
    form: ProviderForm,
    *,
    findings: list[services.Finding] | None = None,
    status: int = 200,
) -> HttpResponse:
    name = row.name if row else form.cleaned_data["name"] if findings else ""
    typed = form.wish().secret if findings else None
    context = {
        "row": row,
        "form": form,
        "findings": findings,
        "looked_at": meaning(_meaning(name, form)) if findings else "",
        "sealed": vault.encrypt(typed) if typed else "",
        "back": address_back(name or "NAME"),
        "people": services.provider_people(row) if row else 0,
    }
    return render(request, "providers/provider.html", context, status=status)

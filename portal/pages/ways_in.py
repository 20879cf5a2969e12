"""One's own ways to sign in through providers: connected by who has just proven to be the person, and ended again.

A form may not lead to another site, so that the way to the provider is a link on the page that answers it.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from governance.models import SignInProvider
from governance.services.oidc_calls import SignInRefused
from governance.services.oidc_sign_in import identity_end, sign_in_begin
from idp.kernel import clock, outbound
from idp.kernel.errors import Conflict
from portal.pages.going_through import address_back, keep_attempt
from portal.pages.proving import fresh
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.sign_in import own_ways


@page("account", methods=FORM)
@fresh
def ways_in(request: PageRequest) -> HttpResponseBase:
    if request.method == "POST" and request.POST.get("do") == "end":
        return _ended(request, request.POST.get("issuer", ""))
    name = request.POST.get("provider", "")
    if request.method != "POST":
        return _answer(request)
    try:
        there = reverse("ways-in")
        url, attempt = sign_in_begin(
            name, following=there, back=address_back(name), connects=request.user.pk, now=clock.now()
        )
    except (SignInRefused, outbound.Refused, outbound.Unreachable) as error:
        messages.error(request, f"Nothing was connected\n{error.message}")
        return redirect("ways-in")
    answer = _answer(request, onward={"url": url, "title": SignInProvider.objects.get(name=name).title})
    keep_attempt(answer, attempt)
    return answer


def _ended(request: PageRequest, issuer: str) -> HttpResponse:
    try:
        identity_end(request.actor, issuer=issuer, now=clock.now())
        messages.success(request, "This way is closed\nThe others on this page stay.")
    except Conflict as error:
        messages.error(request, f"This way stays\n{error.message} {error.remedy}".strip())
    return redirect("ways-in")


def _answer(request: PageRequest, onward: dict[str, str] | None = None) -> HttpResponse:
    return render(request, "providers/ways.html", {"ways": own_ways(request.user.pk), "onward": onward})

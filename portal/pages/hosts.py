"""Hosts: which names lead here, whose are they, and who gave them?"""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.catalog.models import System, Team
from idp.catalog.selectors import system_get, team_get
from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.forms.hosts import HostForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from provisioning.selectors.hosts import host_claims
from provisioning.services.hosts import host_give, host_take_back

ON_A_PAGE = 50


@page("capabilities", methods=FORM)
def hosts(request: PageRequest) -> HttpResponse:
    if request.method == "POST":
        return _given(request)
    return _list(request, _form(request) if request.rights.may_administer() else None)


def _form(request: PageRequest) -> HostForm:
    return HostForm(request.POST or None, teams=Team.objects.order_by("slug").values_list("slug", flat=True))


def _given(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = _form(request)
    if form.is_valid():
        sent = form.cleaned_data
        try:
            team = team_get(request.rights, sent["team"])
            system = _system(request, sent["system"]) if sent["system"] else None
            claim = host_give(
                request.actor, host=sent["host"], team=team, system=system, note=sent["note"], now=clock.now()
            )
        except (InvalidInput, Conflict) as error:
            add_errors(form, error if error.errors else _at_host(error))
        else:
            messages.success(request, f"{claim.host} belongs to {team.slug}\nNobody else can route it from now on.")
            return redirect("hosts")
    return _list(request, form, status=422)


def _system(request: PageRequest, slug: str) -> System:
    try:
        return system_get(request.rights, slug)
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError("system", error.message)]) from None


def _at_host(error: InvalidInput | Conflict) -> InvalidInput:
    return InvalidInput(error.message, errors=[FieldError("host", f"{error.message} {error.remedy}".strip())])


def _list(request: PageRequest, form: HostForm | None, *, status: int = 200) -> HttpResponse:
    query = request.GET.get("q", "").strip()[:80]
    rows = Paginator(host_claims(request.rights, query=query), ON_A_PAGE).get_page(request.GET.get("page"))
    context = {"rows": rows, "query": query, "form": form, "may_give": request.rights.may_administer()}
    return render(request, "hosts/hosts.html", context, status=status)


@page("capabilities", methods=POST)
def host_release(request: PageRequest) -> HttpResponse:
    host = request.POST.get("host", "")[:253]
    host_take_back(request.actor, host=host, now=clock.now())
    messages.success(request, f"{host} is free\nThe next change that asks for it gets it.")
    return redirect("hosts")

"""Clusters: what lives where, how full they are, whether they answer; registered, cordoned and removed by admins."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, SlipwayError, Transient
from portal.forms.clusters import ClusterForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import clusters as reading
from portal.reading.drains import drain_of
from provisioning.models import Cluster
from provisioning.selectors.clusters import cluster_get
from provisioning.selectors.placing import cluster_blockers, cluster_seen
from provisioning.services import clusters as services

ON_A_PAGE = 50


@page("environments")
def clusters(request: PageRequest) -> HttpResponse:
    context = {"lines": reading.cluster_lines(), "may_administer": request.rights.may_administer()}
    return render(request, "clusters/list.html", context)


@page("environments")
def cluster(request: PageRequest, cluster: str) -> HttpResponse:
    return _page(request, cluster)


def _page(request: PageRequest, name: str, *, refused: SlipwayError | None = None) -> HttpResponse:
    found = cluster_seen(name)
    rows = Paginator(reading.living_there(found, request.rights), ON_A_PAGE).get_page(request.GET.get("page"))
    may = request.rights.may_administer()
    context = {
        "line": reading.cluster_line(found),
        "cluster": found,
        "rows": rows,
        "hidden": found.lives - rows.paginator.count,  # type: ignore[attr-defined]
        "stages": reading.stages_leading_to(found),
        "offered": reading.offered(found),
        "drain": drain_of(found),
        "may_administer": may,
        "blockers": cluster_blockers(found) if may else [],
        "refused": refused,
    }
    return render(request, "clusters/cluster.html", context, status=422 if refused else 200)


@page("environments", methods=FORM)
def cluster_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = ClusterForm(request.POST or None, initial={"driver": "kubernetes"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.cluster_register(request.actor, **form.sent(), now=clock.now())
        except (InvalidInput, Conflict, Transient) as error:
            add_errors(form, _at_fields(error))
        else:
            messages.success(request, f"{made.name} is registered\nIt answers with {made.kubernetes_version}.")
            return redirect("cluster", made.name)
    return _form(request, form, None)


@page("environments", methods=FORM)
def cluster_edit(request: PageRequest, cluster: str) -> HttpResponse:
    request.rights.require_admin()
    found = cluster_get(cluster)
    form = ClusterForm(request.POST or None, existing=True, initial=ClusterForm.shown(found))
    if request.method == "POST" and form.is_valid():
        try:
            services.cluster_update(request.actor, name=found.name, **form.sent(), now=clock.now())
        except (InvalidInput, Conflict, Transient) as error:
            add_errors(form, _at_fields(error))
        else:
            messages.success(request, f"{found.name} is saved")
            return redirect("cluster", found.name)
    return _form(request, form, found)


def _form(request: PageRequest, form: ClusterForm, found: Cluster | None) -> HttpResponse:
    context = {"form": form, "cluster": found}
    return render(request, "clusters/form.html", context, status=422 if form.errors else 200)


def _at_fields(error: SlipwayError) -> InvalidInput:
    """The service's paths as names of fields: both ``prices.cpu`` and ``capacity.cpu`` end with ``cpu``."""
    renamed = [
        replace(one, path=one.path.replace("prices.", "price_").replace("capacity.", "capacity_"))
        for one in error.errors
    ]
    return InvalidInput(error.message, remedy=error.remedy, errors=renamed)


@page("environments", methods=POST)
def cluster_act(request: PageRequest, cluster: str, act: str) -> HttpResponse:
    """``cordon``, ``uncordon``, ``check`` or ``remove``."""
    try:
        told = _acted(request, cluster, act)
    except (Conflict, InvalidInput, Transient) as error:
        return _page(request, cluster, refused=error)
    messages.success(request, told)
    return redirect("clusters") if act == "remove" else redirect("cluster", cluster)


def _acted(request: PageRequest, name: str, act: str) -> str:
    now = clock.now()
    if act == "cordon":
        services.cluster_cordon(request.actor, name=name, reason=request.POST.get("reason", ""), now=now)
        return f"{name} is cordoned\nIt takes no new environment."
    if act == "uncordon":
        services.cluster_uncordon(request.actor, name=name, now=now)
        return f"{name} takes new environments again"
    if act == "check":
        info = services.cluster_check(request.actor, cluster_get(name), now=now)
        return f"{name} answers\nIt runs {info.version}."
    if act == "remove":
        confirm = request.POST.get("confirm_name", "").strip()
        services.cluster_remove(request.actor, name=name, confirm=confirm, now=now)
        return f"{name} is removed"
    raise InvalidInput("There is no such action.", errors=[FieldError("act", "Use a button of the page.")])

"""Draining a cluster: how far it is, and what admins do about it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, SlipwayError
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.drains import ItemLine, drain_of, items_of
from provisioning.selectors.placing import cluster_seen
from provisioning.services.drains import drain_act, drain_start

ON_A_PAGE = 50
TOLD = {
    "pause": "The drain is paused\nWhat is under way goes on.",
    "resume": "The drain goes on",
    "end": "The drain has ended\nWhat has moved stays where it is.",
}


@page("environments", methods=FORM)
def cluster_drain(request: PageRequest, cluster: str) -> HttpResponse:
    if request.method != "POST":
        return _drawn(request, cluster)
    try:
        messages.success(request, _done(request, cluster))
    except (Conflict, InvalidInput) as error:
        return _drawn(request, cluster, refused=error)
    return redirect("cluster-drain", cluster)


def _done(request: PageRequest, cluster: str) -> str:
    act, now = request.POST.get("act", ""), clock.now()
    if act == "start":
        size = request.POST.get("at_once", "")
        at_once = int(size) if size.isdecimal() and len(size) < 4 else 0
        drain_start(request.actor, cluster=cluster, at_once=at_once, reason=request.POST.get("reason", ""), now=now)
        return f"{cluster} is being drained\nThe first wave is asked to move."
    drain_act(request.actor, cluster=cluster, act=act, now=now)
    return TOLD[act]


def _drawn(request: PageRequest, name: str, *, refused: SlipwayError | None = None) -> HttpResponse:
    found = cluster_seen(name)
    drain = drain_of(found)
    rows: Any = items_of(drain.drain, request.rights) if drain else []
    shown = Paginator(rows, ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "cluster": found,
        "drain": drain,
        "rows": shown,
        "lines": [ItemLine(one) for one in shown],
        "hidden": drain.total - shown.paginator.count if drain else 0,
        "may_administer": request.rights.may_administer(),
        "refused": refused,
        "at_once": request.POST.get("at_once", "3"),
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "clusters/drain.html", context, status=422 if refused else 200)

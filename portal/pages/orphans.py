"""Orphans: what lives on our clusters and belongs to no environment? For admins, who alone may delete it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, Transient
from portal.forms.confirming import EMPTY, Confirmed
from portal.pages.shell import FORM, page
from provisioning.models import Orphan
from provisioning.selectors.orphans import orphan_get, orphan_list
from provisioning.services.orphans import orphan_delete

PAGE = 50
WHY = {
    "no-environment": "No such environment lives on this cluster.",
    "not-recorded": "The environment lives, and no resource of it made this.",
    "left-behind": "It was left behind when its environment moved away and this cluster did not answer.",
}


@page("")
def orphans(request: HttpRequest) -> HttpResponse:
    cluster = request.GET.get("cluster", "").strip()[:30]
    rows = orphan_list(request.rights, cluster=cluster)  # type: ignore[attr-defined]
    listed = keyset.page(rows, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    lines = [{"row": one, "why": WHY[one.reason]} for one in listed.items]
    return render(request, "orphans/orphans.html", {"lines": lines, "next": listed.next, "cluster": cluster})


@page("", methods=FORM)
def orphan(request: HttpRequest, orphan: int) -> HttpResponse:
    found = orphan_get(request.rights, orphan)  # type: ignore[attr-defined]
    if request.method != "POST":
        return _ask(request, found)
    typed = Confirmed.of(request.POST)
    try:
        orphan_delete(request.actor, found.pk, confirm=typed.name, now=clock.now())  # type: ignore[attr-defined]
    except (InvalidInput, Conflict, Transient) as error:
        return _ask(request, found, typed.refused(error), status=422)
    messages.success(request, f"{found.kind} {found.name} is being deleted\nThe audit log has who asked for it.")
    return redirect("orphans")


def _ask(request: HttpRequest, found: Orphan, typed: Confirmed = EMPTY, *, status: int = 200) -> HttpResponse:
    losses = [f"{found.kind} {found.name}" + (f" in namespace {found.namespace}" if found.namespace else "")]
    if found.kind == "Namespace":
        losses.append("Everything that is in the namespace, whoever made it")
    if found.kind in ("PersistentVolumeClaim", "StatefulSet"):
        losses.append("The data that it holds; nothing brings it back")
    context = {"orphan": found, "why": WHY[found.reason], "losses": losses, "typed": typed}
    return render(request, "orphans/orphan.html", context, status=status)

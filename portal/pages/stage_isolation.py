"""How far a stage keeps its environments from others, with what each way costs and risks; chosen by platform admins."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, SlipwayError
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.stage_isolation import isolation_view
from provisioning.selectors.stages import stage_get
from provisioning.services.stage_isolation import stage_isolate


@page("environments", methods=FORM)
def stage_isolation(request: PageRequest, stage: str) -> HttpResponse:
    if request.method != "POST":
        return _drawn(request, stage, request.GET.get("isolation", ""))
    chosen = request.POST.get("isolation", "")
    if request.POST.get("do") == "look":
        return _drawn(request, stage, chosen)
    version = request.POST.get("version", "")
    expected = int(version) if version.isdecimal() and len(version) < 10 else None
    try:
        stage_isolate(request.actor, stage=stage, isolation=chosen, expected_version=expected, now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _drawn(request, stage, chosen, refused=error)
    messages.success(request, f"{stage} is saved\nWhat lives there stays as it is until it is moved.")
    return redirect("stage-isolation", stage)


def _drawn(request: PageRequest, stage: str, chosen: str, *, refused: SlipwayError | None = None) -> HttpResponse:
    view = isolation_view(stage_get(stage), chosen, request.rights)
    context = {"view": view, "may_administer": request.rights.may_administer(), "refused": refused}
    return render(request, "stages/isolation.html", context, status=422 if refused else 200)

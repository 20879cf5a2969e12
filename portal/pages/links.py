"""Links: where do people look for what runs at a stage? Admins write templates and see what comes of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.links import LinkForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading.links import LinkRow, Shown, link_rows, preview
from provisioning.models import Stage
from provisioning.selectors.links import stage_links
from provisioning.selectors.stages import stage_get, stage_list
from provisioning.services.links import link_remove, link_save


@page("environments", methods=FORM)
def links(request: PageRequest) -> HttpResponse:
    stages = list(stage_list())
    stage = _chosen(stages, request.POST.get("stage") or request.GET.get("stage", ""))
    if request.method == "POST":
        return _written(request, stages, stage)
    form = LinkForm(initial=_initial(request, stage)) if request.rights.may_administer() else None
    return _list(request, stages, stage, form)


def _written(request: PageRequest, stages: list[Stage], stage: Stage) -> HttpResponse:
    request.rights.require_admin()
    form = LinkForm(request.POST)
    if request.POST.get("do") == "preview":
        shown = preview(form["name"].value(), form["kind"].value(), form["url"].value())
        for field, message in shown.problems:
            form.add_error(field, message)
        return _list(request, stages, stage, form, shown=shown, status=422 if shown.problems else 200)
    if form.is_valid():
        try:
            row = link_save(request.actor, stage=stage, now=clock.now(), **form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{row.name} is on every environment of {stage.name}\nPages show it from now on.")
            return redirect(f"{reverse('links')}?stage={stage.name}")
    return _list(request, stages, stage, form, status=422)


@page("environments", methods=POST)
def link_removed(request: PageRequest) -> HttpResponse:
    stage = stage_get(request.POST.get("stage", "")[:30])
    link = request.POST.get("link", "")
    if not (link.isascii() and link.isdigit() and len(link) <= 18):
        raise NotFound(f"Stage {stage.name} has no such link.")
    link_remove(request.actor, stage=stage, link_id=int(link), now=clock.now())
    messages.success(request, "The link is gone")
    return redirect(f"{reverse('links')}?stage={stage.name}")


def _chosen(stages: list[Stage], name: str) -> Stage:
    found = next((one for one in stages if one.name == name), stages[0] if stages and not name else None)
    if found is None:
        raise NotFound(f"There is no stage “{name[:30]}”." if name else "There is no stage yet, so there are no links.")
    return found


def _initial(request: PageRequest, stage: Stage) -> dict[str, str]:
    """The link that is to be changed, when the address names one."""
    row = stage_links(stage).filter(name=request.GET["edit"][:40]).first() if "edit" in request.GET else None
    return {"name": row.name, "kind": row.kind, "url": row.url} if row else {}


def _list(
    request: PageRequest,
    stages: list[Stage],
    stage: Stage,
    form: LinkForm | None,
    *,
    shown: Shown | None = None,
    status: int = 200,
) -> HttpResponse:
    rows: list[LinkRow] = link_rows(stage_links(stage))
    context: dict[str, Any] = {"stages": stages, "stage": stage, "rows": rows, "form": form, "preview": shown}
    return render(request, "links/links.html", context, status=status)

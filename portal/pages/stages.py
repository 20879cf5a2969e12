"""Stages: what each says of the environments at it; read by everybody, edited by platform admins who see first whom
an edit concerns.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, SlipwayError
from portal.forms.stages import StageForm, initial
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import stages as reading
from provisioning.models import Cluster, Stage
from provisioning.selectors.clusters import cluster_get
from provisioning.selectors.stages import stage_before, stage_get, stage_reach, stage_written
from provisioning.services import stages as services


@page("environments")
def stages(request: PageRequest) -> HttpResponse:
    context = {"lines": reading.stage_lines(), "may_administer": request.rights.may_administer()}
    return render(request, "stages/list.html", context)


@page("environments")
def stage(request: PageRequest, stage: str) -> HttpResponse:
    return _page(request, stage)


def _page(request: PageRequest, name: str, *, refused: SlipwayError | None = None) -> HttpResponse:
    found = stage_get(name)
    may = request.rights.may_administer()
    before = stage_before(found) if may else None
    reach = stage_reach(found)
    context = {
        "stage": found,
        "pairs": reading.stage_pairs(found),
        "reach": reach,
        "may_administer": may,
        "undo": reading.stage_differences(stage_written(found), before, reach) if before else [],
        "refused": refused,
    }
    return render(request, "stages/stage.html", context, status=422 if refused else 200)


@page("environments", methods=FORM)
def stage_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return _edited(request, None)


@page("environments", methods=FORM)
def stage_edit(request: PageRequest, stage: str) -> HttpResponse:
    request.rights.require_admin()
    return _edited(request, stage_get(stage))


def _edited(request: PageRequest, found: Stage | None) -> HttpResponse:
    """Drawn, looked at (``do`` is ``look``), or saved."""
    written = stage_written(found) if found else {}
    others = Stage.objects.exclude(pk=found.pk) if found else Stage.objects.all()
    names = list(others.values_list("name", flat=True))
    form = StageForm(
        request.POST or None,
        stages=names,
        clusters=Cluster.objects.values_list("name", flat=True),
        existing=found is not None,
        initial=initial(found, written) if found else {"order": 50, "drift_mode": "report"},
    )
    looked = request.method == "POST" and form.is_valid()
    if looked and request.POST.get("do") == "save":
        try:
            saved = _save(request, form.sent(), found)
        except (InvalidInput, Conflict) as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{saved.name} is saved\nThe last edit can be taken back on this page.")
            return redirect("stage", saved.name)
    reach = stage_reach(found) if found else None
    differs = reading.stage_differences(written, form.sent(), reach) if looked and reach else []
    context = {
        "form": form,
        "stage": found,
        "reach": reach,
        "looked": looked and not form.errors,
        "differences": differs,
        "version": request.POST.get("version") or (found.version if found else ""),
    }
    return render(request, "stages/form.html", context, status=422 if form.errors else 200)


def _save(request: PageRequest, sent: dict[str, Any], found: Stage | None) -> Stage:
    source = sent.pop("promotes_from")
    cluster = cluster_get(sent.pop("cluster"))
    if found is None and Stage.objects.filter(name=sent["name"]).exists():
        raise Conflict(f"There is a stage “{sent['name']}” already.", remedy="Give it another name.")
    return services.stage_save(
        request.actor,
        name=found.name if found else sent.pop("name"),
        promotes_from=stage_get(source) if source else None,
        cluster=cluster,
        expected_version=_version(request) if found else None,
        now=clock.now(),
        **sent,
    )


def _version(request: PageRequest) -> int | None:
    version = request.POST.get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else None


@page("environments", methods=POST)
def stage_take_back(request: PageRequest, stage: str) -> HttpResponse:
    try:
        services.stage_take_back(request.actor, name=stage, expected_version=_version(request), now=clock.now())
    except (InvalidInput, Conflict) as error:
        return _page(request, stage, refused=error)
    messages.success(request, f"{stage} is as it was before")
    return redirect("stage", stage)

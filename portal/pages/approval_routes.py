"""Approval routes: read by everybody, made and edited by platform admins; and the report of rubber stamps."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.domain.route import Route, compiled
from governance.models import ApprovalRoute, Policy
from governance.services import routes as services
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from portal.forms.approval_routes import RouteForm, from_document, from_fields
from portal.forms.looked_at import meaning, meant
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import approval_routes as reading
from portal.reading.policies import DAYS_OFFERED
from portal.reading.policy_replays import days_asked
from provisioning.selectors.rubber_stamps import Gate, condition_for, gates
from provisioning.services.policy_replays import DAYS
from provisioning.services.route_replays import replay_of_route, replay_of_route_draft

MOST = 200
SHOWN_VERSIONS = 20
SAMPLE = 10


@page("administration")
def approval_routes(request: PageRequest) -> HttpResponse:
    rows = ApprovalRoute.objects.select_related("updated_by").order_by("name")[:MOST]
    context = {"lines": [reading.route_line(row) for row in rows], "may_administer": request.rights.may_administer()}
    return render(request, "approval_routes/list.html", context)


@page("administration")
def approval_route(request: PageRequest, route: str) -> HttpResponse:
    return _route(request, route)


def _route(request: PageRequest, name: str, *, refused: Conflict | InvalidInput | None = None) -> HttpResponse:
    row = _get(name)
    read = compiled(row.document)
    context = {
        "route": row,
        "line": reading.route_line(row),
        "read": read,
        "stages": reading.stage_lines(read),
        "facts": reading.affected_facts(row.name, read),
        "versions": row.versions.all()[:SHOWN_VERSIONS],
        "may_administer": request.rights.may_administer(),
        "days": DAYS,
        "refused": refused,
    }
    return render(request, "approval_routes/route.html", context, status=409 if refused else 200)


@page("administration", methods=FORM)
def approval_route_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return _form(request, from_fields(request.POST) if request.method == "POST" else RouteForm(), None)


@page("administration", methods=FORM)
def approval_route_edit(request: PageRequest, route: str) -> HttpResponse:
    request.rights.require_admin()
    row = _get(route)
    form = from_document(row.document, version=str(row.version))
    if request.method == "POST":
        form = from_fields(request.POST)
        form.name = row.name
    return _form(request, form, row)


def _form(request: PageRequest, form: RouteForm, row: ApprovalRoute | None) -> HttpResponse:
    """The form with who would be asked; saved when that is what was looked at."""
    read: Route | None = None
    document: Any = None
    posted = request.method == "POST"
    try:
        if posted or row is not None:
            document = form.document()
            read = services.route_checked(document)
        if row is None and posted and ApprovalRoute.objects.filter(name=form.name).exists():
            form.errors["name"] = "There is a route of this name; choose another."
        elif read is not None and (days := days_asked(request.POST.get("days", ""))) is not None:
            report = replay_of_route_draft(request.actor, document=document, days=days, now=clock.now())
            return redirect("policy-replay", report.pk)
        elif read is not None and meant(request.POST, document):
            saved = _saved(request, form)
            messages.success(request, f"{saved.name} is saved\nChanges that are asked for from now on follow it.")
            return redirect("approval-route", saved.name)
    except (InvalidInput, Conflict, PreconditionFailed) as error:
        form.refuse(error.errors)
        if not error.errors:
            form.general.append(f"{error.message} {error.remedy}".strip())
    wrong = bool(form.errors or form.general) or (posted and read is None)
    context = {
        "form": form,
        "route": row,
        "stages": reading.stage_lines(read) if read else [],
        "facts": reading.affected_facts(row.name if row else "", read),
        "looked_at": meaning(document) if posted and read is not None else "",
        "looked": posted and not wrong,
        "days": DAYS_OFFERED,
    }
    return render(request, "approval_routes/form.html", context, status=422 if wrong else 200)


def _saved(request: PageRequest, form: RouteForm) -> ApprovalRoute:
    expected = int(form.version) if form.version.isdecimal() else None
    return services.route_save(request.actor, document=form.document(), expected_version=expected, now=clock.now())


@page("administration", methods=POST)
def approval_route_act(request: PageRequest, route: str, act: str) -> HttpResponse:
    """``retire``, or ``restore`` or ``replay`` with a version."""
    number = int(written) if (written := request.POST.get("version", "")).isdecimal() and len(written) < 9 else 0
    try:
        if act == "replay":
            report = replay_of_route(request.actor, name=route, number=number, now=clock.now())
            return redirect("policy-replay", report.pk)
        if act == "retire":
            services.route_retire(request.actor, name=route, now=clock.now())
            messages.success(request, f"{route} is retired\nNo policy can ask for it.")
        elif act == "restore":
            services.route_restore(request.actor, name=route, version=number, now=clock.now())
            messages.success(request, f"Version {number} of {route} is taken back")
        else:
            raise NotFound("There is no such page.")
    except (Conflict, InvalidInput) as refused:
        return _route(request, route, refused=refused)
    return redirect("approval-route", route)


@page("administration", methods=FORM)
def rubber_stamps(request: PageRequest) -> HttpResponse:
    """What is always agreed to at once; posting takes the offer of a rule in its place, as a draft."""
    request.rights.require_admin()
    found = gates(now=clock.now())
    if request.method == "POST":
        gate = _chosen(found, request.POST.get("gate", ""))
        row = services.route_save(request.actor, document=_draft(gate), draft=True, now=clock.now())
        messages.success(request, f"{row.name} is a draft\nRead it, save it, and let the policy ask for it.")
        return redirect("approval-route", row.name)
    lines = reading.gate_lines(found)
    context = {"lines": lines, "stamps": sum(one["stamp"] for one in lines), "words": reading.report_words()}
    return render(request, "approval_routes/report.html", context)


def _chosen(found: list[Gate], number: str) -> Gate:
    stamps = [one for one in found if one.is_rubber_stamp]
    if not number.isdecimal() or len(number) > 4 or int(number) >= len(stamps):
        raise NotFound("This gate is no rubber stamp any more.", remedy="Read the report again.")
    return stamps[int(number)]


def _draft(gate: Gate) -> dict[str, Any]:
    """The gate as a route: what was always agreed to passes by itself, and a sample is asked all the same."""
    name = f"{(gate.route or gate.policy.partition(',')[0])[:25].strip('-')}-auto"
    known = ApprovalRoute.objects.filter(name=gate.route).first() if gate.route else None
    skip = {"when": condition_for(gate.changes), "sample": SAMPLE}
    if known is not None:
        spec = {**known.document["spec"], "title": f"{known.title}, by itself where it may"[:160]}
        spec["stages"] = [{**stage, "skip": skip} if stage["name"] == gate.stage else stage for stage in spec["stages"]]
    else:
        title = Policy.objects.filter(name=gate.policy).values_list("title", flat=True).first() or gate.policy
        stage = {"name": "Agree", "approvers": [{"from": gate.source, "count": gate.count}], "skip": skip}
        spec = {"title": f"{title}, by itself where it may"[:160], "stages": [stage]}
    return {"apiVersion": "slipway.dev/v1", "kind": "ApprovalRoute", "metadata": {"name": name}, "spec": spec}


def _get(name: str) -> ApprovalRoute:
    row = ApprovalRoute.objects.select_related("updated_by").filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no approval route “{name}”.")
    return row

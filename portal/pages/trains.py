"""Promotion trains: all of them, a new one with the plan of each member, one with its changes and runs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, PolicyDenied, QuotaExceeded, SlipwayError
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import trains as reading
from provisioning.selectors.stages import stage_list
from provisioning.selectors.trains import member_rows, train_get, train_list
from provisioning.services.trains import TrainRequest, may_cancel, train_cancel, train_plan, train_submit

PAGE = 50
OPEN = ("waiting", "running")


@page("changes")
def trains(request: PageRequest) -> HttpResponse:
    listed = keyset.page(train_list(request.rights), order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    members = member_rows([one.pk for one in listed.items])
    context = {
        "trains": [{"train": one, "answer": reading.answer(one, members.get(one.pk, []))} for one in listed.items],
        "next": listed.next,
    }
    return render(request, "trains/list.html", context)


@page("changes", methods=FORM)
def train_new(request: PageRequest) -> HttpResponse:
    """The plan of every chosen member as often as one likes; with ``do=submit`` the train is asked for."""
    given = request.POST if request.method == "POST" else request.GET
    pairs = reading.pairs(list(stage_list()))
    if not pairs:
        raise Conflict("No stage takes from another, so nothing can be promoted.", remedy="An admin says which does.")
    source, target = next((one for one in pairs if one[1].name == given.get("to", "")), pairs[0])
    found = reading.candidates(request.rights, source, target, given.getlist("systems"))
    asked = TrainRequest(
        reading.requests_of(found),
        title=given.get("title", "").strip(),
        reason=given.get("reason", "").strip(),
        not_before=given.get("not_before", "").strip()[:40],
    )
    refused: SlipwayError | None = None
    if request.method == "POST" and given.get("do") == "submit":
        try:
            return _made(request, asked)
        except (InvalidInput, PolicyDenied, QuotaExceeded, Conflict) as error:
            refused = error
    context = {"pairs": pairs, "source": source, "target": target, "candidates": found, "asked": asked}
    return _drawn(request, context, asked, refused)


def _made(request: PageRequest, asked: TrainRequest) -> HttpResponse:
    train = train_submit(request.actor, asked, now=clock.now())
    messages.success(request, f"“{train.title}” is asked for\nIt leaves when all of it is agreed to and can start.")
    return redirect("train", train.pk)


def _drawn(
    request: PageRequest, context: dict[str, Any], asked: TrainRequest, refused: SlipwayError | None
) -> HttpResponse:
    planned: list[reading.PlannedMember] = []
    wrong = refused
    if len(asked.members) > 1 and refused is None:
        try:
            planned = reading.planned_members(train_plan(request.actor, asked, now=clock.now()))
        except InvalidInput as error:
            wrong = error
    said = [] if wrong is None else ([one.message for one in wrong.errors] or [wrong.message])
    errors = {} if wrong is None else {one.path: one.message for one in wrong.errors}
    context |= {
        "planned": planned,
        "said": said,
        "ready": bool(planned) and all(one.state in ("passes", "asks") for one in planned),
        "fields": _fields(asked, errors),
    }
    return render(request, "trains/new.html", context, status=422 if refused is not None else 200)


def _fields(asked: TrainRequest, errors: dict[str, str]) -> list[dict[str, Any]]:
    titled = [
        ("title", "Title", asked.title, "A plain one if left empty."),
        ("not_before", "Not before", asked.not_before, "Such as 2026-12-01T09:00+01:00; at once if left empty."),
    ]
    fields: list[dict[str, Any]] = [
        {"id": f"f-{name}", "name": name, "label": label, "kind": "text", "value": value, "hint": hint}
        for name, label, value, hint in titled
    ]
    reason: dict[str, Any] = {
        "id": "f-reason",
        "name": "reason",
        "label": "Reason",
        "kind": "textarea",
        "rows": 2,
        "maxlength": 4000,
    }
    hint = "Shown to the people who decide, and kept with every change."
    return [
        {**one, "error": errors.get(str(one["name"]), "")}
        for one in (*fields, {**reason, "value": asked.reason, "hint": hint})
    ]


@page("changes")
def train(request: PageRequest, train: int) -> HttpResponse:
    found = train_get(request.rights, train)
    rows = member_rows([found.pk]).get(found.pk, [])
    seen = [one for one in rows if request.rights.may_see(one.change.system)]
    context = {
        "train": found,
        "answer": reading.answer(found, rows),
        "members": reading.member_lines(seen, found, clock.now()),
        "hidden": len(rows) - len(seen),
        "moving": found.state in OPEN,
        "may_cancel": found.state == "waiting" and may_cancel(request.rights, found, rows),
    }
    return render(request, "trains/train.html", context)


@page("changes", methods=POST)
def train_off(request: PageRequest, train: int) -> HttpResponse:
    found = train_cancel(request.actor, train, reason=request.POST.get("reason", "")[:300], now=clock.now())
    messages.success(request, f"“{found.title}” is called off\nNo part of it starts.")
    return redirect("train", train)

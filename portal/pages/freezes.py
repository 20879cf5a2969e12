"""Freezes: what is held still now, what will be, and who broke the glass. Declared by platform admins."""

from __future__ import annotations

from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render

from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, SlipwayError, UserFault
from portal.forms.freezes import SPANS, FreezeForm, from_fields, from_freeze, switched
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.forms.sleep import errors_of
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import freezes as reading
from provisioning.domain.freeze import Scope
from provisioning.models import Freeze
from provisioning.selectors import freezes as selectors
from provisioning.selectors.changes import change_get
from provisioning.services import freezes as services
from provisioning.services.glass import glass_break, glass_review

PAGE = 30
ACTS = {
    "lift": (services.freeze_lift, "It is lifted\nWhat was held starts by itself."),
    "take-back": (services.freeze_take_back, "It is as it was before"),
}


@page("administration")
def freezes(request: PageRequest) -> HttpResponse:
    now, over = clock.now(), request.GET.get("tab") == "all"
    rows = selectors.freeze_list(over=over)
    found = keyset.page(rows, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    lines = [reading.freeze_line(row, now=now) for row in found.items]
    shown = lines if over else [line for line in lines if line.word != "Over"]
    context = {
        "lines": sorted(shown, key=lambda line: not line.holds),
        "next": found.next,
        "over": over,
        "breaks": selectors.breaks_open() if request.rights.may_administer() else [],
        "may_administer": request.rights.may_administer(),
        "own": request.actor.user_id,
    }
    return render(request, "freezes/list.html", context)


@page("administration")
def freeze(request: PageRequest, freeze: int) -> HttpResponse:
    return _page(request, selectors.freeze_get(freeze))


def _page(request: PageRequest, row: Freeze, *, refused: SlipwayError | None = None) -> HttpResponse:
    now = clock.now()
    context = {
        "freeze": row,
        "line": reading.freeze_line(row, now=now),
        "facts": reading.freeze_facts(row, now=now),
        "breaks": list(selectors.breaks_visible(request.rights, row.breaks.all())[:PAGE]),
        "may_administer": request.rights.may_administer(),
        "refused": refused,
    }
    return render(request, "freezes/freeze.html", context, status=409 if refused else 200)


@page("administration", methods=FORM)
def freeze_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    form = from_fields(request.POST) if request.method == "POST" else FreezeForm()
    return _form(request, form, None)


@page("administration", methods=FORM)
def freeze_edit(request: PageRequest, freeze: int) -> HttpResponse:
    request.rights.require_admin()
    row = selectors.freeze_get(freeze)
    form = from_fields(request.POST) if request.method == "POST" else from_freeze(row)
    return _form(request, form, row)


def _form(request: PageRequest, form: FreezeForm, row: Freeze | None) -> HttpResponse:
    """The form with whom it would meet; saved when that is what was looked at."""
    said: list[FieldError] = []
    if request.method == "POST" and was_looked_at(request.POST):
        try:
            saved = _saved(request, form, row)
            messages.success(request, f"“{saved.title}” is {'saved' if row else 'declared'}")
            return redirect("freeze", saved.pk)
        except (InvalidInput, Conflict) as error:
            said = list(error.errors) or [FieldError("", error.message)]
    elif request.method == "POST":
        said = form.asked()[1]  # moments that nobody can read; what is still empty is said when it is saved
    context = {
        "form": replace(form, errors=errors_of(said)),
        "freeze": row,
        "general": [one.message for one in said if one.path in ("", "covers", "scope", "windows")],
        "affected": reading.affected_facts(found := selectors.affected(Scope.of(form.scope()), form.covers)),
        "teams": found.teams[:12],
        "more": max(0, len(found.teams) - 12),
        "looked_at": fingerprint(request.POST) if request.method == "POST" and not said else "",
        "looked": request.method == "POST" and not said,
    }
    return render(request, "freezes/form.html", context, status=422 if said else 200)


def _saved(request: PageRequest, form: FreezeForm, row: Freeze | None) -> Freeze:
    asked, wrong = form.asked()
    if wrong:
        raise InvalidInput("The freeze was not stored.", errors=wrong)
    if row is None:
        return services.freeze_declare(request.actor, now=clock.now(), **asked)
    expected = int(form.version) if form.version.isdecimal() else None
    asked["starts_at"] = asked["starts_at"] or row.starts_at
    return services.freeze_update(request.actor, row.pk, expected_version=expected, now=clock.now(), **asked)


@page("administration", methods=FORM)
def freeze_switch(request: PageRequest) -> HttpResponse:
    """The red switch: everything, at once, with a reason; where everything is frozen, the way out."""
    request.rights.require_admin()
    now, error = clock.now(), ""
    if request.method == "POST":
        try:
            made = services.freeze_declare(request.actor, now=now, **switched(request.POST, now))
            messages.success(request, "Everything is frozen\nWhat runs goes on to its end; nothing else begins.")
            return redirect("freeze", made.pk)
        except InvalidInput as refused:
            error = refused.errors[0].message if refused.errors else refused.message
    found = selectors.affected(Scope(), ["changes", "promotions", "upgrades"])
    context = {
        "error": error,
        "given": request.POST if request.method == "POST" else QueryDict("hours=4"),
        "spans": SPANS,
        "affected": reading.affected_facts(found),
        "frozen": reading.everything_frozen(now=now),
    }
    return render(request, "freezes/switch.html", context, status=422 if error else 200)


@page("administration", methods=POST)
def freeze_act(request: PageRequest, freeze: int, act: str) -> HttpResponse:
    if act not in ACTS:
        raise NotFound("A freeze can be lifted, and the last step taken back.")
    carry_out, said = ACTS[act]
    try:
        carry_out(request.actor, freeze, now=clock.now())
    except Conflict as error:
        return _page(request, selectors.freeze_get(freeze), refused=error)
    messages.success(request, said)
    return redirect("freeze", freeze)


@page("changes", methods=FORM)
def change_glass(request: PageRequest, change: int) -> HttpResponse:
    """Break the glass for one change: why, and who will look at it."""
    found = change_get(request.rights, change)
    request.rights.require_request(found.system)
    refused: UserFault | None = None
    if request.method == "POST":
        try:
            went_on = glass_break(request.actor, change, reason=request.POST.get("reason", ""), now=clock.now())
            messages.success(
                request, f"The glass is broken for #{went_on.pk}\nA platform admin looks at it afterwards."
            )
            return redirect("change", went_on.pk)
        except UserFault as error:
            refused = error
    context = {"change": found, "refused": refused, "reason": request.POST.get("reason", "")}
    return render(request, "freezes/glass.html", context, status=_status(refused))


def _status(refused: UserFault | None) -> int:
    if refused is None:
        return 200
    return 409 if isinstance(refused, Conflict) else 422 if isinstance(refused, InvalidInput) else 403


@page("administration", methods=POST)
def glass_reviewed(request: PageRequest, broken: int) -> HttpResponse:
    verdict = request.POST.get("verdict", "")
    try:
        row = glass_review(
            request.actor, broken, verdict=verdict, comment=request.POST.get("comment", ""), now=clock.now()
        )
    except (InvalidInput, Conflict) as error:
        messages.error(request, f"Nothing was said\n{error.errors[0].message if error.errors else error.message}")
    else:
        messages.success(request, f"You {'agreed to' if verdict == 'agreed' else 'objected to'} #{row.change_id}")
    return redirect("freezes")

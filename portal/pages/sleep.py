"""When does it sleep, and what does that save? The schedule, staying awake, waking and extending with one click."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from portal.forms import sleep as forms
from portal.forms.sleep import SleepForm
from portal.pages.environments import frame
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import sleep as reading
from provisioning.domain.sleep_schedule import schedule_read, schedule_written
from provisioning.models import Environment
from provisioning.selectors.environments import environment_get
from provisioning.selectors.sleeping import SleepView, sleep_view
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.sleep import sleep_hold, sleep_plan_save

TEMPLATE = "environments/sleep.html"
SPANS = (("4h", "4 hours"), ("12h", "12 hours"), ("2d", "2 days"))
POWERS = ("sleep", "wake")


@page("environments", methods=FORM)
def environment_sleep(request: PageRequest, system: str, name: str) -> HttpResponse:
    found = _living(request, system, name)
    if request.method == "POST":
        request.rights.require_request(found.system)
        form = forms.from_fields(request.POST)
        return _saved(request, found, form) if request.POST.get("do") == "save" else _looked_at(request, found, form)
    view = sleep_view(found, now=clock.now())
    form = forms.from_plan(schedule_written(view.schedule), view.schedule.zone, view.own_idle_hours)
    preset = forms.PRESETS.get(request.GET.get("preset", ""))
    if preset is not None:
        return _looked_at(request, found, replace(form, windows=preset[1]))
    return render(request, TEMPLATE, _context(request, found, form, view))


@page("environments", methods=POST)
def environment_hold(request: PageRequest, system: str, name: str) -> HttpResponse:
    plan = sleep_hold(
        request.actor, system=system, environment=name, span=request.POST.get("for", "")[:5], now=clock.now()
    )
    told = "It stays awake\nNothing puts it to sleep until then." if plan.awake_until else "Its plan holds again"
    messages.success(request, told)
    return redirect("environment-sleep", system, name)


@page("environments", methods=POST)
def environment_power(request: PageRequest, system: str, name: str, kind: str) -> HttpResponse:
    """One click: asleep or awake, without a look at the plan first."""
    if kind not in POWERS:
        raise NotFound("There is no such kind of change.")
    return _asked(request, ChangeRequest(kind, system, name))


@page("environments", methods=POST)
def environment_extend(request: PageRequest, system: str, name: str) -> HttpResponse:
    """One click: as long as nobody has to be asked; then the page that asks for more."""
    until = reading.one_click(_living(request, system, name))
    if until is None:
        return redirect("environment-ask", system, name, "extend")
    return _asked(request, ChangeRequest("extend", system, name, until=until.isoformat()))


def _asked(request: PageRequest, wanted: ChangeRequest) -> HttpResponse:
    """Submitted; what it leads to is looked at next. What is refused is said on the page that plans it."""
    try:
        change = change_submit(request.actor, wanted, now=clock.now())
    except (InvalidInput, PolicyDenied, QuotaExceeded, Conflict) as refusal:
        said = " ".join(one.message for one in refusal.errors) or refusal.message
        messages.error(request, f"It stays as it is\n{said}")
        return redirect("environment-ask", wanted.system, wanted.environment, wanted.kind)
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    if wanted.kind == "extend" and run is not None:
        messages.success(request, f"{change.title}\nWhat runs in it is left as it is.")
        return redirect("environment", wanted.system, wanted.environment)
    return redirect("run", run) if run is not None else redirect("change", change.pk)


def _saved(request: PageRequest, found: Environment, form: SleepForm) -> HttpResponse:
    version = request.POST.get("version", "")
    try:
        sleep_plan_save(
            request.actor,
            system=found.system.slug,
            environment=found.name,
            windows=form.windows,
            time_zone=form.zone,
            idle_hours=form.idle_hours,
            expected_version=_version(version),
            now=clock.now(),
        )
    except (InvalidInput, Conflict) as refusal:
        errors = forms.errors_of(refusal.errors) or {"schedule": f"{refusal.message} {refusal.remedy}"}
        return _looked_at(request, found, replace(form, errors=errors), status=422)
    messages.success(request, "Its sleep is set\nNothing happens before the next transition.")
    return redirect("environment-sleep", found.system.slug, found.name)


def _version(text: str) -> int | None:
    """The version that was edited; None while nothing is kept."""
    return (int(text) or None) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _looked_at(request: PageRequest, found: Environment, form: SleepForm, status: int = 200) -> HttpResponse:
    """The form with what it would do; nothing is stored."""
    schedule, wrong = schedule_read(form.windows, form.zone)
    form = replace(form, errors={**forms.errors_of(wrong), **form.errors})
    view = sleep_view(found, now=clock.now(), schedule=None if wrong else schedule)
    context = _context(request, found, form, view) | {"unsaved": True, "wrong": bool(wrong)}
    part = f"{TEMPLATE}#saving" if request.htmx and status == 200 else TEMPLATE
    return render(request, part, context, status=status)


def _context(request: PageRequest, found: Environment, form: SleepForm, view: SleepView) -> dict[str, Any]:
    return {
        **frame(request, found, "settings"),
        "form": form,
        "view": view,
        "summary": reading.summary(view, settings.CURRENCY),
        "coming": reading.coming(view),
        "idle": reading.idle_words(view),
        "costs": reading.pairs(view, settings.CURRENCY),
        "presets": [(key, title) for key, (title, _) in forms.PRESETS.items()],
        "spans": SPANS,
        "problem": form.errors.get("schedule", ""),
    }


def _living(request: PageRequest, system: str, name: str) -> Environment:
    found = environment_get(request.rights, system, name)
    if found.deleted_at is not None:
        raise NotFound(f"{system} / {name} is gone.")
    return found

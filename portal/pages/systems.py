"""Systems and their components: where does this run, at which revision in each stage, and what is next?"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render

from governance.selectors.entities import entities_of_system
from governance.services import components as component_services
from governance.services import systems as system_services
from idp.catalog.models import Component, System, Team
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput
from idp.kernel.prepared import Prepared
from portal.drawing import words
from portal.forms.catalog import ComponentForm, SystemForm, links_as_text
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import matrix, pipeline
from portal.reading import systems as reading
from portal.reading import teams as team_reading
from portal.reading.change_lines import change_lines
from portal.reading.component_entities import told_of
from portal.reading.component_links import links_of
from portal.reading.owner_hint import owner_hint
from provisioning.models import Stage
from provisioning.selectors import stages as stage_selectors

PAGE = 25
MOST_ENTITIES = 50


@page("systems")
def systems(request: PageRequest) -> HttpResponse:
    rights, asked = request.rights, request.GET
    query, team, mine = asked.get("q", "").strip()[:80], asked.get("team", "")[:30], "mine" in asked
    listed = reading.system_list(rights, query=query, team=team, mine=mine)
    found = keyset.page(listed, order=("slug",), cursor=asked.get("cursor"), limit=PAGE)
    environments = reading.standing_of(found.items)
    by_system = {one.system_id: one for one in environments}.values()
    context = {
        "lines": matrix.lines(
            found.items, stages := stage_selectors.stages_in_order(), environments, reading.open_counts(found.items)
        ),
        "stages": stages,
        "filters": {"query": query, "team": team, "mine": mine},
        "filtered": bool(query or team or mine),
        "teams": [{"value": one.slug, "label": one.name} for one in team_reading.all_teams()],
        "next": found.next,
        "shown": f"Shows {words.count(len(found.items), 'system,systems')}, sorted by name",
        "first_page": f"{request.path}?{_without_cursor(request)}" if asked.get("cursor") else "",
        "counts": {
            "systems": len(found.items),
            "environments": sum(one.of_system for one in by_system),  # type: ignore[attr-defined]
            "care": sum(one.care_of_system for one in by_system),  # type: ignore[attr-defined]
        },
        "may_create": bool(manageable_ids(rights)) or rights.may_administer(),
        "currency": settings.CURRENCY,
    }
    return render(request, "systems/systems.html", context)


@page("systems")
def system(request: PageRequest, system: str) -> HttpResponse:
    rights = request.rights
    one = reading.system_get(rights, system)
    places = reading.places_of([one])
    environments = reading.environments_in_full(one, places)
    standing = {place.standing for place in places}
    changes = reading.changes_of(rights, one, places)
    stages = _stages()
    context = {
        **_frame(request, one),
        "tab": "pipeline",
        "hint": owner_hint(rights, one, now=clock.now()),
        "pipeline": pipeline.pipeline(
            one,
            stages,
            environments,
            reading.resources_of([environment for environment in environments if environment.pk in standing]),
            changes,
            may_request=rights.may_request(one),
            now=clock.now(),
            windows=pipeline.windows_in_words(stages),
            decides=reading.to_decide(rights, changes),
        ),
        "cost": sum(place.cost for place in places),
        "together": sum(place.living for place in places),
        "used_by": reading.used_by(rights, one),
        "changes": change_lines(changes[: reading.RECENT]),
        "open": max((change.open_together for change in changes), default=0),  # type: ignore[attr-defined]
        "may_request": rights.may_request(one),
    }
    return render(request, "systems/system.html", context)


@Prepared
def _stages() -> QuerySet[Stage]:
    return stage_selectors.stage_list().select_related("promotion_windows")


@page("systems")
def components(request: PageRequest, system: str) -> HttpResponse:
    one = reading.system_get(request.rights, system)
    context = {
        **_frame(request, one),
        "tab": "components",
        "components": reading.components_of(request.rights, one),
        "entities": list(entities_of_system(request.rights, one)[: MOST_ENTITIES + 1]),
        "most": MOST_ENTITIES,
    }
    return render(request, "systems/components.html", context)


@page("systems")
def component(request: PageRequest, system: str, component: str) -> HttpResponse:
    one = reading.system_get(request.rights, system)
    found = reading.component_get(request.rights, one, component)
    uses = reading.resources_by(request.rights, found)
    told = told_of(request.rights, found)
    context = {**_frame(request, one), "component": found, "uses": uses, "links": links_of(uses), "told": told}
    return render(request, "systems/component.html", context)


@page("systems", methods=FORM)
def system_new(request: PageRequest) -> HttpResponse:
    rights = request.rights
    teams = team_reading.manageable(rights)
    if not teams:
        rights.require_admin()
    form = SystemForm(request.POST or None, teams=teams, initial={"team": request.GET.get("team", "")})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        team = next(one for one in teams if one.slug == data.pop("team"))
        try:
            made = system_services.system_create(rights.actor, **data, team=team, now=clock.now())
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{made.slug} is there\nAdd its components, then ask for an environment.")
            return redirect("system", made.slug)
    return _form(request, "systems/system_form.html", {"form": form, "teams": teams})


@page("systems", methods=FORM)
def system_edit(request: PageRequest, system: str) -> HttpResponse:
    one = _managed(request, system)
    form = SystemForm(request.POST or None, existing=True, initial=_initial(one, "name", "description", "restricted"))
    if request.method == "POST" and form.is_valid():
        try:
            system_services.system_update(
                request.rights.actor,
                system=one,
                **form.cleaned_data,
                expected_version=_expected(request),
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{one.slug} is saved")
            return redirect("system", one.slug)
    return _form(request, "systems/system_form.html", {**_frame(request, one), "tab": "settings", "form": form})


@page("systems", methods=POST)
def system_delete(request: PageRequest, system: str) -> HttpResponse:
    one = _managed(request, system)
    _require_name(request, one.slug)
    system_services.system_delete(
        request.rights.actor,
        system=one,
        living=reading.count_living,
        now=clock.now(),
    )
    messages.success(request, f"{system} is deleted")
    return redirect("systems")


@page("systems", methods=FORM)
def component_new(request: PageRequest, system: str) -> HttpResponse:
    one = _managed(request, system)
    form = ComponentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = component_services.component_create(
                request.rights.actor,
                system=one,
                **form.cleaned_data,
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{made.slug} is part of {one.slug}")
            return redirect("components", one.slug)
    return _form(request, "systems/component_form.html", {**_frame(request, one), "tab": "components", "form": form})


@page("systems", methods=FORM)
def component_edit(request: PageRequest, system: str, component: str) -> HttpResponse:
    one = _managed(request, system)
    found = reading.component_get(request.rights, one, component)
    form = ComponentForm(request.POST or None, existing=True, initial=_component_initial(found))
    if request.method == "POST" and form.is_valid():
        if "depends_on" not in form.changed_data:
            form.cleaned_data["depends_on"] = None  # keeps those that this person may not see
        try:
            component_services.component_update(
                request.rights.actor,
                component=found,
                **form.cleaned_data,
                expected_version=_expected(request),
                now=clock.now(),
            )
        except InvalidInput as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{found.slug} is saved")
            return redirect("component", one.slug, found.slug)
    context = {**_frame(request, one), "tab": "components", "form": form, "component": found}
    return _form(request, "systems/component_form.html", context)


@page("systems", methods=POST)
def component_delete(request: PageRequest, system: str, component: str) -> HttpResponse:
    one = _managed(request, system)
    found = reading.component_get(request.rights, one, component)
    _require_name(request, found.slug)
    component_services.component_delete(request.rights.actor, component=found, now=clock.now())
    messages.success(request, f"{component} is no longer part of {one.slug}")
    return redirect("components", one.slug)


def manageable_ids(rights: Any) -> list[int]:
    """Teams that the person may manage as their maintainer, without asking the database."""
    return [key for key, held in rights.teams.items() if "manage_team" in held]


def _without_cursor(request: PageRequest) -> str:
    query = request.GET.copy()
    query.pop("cursor", None)
    return str(query.urlencode())


def _frame(request: PageRequest, system: System) -> dict[str, Any]:
    """What every page of one system shows around its tab."""
    return {
        "system": system,
        "may_manage": request.rights.may_manage(system.team),
        "currency": settings.CURRENCY,
    }


def _managed(request: PageRequest, slug: str) -> System:
    one = reading.system_get(request.rights, slug)
    request.rights.require_manage(one.team)
    return one


def _initial(row: System | Component | Team, *names: str) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _component_initial(component: Component) -> dict[str, Any]:
    needs = ", ".join(name for _, name in component.needs)  # type: ignore[attr-defined]  # as components_of gives it
    return {
        **_initial(component, "name", "type", "description", "repository"),
        "links": links_as_text(component.links),
        "depends_on": needs,
    }


def _expected(request: PageRequest) -> int | None:
    """The version that the form was made from, so that two people do not overwrite each other unseen."""
    version = request.POST.get("version", "")
    return int(version) if version.isdecimal() and len(version) < 10 else None


def _require_name(request: PageRequest, name: str) -> None:
    if request.POST.get("confirm_name", "").strip() != name:
        raise Conflict(
            f"Nothing was deleted, because the name that was typed is not {name}.",
            code="name-differs",
            remedy=f"Go back and type {name} exactly.",
        )


def _form(request: PageRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The form: 200 when it is empty, 422 when the last answer to it was no."""
    return render(request, template, context, status=422 if context["form"].errors else 200)

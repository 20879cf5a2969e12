"""Environments: is it healthy, what is in it, what is happening? The list, one environment with its tabs, its end."""

from __future__ import annotations

from typing import Any

import yaml
from django.conf import settings as django_settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django_htmx.http import HttpResponseClientRefresh

from governance.access import Rights
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from idp.kernel.prepared import Prepared
from portal.forms.confirming import Confirmed
from portal.pages.shell import POST, page
from portal.reading import environment as reading
from portal.reading import sleep
from portal.reading.change import plain_rows
from portal.reading.environment_lines import environment_lines
from portal.reading.feedback import ask_on_environment
from portal.reading.git import from_git
from portal.reading.links import link_groups
from provisioning.domain.lifecycle import ENVIRONMENT_STATES
from provisioning.domain.secret_slot import waits_for_people
from provisioning.models import Change, Cluster, Environment
from provisioning.selectors.campaigns import upcoming_for
from provisioning.selectors.changes import LISTED, change_list
from provisioning.selectors.contract_flags import flags
from provisioning.selectors.environments import (
    EnvironmentRow,
    environment_document,
    environment_get,
    environment_resources,
    environment_rows,
    unreachable_since,
)
from provisioning.selectors.environments import revisions as revision_list
from provisioning.selectors.links import environment_links
from provisioning.selectors.runs import newest_run
from provisioning.selectors.stages import stages_in_order
from provisioning.services.changes import ChangeRequest, change_submit

PAGE = 50
STOP_POLLING = 286
FILTERS = ("query", "stage", "state", "team", "system", "drift")


@page("environments")
def environments(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get("q" if name == "query" else name, "").strip()[:80] for name in FILTERS}
    found = keyset.page(
        environment_rows(request.rights, **asked),  # type: ignore[attr-defined]
        order=("-changed_at", "-id"),
        cursor=request.GET.get("cursor"),
        limit=PAGE,
    )
    context = {
        "lines": environment_lines(found.items, soon=clock.now() + reading.SOON, currency=django_settings.CURRENCY),
        "next": found.next,
        "asked": asked,
        "filtered": any(asked.values()),
        "stages": [{"value": one.name, "label": one.name} for one in stages_in_order()],
        "states": [{"value": one, "label": one.capitalize()} for one in ENVIRONMENT_STATES if one != "gone"],
        "drifts": [{"value": "open", "label": "Drifted"}],
        "teams": _teams(found.items, asked["team"]),
    }
    return render(request, "environments/list.html", context)


@page("environments")
def environment(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    if found.deleted_at is not None:
        return render(request, "environments/gone.html", _gone(request, found), status=410)
    return render(request, "environments/environment.html", _overview(request, found))


@page("environments")
def environment_live(request: HttpRequest, system: str, name: str) -> HttpResponse:
    """The overview again while it moves; the last answer tells the browser to stop asking that often.

    With ``seen``, what an open page shows of one that does not move: 204 while that is still so.
    """
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    if found.deleted_at is not None:
        return HttpResponseClientRefresh()
    seen = request.GET.get("seen", "")
    if seen and seen == reading.shown(found):
        return HttpResponse(status=204)
    context = _overview(request, found) | {"live": True}
    over = not context["moving"] and not seen
    return render(request, "environments/environment.html#overview", context, status=STOP_POLLING if over else 200)


@page("environments")
def revisions(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    listed = keyset.page(revision_list(found), order=("-number",), cursor=request.GET.get("cursor"), limit=PAGE)
    context = {**frame(request, found, "revisions"), "revisions": listed.items, "next": listed.next}
    shown = request.GET.get("show", "")
    if shown.isascii() and shown.isdigit() and len(shown) <= 9:
        context |= _shown_revision(found, int(shown))
    return render(request, "environments/revisions.html", context)


@page("environments")
def changes(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    rows = change_list(request.rights, environment=found).only(*LISTED)  # type: ignore[attr-defined]
    listed = keyset.page(rows, order=("-id",), cursor=request.GET.get("cursor"), limit=PAGE)
    context = {**frame(request, found, "changes"), "rows": plain_rows(listed.items), "next": listed.next}
    return render(request, "environments/changes.html", context)


@page("environments")
def settings(request: HttpRequest, system: str, name: str) -> HttpResponse:
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    return render(request, "environments/settings.html", _settings(request, found))


@page("environments", methods=POST)
def environment_delete(request: HttpRequest, system: str, name: str) -> HttpResponse:
    """Asks for its end; the typed name is compared here as well as in the browser."""
    found = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    typed = Confirmed.of(request.POST)
    asked = ChangeRequest(kind="delete", system=system, environment=name, reason=typed.reason, confirm=typed.name)
    try:
        change = change_submit(request.actor, asked, now=clock.now())  # type: ignore[attr-defined]
    except (InvalidInput, Conflict) as error:
        context = _settings(request, found) | {"typed": typed.refused(error)}
        return render(request, "environments/settings.html", context, status=422)
    if change.state == "pending":
        messages.success(request, f"#{change.pk} is asked for\n{system} / {name} stays until the people below agree.")
        return redirect("change", change.pk)
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    return redirect("run", run) if run is not None else redirect("change", change.pk)


def frame(request: HttpRequest, found: Environment, tab: str) -> dict[str, Any]:
    """What every tab shows: head, tabs, and what may be asked for here."""
    rights = request.rights  # type: ignore[attr-defined]
    return {
        "environment": found,
        "system": found.system,
        "tab": tab,
        "unreachable": None if found.deleted_at is not None else unreachable_since(found),
        "may_request": rights.may_request(found.system) and found.deleted_at is None and found.state != "deleting",
        "currency": django_settings.CURRENCY,
        "number": found.desired.number if found.desired else 0,
        "asleep": found.desired is not None and found.desired.document.get("power") == "asleep",
        "sandbox": found.cluster.driver == "sandbox" and Cluster.objects.exclude(driver="sandbox").exists(),
    }


def _overview(request: HttpRequest, found: Environment) -> dict[str, Any]:
    now = clock.now()
    resources = environment_resources(found)
    recent = _recent(rights=request.rights, environment=found.pk)  # type: ignore[attr-defined]
    open_changes = [one for one in recent if one.state in reading.OPEN]
    run = newest_run(found.pk)
    here = reverse("environment", args=[found.system.slug, found.name])
    return {
        **frame(request, found, "overview"),
        "view": "list" if request.GET.get("view") == "list" else "graph",
        "resources": resources,
        "notices": reading.notices(resources, flags()),
        "upcoming": upcoming_for(found),
        "nodes": reading.nodes(resources, here),
        "edges": reading.edges(resources),
        "outputs": reading.outputs(resources),
        "conditions": reading.conditions(found, resources, now),
        "link_groups": link_groups(environment_links(found, resources)),
        "may_write_links": request.rights.may_administer(),  # type: ignore[attr-defined]
        "usage": reading.usage_pairs(found, django_settings.CURRENCY),
        "activity": reading.activity(recent),
        "open_changes": open_changes,
        "run": run,
        "ask": ask_on_environment(request.rights, run),  # type: ignore[attr-defined]
        "moving": found.deleted_at is None
        and (found.state in reading.MOVING or (run is not None and run.state in ("queued", "running"))),
        "shown": reading.shown(found),
        "failed_run": run
        if run is not None and run.state == "failed" and found.state in ("failed", "degraded")
        else None,
        "troubled": found.deleted_at is None
        and (found.state in reading.TROUBLED or any(one.state == "failed" for one in resources)),
        "waiting": next((one for one in open_changes if one.state == "pending"), None),
        "people_wanted": next((one for one in resources if waits_for_people(one.state, one.message)), None),
        "soon": found.expires_at is not None and found.expires_at - now < reading.SOON,
        "preview": sleep.preview_key(found),
        "from_git": from_git(found) if found.git_id else None,
        "one_click": sleep.one_click(found),
        "kubectl": f"kubectl --namespace {found.namespace} get all",
    }


@Prepared
def _recent(rights: Rights, environment: int) -> QuerySet[Change]:
    """The newest changes of an environment, as lines of a list."""
    return change_list(rights).filter(environment=environment).only(*LISTED)[:12]


def _shown_revision(found: Environment, number: int) -> dict[str, Any]:
    revision = found.revisions.filter(number=number).first()
    if revision is None:
        raise NotFound(f"{found.system.slug} / {found.name} has no revision r{number}.")
    document = environment_document(found, revision)
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=96)
    return {"shown": revision, "shown_text": text}


def _settings(request: HttpRequest, found: Environment) -> dict[str, Any]:
    document = environment_document(found)
    return {
        **frame(request, found, "settings"),
        **sleep.settings_lines(found, django_settings.CURRENCY, clock.now()),
        "losses": reading.losses(found, environment_resources(found)),
        "document": yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=96),
    }


def _gone(request: HttpRequest, found: Environment) -> dict[str, Any]:
    last = change_list(request.rights, environment=found).first()  # type: ignore[attr-defined]
    return {**frame(request, found, "overview"), "last_change": last}


def _teams(shown: list[EnvironmentRow], chosen: str) -> list[dict[str, str]]:
    """Teams to filter by: those on this page, and the one that is set."""
    names = {one.system__team__slug: one.system__team__name for one in shown}
    if chosen:
        names.setdefault(chosen, chosen)
    return [{"value": slug, "label": names[slug]} for slug in sorted(names)]

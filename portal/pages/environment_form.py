"""Asking for an environment, new or changed: the form, its live plan, and what comes of it.

One form for both. Every structural edit (add, remove, rows of a map) posts the whole draft and gets the form back;
every other input asks for the plan only. The draft lives in the browser, and a copy of it on its writer's own desk
(``kept_drafts``); nothing else is stored before it is asked for.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from idp.catalog.selectors import system_get, system_list
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, PolicyDenied, QuotaExceeded, UserFault
from portal.forms.draft_edits import edited, first_draft, pasted
from portal.forms.environment_draft import Draft, from_document, from_post
from portal.forms.kept_draft import Desk
from portal.pages import kept_drafts
from portal.pages.shell import FORM, POST, page
from portal.reading.request_page import DraftContracts, Surroundings, surroundings, with_defaults
from portal.reading.request_view import RequestView, request_of
from portal.reading.suggestions import suggestions
from provisioning.models import Environment
from provisioning.selectors.environments import environment_document, environment_get
from provisioning.services.changes import change_submit

TEMPLATE = "environments/form.html"
STRUCTURAL = ("add", "remove", "row", "drop", "up", "down", "refresh")
VIEWS = ("as:form", "as:yaml", "as:curl")
"""Orders of the buttons that stand in for the tabs without script: another view of the same draft."""


@page("environments", methods=FORM)
def environment_new(request: HttpRequest) -> HttpResponse:
    slug = request.POST.get("system") or request.GET.get("system")
    if not slug:
        return _choose_system(request)
    system = system_get(request.rights, slug)  # type: ignore[attr-defined]
    request.rights.require_request(system)  # type: ignore[attr-defined]
    around = surroundings(request.rights, system)  # type: ignore[attr-defined]
    if request.method == "POST":
        return _posted(request, around, None)
    contracts = DraftContracts(request.GET.getlist("resource"), around.cluster_of(request.GET.get("stage", "")))
    draft = first_draft(request.GET, around, contracts, _document_to_copy(request, around))
    draft, desk = kept_drafts.opened(request, system, draft)
    return render(request, TEMPLATE, _view(request, around, draft, contracts, desk=desk).context())


@page("environments", methods=FORM)
def environment_edit(request: HttpRequest, system: str, name: str) -> HttpResponse:
    environment = _editable(request, system, name)
    around = surroundings(request.rights, environment.system)  # type: ignore[attr-defined]
    if request.method == "POST":
        return _posted(request, around, environment)
    draft, desk = kept_drafts.opened(
        request, environment.system, _present(environment), environment=name, kept=_kept(environment)
    )
    contracts = DraftContracts((one.capability for one in draft.resources), environment.cluster)
    return render(request, TEMPLATE, _view(request, around, draft, contracts, environment, desk=desk).context())


@page("environments", methods=POST)
def environment_plan(request: HttpRequest) -> HttpResponse:
    """The live plan, and the errors for the fields, as swaps; the fields themselves stay as they are."""
    system = system_get(request.rights, request.POST.get("system", ""))  # type: ignore[attr-defined]
    around = surroundings(request.rights, system)  # type: ignore[attr-defined]
    name = request.POST.get("environment")
    environment = _editable(request, system.slug, name) if name else None
    draft, contracts = _draft(request, around, environment)
    kept_drafts.keep(request, system, draft, environment=name or "")
    shown = request.POST.get("shown_stage")
    moved = environment is None and shown is not None and shown != draft.stage
    view = _view(request, around, with_defaults(draft, around, shown) if moved else draft, contracts, environment)
    view = view.planned(request.actor, strict=request.POST.get("strict") == "1")  # type: ignore[attr-defined]
    return render(request, f"{TEMPLATE}#live", {**view.context(), "moved": moved})


@page("environments", methods=POST)
def environment_suggest(request: HttpRequest) -> HttpResponse:
    """Options for one field, for the browser's own list under it. The draft is that of the form; nothing is stored."""
    system = system_get(request.rights, request.POST.get("system", ""))  # type: ignore[attr-defined]
    request.rights.require_request(system)  # type: ignore[attr-defined]
    names = [request.POST.get(f"r.{key}.capability", "") for key in request.POST.getlist("r")]
    contracts = DraftContracts(names)
    draft = from_post(request.POST, contracts, system=system.slug)
    try:
        found = suggestions(request, draft, contracts, request.GET.get("at", ""), request.GET.get("path", ""))
    except UserFault:
        found = []
    return render(request, "environments/_suggestions.html", {"options": found})


def _posted(request: HttpRequest, around: Surroundings, environment: Environment | None) -> HttpResponse:
    do = request.POST.get("do", "check")
    draft, contracts = _draft(request, around, environment)
    if not request.htmx:  # type: ignore[attr-defined]  # else the plan that follows keeps it
        kept_drafts.keep(request, around.system, draft, environment=environment.name if environment else "")
    if do == "yaml":
        return _from_yaml(request, around, draft, environment)
    if do.partition(":")[0] in STRUCTURAL:
        return _restructured(request, around, draft, contracts, environment, do)
    view = _view(request, around, draft, contracts, environment)
    if do == "submit":
        return _submitted(request, view)
    showing = do.removeprefix("as:") if do in VIEWS else "form"
    view = view.planned(request.actor, strict=do not in VIEWS)  # type: ignore[attr-defined]
    return render(request, TEMPLATE, {**view.context(), "showing": showing})


def _submitted(request: HttpRequest, view: RequestView) -> HttpResponse:
    try:
        change = change_submit(request.actor, request_of(view.draft, view.environment), now=clock.now())  # type: ignore[attr-defined]
    except (InvalidInput, PolicyDenied, QuotaExceeded, Conflict) as error:
        if error.code == "frozen" and error.change_id is not None:
            return redirect("change", error.change_id)
        view = view.planned(request.actor, strict=True, refused=error)  # type: ignore[attr-defined]
        return render(request, TEMPLATE, view.context(), status=409 if isinstance(error, Conflict) else 422)
    kept_drafts.done(request)
    run = change.runs.order_by("-id").values_list("pk", flat=True).first()
    if run is not None:
        return redirect("run", run)
    messages.success(request, f"#{change.pk} is asked for\nIt starts when the people below agree.")
    return redirect("change", change.pk)


def _restructured(
    request: HttpRequest,
    around: Surroundings,
    draft: Draft,
    contracts: DraftContracts,
    environment: Environment | None,
    do: str,
) -> HttpResponse:
    draft, focus = edited(draft, do, contracts, chosen=request.POST.get("add", ""))
    view = _view(request, around, draft, contracts, environment, focus=focus)
    if not request.htmx:  # type: ignore[attr-defined]
        return render(request, TEMPLATE, view.planned(request.actor).context())  # type: ignore[attr-defined]
    # The plan that would have brought what follows the stage may have been overtaken by this.
    shown = request.POST.get("shown_stage") if environment is None else None
    return _swapped(request, replace(view, draft=with_defaults(draft, around, shown)))


def _from_yaml(
    request: HttpRequest, around: Surroundings, draft: Draft, environment: Environment | None
) -> HttpResponse:
    """The form that the text describes; of a text that is none the reason, and the text stays as it was typed."""
    text = request.POST.get("yaml", "").replace("\r\n", "\n")
    try:
        draft = pasted(text, draft, kept=_kept(environment))
    except InvalidInput as error:
        return _unread_yaml(request, around, draft, environment, text, error)
    contracts = DraftContracts(one.capability for one in draft.resources)
    view = _view(request, around, draft, contracts, environment)
    if request.htmx:  # type: ignore[attr-defined]
        return _swapped(request, view)
    return render(request, TEMPLATE, view.planned(request.actor).context())  # type: ignore[attr-defined]


def _unread_yaml(
    request: HttpRequest,
    around: Surroundings,
    draft: Draft,
    environment: Environment | None,
    text: str,
    error: InvalidInput,
) -> HttpResponse:
    if request.htmx:  # type: ignore[attr-defined]
        response = render(request, "environments/_yaml_problems.html", {"pasted_error": error}, status=422)
        response["HX-Retarget"], response["HX-Reswap"] = "#yaml-problem", "outerHTML"
        return response
    view = _view(request, around, draft, DraftContracts(one.capability for one in draft.resources), environment)
    context = {**view.context(), "pasted": text, "pasted_error": error, "showing": "yaml"}
    return render(request, TEMPLATE, context, status=422)


def _swapped(request: HttpRequest, view: RequestView) -> HttpResponse:
    """The form alone in its new shape; its plan is asked for right after."""
    response = render(request, f"{TEMPLATE}#request", view.context())
    response["HX-Trigger-After-Settle"] = json.dumps({"replan": {}})
    return response


def _draft(request: HttpRequest, around: Surroundings, environment: Environment | None) -> tuple[Draft, DraftContracts]:
    names = [request.POST.get(f"r.{key}.capability", "") for key in request.POST.getlist("r")]
    contracts = DraftContracts(names, around.cluster_of(request.POST.get("stage", ""), environment))
    draft = from_post(request.POST, contracts, system=around.system.slug, kept=_kept(environment))
    if environment is not None:
        draft = draft.of(environment.name, environment.stage.name)
    return draft, contracts


def _present(environment: Environment) -> Draft:
    document = environment_document(environment)
    document["spec"].pop("expires", None)  # an edit that does not speak of it leaves it as it is
    base = environment.desired.number if environment.desired else None
    return from_document(document, system=environment.system.slug, base=base, kept=_kept(environment))


def _kept(environment: Environment | None) -> frozenset[str]:
    if environment is None or environment.desired is None:
        return frozenset()
    return frozenset(environment.desired.document["resources"])


def _editable(request: HttpRequest, system: str, name: str) -> Environment:
    environment = environment_get(request.rights, system, name)  # type: ignore[attr-defined]
    request.rights.require_request(environment.system)  # type: ignore[attr-defined]
    if environment.deleted_at is not None or environment.state == "deleting":
        where = "gone" if environment.deleted_at else "being deleted"
        raise Conflict(
            f"{system} / {name} is {where}; nothing can be changed in it.",
            remedy="Make a new environment instead.",
        )
    if environment.desired is None:
        raise Conflict(
            f"{system} / {name} waits to be made for the first time.",
            remedy="Cancel its first change and ask again, or wait until it is made.",
        )
    return environment


def _document_to_copy(request: HttpRequest, around: Surroundings) -> dict[str, Any] | None:
    name = request.GET.get("from", "")
    if name not in around.taken:
        return None
    return environment_document(environment_get(request.rights, around.system.slug, name))  # type: ignore[attr-defined]


def _view(
    request: HttpRequest,
    around: Surroundings,
    draft: Draft,
    contracts: DraftContracts,
    environment: Environment | None = None,
    focus: str = "",
    desk: Desk | None = None,
) -> RequestView:
    if environment is None:
        action = reverse("environment-new")
    else:
        action = reverse("environment-edit", args=[environment.system.slug, environment.name])
    return RequestView(
        around=around,
        draft=draft,
        contracts=contracts,
        environment=environment,
        action=action,
        now=clock.now(),
        focus=focus,
        desk=desk or kept_drafts.posted(request),
        opened=frozenset(request.POST.getlist("opened")),
    )


def _choose_system(request: HttpRequest) -> HttpResponse:
    rights = request.rights  # type: ignore[attr-defined]
    systems = [one for one in system_list(rights)[:500] if rights.may_request(one)]
    if len(systems) == 1:
        return redirect(f"{reverse('environment-new')}?system={systems[0].slug}")
    return render(request, "environments/choose_system.html", {"systems": systems})

"""Catalogs from elsewhere: where do they come from, what did an import do, and what does it not understand?

Sources and imports are for platform admins, who look before they save and before they import; entities are for
everybody who may see them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from governance.models import CatalogSource, Entity
from governance.selectors import entities as selectors
from governance.services import backstage_runs as runs
from governance.services import backstage_sources as services
from idp.kernel import clock, keyset
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.drawing import words
from portal.forms.backstage import SourceForm, UploadForm
from portal.forms.confirming import EMPTY, Confirmed
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import backstage as reading

PAGE = 50
RECENT = 10
REMOVED = ("Its address, its token and the secret for pushes", "The reports of its imports")


@page("administration")
def sources(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    context = {"rows": reading.source_rows(), "kinds": selectors.kinds(request.rights)}
    return render(request, "backstage/sources.html", context)


@page("administration", methods=FORM)
def source_new(request: PageRequest) -> HttpResponse:
    request.rights.require_admin()
    return _form(request, SourceForm(request.POST or None), None)


@page("administration", methods=FORM)
def source_edit(request: PageRequest, source: str) -> HttpResponse:
    request.rights.require_admin()
    row = services.source_get(source)
    return _form(request, SourceForm(request.POST or None, initial=services.source_state(row), source=row), row)


def _form(request: PageRequest, form: SourceForm, row: CatalogSource | None) -> HttpResponse:
    looked, told = None, []
    if request.method == "POST" and form.is_valid():
        asked = form.asked() | ({"name": row.name} if row else {})
        if was_looked_at(request.POST):
            try:
                return _saved(request, row, asked)
            except (InvalidInput, Conflict) as error:
                add_errors(form, error)
        else:
            looked, told = fingerprint(request.POST), reading.effects(asked | ({"kind": row.kind} if row else {}))
    context = {"form": form, "source": row, "looked": looked, "told": told}
    return render(request, "backstage/source_form.html", context, status=422 if form.errors else 200)


def _saved(request: PageRequest, row: CatalogSource | None, asked: dict[str, Any]) -> HttpResponse:
    if row is None and CatalogSource.objects.filter(name=asked["name"]).exists():
        raise Conflict(f"There is a source {asked['name']} already.")
    saved = services.source_save(request.actor, expected_version=row.version if row else None, now=clock.now(), **asked)
    messages.success(request, f"{saved.name} is saved\nPreview what it would import next.")
    return redirect("backstage-source", saved.name)


@page("administration")
def source(request: PageRequest, source: str) -> HttpResponse:
    request.rights.require_admin()
    return _source(request, services.source_get(source))


def _source(request: PageRequest, row: CatalogSource, *, status: int = 200, **more: Any) -> HttpResponse:
    noted = selectors.entity_list(request.rights, source=row.name, state="noted")[:PAGE]
    gone = selectors.entity_list(request.rights, source=row.name, state="orphaned")[:PAGE]
    context = {
        "source": row,
        "facts": reading.source_facts(row),
        "imports": [reading.line_of(one) for one in selectors.imports_of(row)[:RECENT]],
        "noted": list(noted),
        "orphans": list(gone),
        "upload": UploadForm() if row.kind == "upload" else None,
        "empty": not Entity.objects.filter(source=row).exists(),
        "losses": REMOVED,
        "typed": EMPTY,
        **more,
    }
    return render(request, "backstage/source.html", context, status=status)


@page("administration", methods=POST)
def upload(request: PageRequest) -> HttpResponse:
    """Files of a source that is uploaded: looked at first, imported from the page of the preview."""
    request.rights.require_admin()
    row = services.source_get(request.POST.get("source", "")[:30])
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _source(request, row, upload=form, status=422)
    files = [(one.name or "file", one.read()) for one in form.cleaned_data["documents"]]
    made = runs.import_ask(request.actor, source=row.name, preview=True, files=files, now=clock.now())
    return redirect("backstage-import", made.pk)


@page("administration", methods=POST)
def source_act(request: PageRequest, source: str, act: str) -> HttpResponse:
    request.rights.require_admin()
    now = clock.now()
    if act in ("preview", "import"):
        made = runs.import_ask(request.actor, source=source, preview=act == "preview", now=now)
        return redirect("backstage-import", made.pk)
    if act == "hook":
        secret = services.source_hook(request.actor, name=source, now=now)
        at = request.build_absolute_uri(reverse("api:backstage-push", args=[source]))
        return _source(request, services.source_get(source), secret=secret, push_url=at)
    if act == "take-back":
        services.source_take_back(request.actor, name=source, now=now)
        messages.success(request, f"{source} is as it was before the last edit")
    elif act == "orphans":
        gone = words.count(services.orphans_remove(request.actor, name=source, now=now), "orphan is,orphans are")
        messages.success(request, f"{gone} forgotten\nWhat they became here stays.")
    elif act == "remove":
        typed = Confirmed.of(request.POST)
        if typed.name != source:
            wrong = typed.refused(InvalidInput(f"Type {source} to remove it."))
            return _source(request, services.source_get(source), typed=wrong, status=422)
        services.source_remove(request.actor, name=source, now=now)
        messages.success(request, f"{source} is removed")
        return redirect("backstage")
    else:
        raise NotFound("There is nothing at this address.")
    return redirect("backstage-source", source)


@page("administration")
def catalog_import(request: PageRequest, number: int) -> HttpResponse:
    request.rights.require_admin()
    report = reading.report_of(runs.import_get(number))
    return render(request, "backstage/import.html", {"report": report, "source": report.row.source})


@page("administration", methods=POST)
def import_apply(request: PageRequest, number: int) -> HttpResponse:
    made = runs.import_apply(request.actor, import_id=number, now=clock.now())
    return redirect("backstage-import", made.pk)


@page("systems")
def entities(request: PageRequest) -> HttpResponse:
    chosen = {name: request.GET.get(name, "").strip()[:80] for name in ("kind", "state", "source", "system")}
    query = request.GET.get("q", "").strip()[:80]
    rows = selectors.entity_list(request.rights, query=query, **chosen)
    found = keyset.page(rows, order=("ref",), cursor=request.GET.get("cursor"), limit=PAGE)
    context = {"entities": found.items, "next": found.next, "query": query, "chosen": chosen}
    choices = {"kinds": reading.kind_options(selectors.kinds(request.rights)), "states": reading.LINKED}
    return render(request, "backstage/entities.html", {**context, **choices})


@page("systems")
def entity(request: PageRequest, ref: str) -> HttpResponse:
    row = selectors.entity_get(request.rights, ref)
    related = selectors.relations_of_entity(request.rights, row)
    context = {"entity": row, "related": related, "text": reading.entity_yaml(row)}
    return render(request, "backstage/entity.html", context)

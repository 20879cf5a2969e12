"""Files in Git: is everything as Git says, what did the last commit do, and what keeps a file from being applied?

Members of a team see its sources; its maintainers and platform admins keep them. Nothing is read from Git here:
workers do that, and these pages show what they found.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from governance.access import Rights
from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.confirming import EMPTY, Confirmed
from portal.forms.git import GitSourceForm, ReleaseForm, managed
from portal.forms.looked_at import fingerprint, was_looked_at
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, POST, page
from portal.reading import git as reading
from provisioning.models import GitSource, GitSync
from provisioning.selectors import git as selectors
from provisioning.services import git_ownership, git_syncs
from provisioning.services import git_sources as services

RECENT = 10


@page("administration")
def sources(request: PageRequest) -> HttpResponse:
    context = {"rows": reading.source_rows(request.rights), "may_add": bool(managed(request.rights))}
    return render(request, "git/sources.html", context)


@page("administration", methods=FORM)
def source_new(request: PageRequest) -> HttpResponse:
    if not managed(request.rights):
        request.rights.require_admin()
    initial = {"team": request.GET.get("team")} if "team" in request.GET else None
    return _form(request, GitSourceForm(request.POST or None, initial=initial, rights=request.rights), None)


@page("administration", methods=FORM)
def source_edit(request: PageRequest, source: str) -> HttpResponse:
    row = selectors.git_source_seen(request.rights, source)
    services.require_keeps(request.actor, row)
    initial = services.git_source_state(row)
    return _form(request, GitSourceForm(request.POST or None, initial=initial, rights=request.rights, source=row), row)


def _form(request: PageRequest, form: GitSourceForm, row: GitSource | None) -> HttpResponse:
    looked, told = "", []
    if request.method == "POST" and form.is_valid():
        if was_looked_at(request.POST):
            try:
                return _saved(request, row, form.asked())
            except (InvalidInput, Conflict) as error:
                add_errors(form, error)
        else:
            looked, told = fingerprint(request.POST), reading.effects(form.asked(), row)
    context = {"form": form, "source": row, "looked": looked, "told": told}
    return render(request, "git/source_form.html", context, status=422 if form.errors else 200)


def _saved(request: PageRequest, row: GitSource | None, asked: dict[str, Any]) -> HttpResponse:
    now = clock.now()
    if row is None and GitSource.objects.filter(name=asked["name"]).exists():
        raise Conflict(f"There is a source {asked['name']} already.")
    asked |= {"name": row.name, "expected_version": row.version} if row else {}
    saved = services.git_source_save(request.actor, now=now, **asked)
    if saved.active:
        messages.success(request, f"{saved.name} is saved")
        return redirect("git-source", saved.name)
    made = git_syncs.git_sync_ask(request.actor, source=saved.name, preview=True, now=now)
    messages.success(request, f"{saved.name} is saved\nLook at what it would do, then start it.")
    return redirect("git-sync", saved.name, made.pk)


@page("administration")
def source(request: PageRequest, source: str) -> HttpResponse:
    return _source(request, selectors.git_source_seen(request.rights, source))


def _source(request: PageRequest, row: GitSource, *, status: int = 200, **more: Any) -> HttpResponse:
    views = selectors.document_views(row)
    syncs = list(row.syncs.defer("report")[:RECENT])
    context = {
        "source": row,
        "place": reading.place_of(row),
        "facts": reading.source_facts(row),
        "tally": reading.tally(views),
        "documents": [reading.document_line(one) for one in views],
        "syncs": [reading.sync_line(one) for one in syncs],
        "looked": any(one.mode == "preview" and one.state == "done" for one in syncs),
        "under_way": any(one.state in ("queued", "running") for one in syncs),
        "may_keep": _may_keep(request.rights, row),
        "typed": EMPTY,
        **more,
    }
    return render(request, "git/source.html", context, status=status)


def _may_keep(rights: Rights, row: GitSource) -> bool:
    return rights.may_administer() if row.governs else rights.may_manage(row.team)


@page("administration", methods=FORM)
def host_key(request: PageRequest, source: str) -> HttpResponse:
    """Which key the host must show over ssh, and the other one that it showed: whether to expect that from now on."""
    row = selectors.git_source_seen(request.rights, source)
    services.require_keeps(request.actor, row)
    if not row.url.startswith("ssh:"):
        raise NotFound("Only a repository over ssh has a host key.")
    if request.method == "POST":
        shown = request.POST.get("shown", "") if request.POST.get("do") == "trust" else ""
        if request.POST.get("do") == "trust" and not shown:
            raise Conflict("The host has shown no other key.", code="illegal-state")
        services.git_source_trust(request.actor, name=source, shown=shown, now=clock.now())
        messages.success(request, "The host key is another one now\nTake the last edit back if it should not be.")
        return redirect("git-source", source)
    context = {"source": row, "place": reading.place_of(row), **reading.host_keys(row)}
    return render(request, "git/host_key.html", context)


@page("administration", methods=POST)
def source_act(request: PageRequest, source: str, act: str) -> HttpResponse:
    row = selectors.git_source_seen(request.rights, source)
    now = clock.now()
    if act in ("preview", "sync"):
        made = git_syncs.git_sync_ask(request.actor, source=source, preview=act == "preview", now=now)
        return redirect("git-sync", source, made.pk)
    if act == "hook":
        secret = services.git_source_hook(request.actor, name=source, now=now)
        at = request.build_absolute_uri(reverse("api:git-push", args=[source]))
        return _source(request, selectors.git_source_seen(request.rights, source), secret=secret, push_url=at)
    if act in ("start", "stop"):
        services.git_source_start(request.actor, name=source, active=act == "start", now=now)
        if act == "start":
            made = git_syncs.git_sync_ask(request.actor, source=source, now=now)
            return redirect("git-sync", source, made.pk)
        messages.success(request, f"{source} is stopped\nCommits are no longer applied.")
    elif act == "take-back":
        services.git_source_take_back(request.actor, name=source, now=now)
        messages.success(request, f"{source} is as it was before the last edit")
    elif act == "remove":
        return _removed(request, row)
    else:
        raise NotFound("There is nothing at this address.")
    return redirect("git-source", source)


def _removed(request: PageRequest, row: GitSource) -> HttpResponse:
    typed = Confirmed.of(request.POST)
    try:
        services.git_source_remove(request.actor, name=row.name, confirm=typed.name, now=clock.now())
    except InvalidInput as error:
        return _source(request, row, status=422, typed=typed.refused(error))
    messages.success(request, f"{row.name} is removed\nWhat it made stays.")
    return redirect("git-sources")


@page("administration")
def sync(request: PageRequest, source: str, number: int) -> HttpResponse:
    row = selectors.git_source_seen(request.rights, source)
    found = GitSync.objects.filter(source=row, pk=number).first()
    if found is None:
        raise NotFound("There is no such sync.")
    line = reading.sync_line(found)
    may_keep = _may_keep(request.rights, row)
    context = {
        "source": row,
        "line": line,
        "groups": reading.report_of(found),
        "may_start": may_keep and not row.active and found.mode == "preview" and found.state == "done",
        "again": ("sync" if row.active and found.mode == "sync" else "preview")
        if may_keep and found.state == "failed"
        else "",
    }
    return render(request, "git/sync.html", context)


@page("administration", methods=FORM)
def document(request: PageRequest, source: str, number: int) -> HttpResponse:
    """One document and how Slipway differs from it. Admins release its environment from Git here, and give it back."""
    row = selectors.git_source_seen(request.rights, source)
    view = selectors.document_view(row, number)
    form = ReleaseForm(request.POST if request.POST.get("do") == "release" else None)
    if request.method == "POST":
        request.rights.require_admin()
        if request.POST.get("do") == "give-back":
            git_ownership.environment_give_back(request.actor, document=number, now=clock.now())
            return redirect("git-document", source, number)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            git_ownership.environment_release(request.actor, document=number, reason=reason, now=clock.now())
            return redirect("git-document", source, number)
    may_read = view.environment is not None and request.rights.may_request(view.environment.system)
    text = selectors.document_difference(view) if may_read or request.rights.may_administer() else ""
    owned = view.row.kind == "Environment" and view.row.claimed_at is not None and view.row.gone_at is None
    context = {
        "source": row,
        "line": reading.document_line(view),
        "form": form,
        "lines": reading.patch_lines(text),
        "may_release": owned and request.rights.may_administer(),
    }
    return render(request, "git/document.html", context, status=422 if form.errors else 200)


@page("administration")
def document_patch(request: PageRequest, source: str, number: int) -> HttpResponse:
    """What Slipway has, as a patch for the file in Git."""
    row = selectors.git_source_seen(request.rights, source)
    view = selectors.document_view(row, number)
    if view.environment is not None:
        request.rights.require_request(view.environment.system)
    else:
        services.require_keeps(request.actor, row)
    return _download(f"slipway-{source}-{number}.patch", selectors.document_difference(view))


@page("changes")
def change_patch(request: PageRequest, change: int) -> HttpResponse:
    """What a change asked for, as a patch for the file in Git that owns its environment."""
    return _download(*selectors.change_patch(request.rights, change))


def _download(name: str, text: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/x-diff; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response

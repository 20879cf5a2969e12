"""Documents from files: looked at, applied, and everything one may see as files to take away."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render

from idp.kernel import clock
from idp.kernel.errors import InvalidInput, NotFound
from portal.forms.files import FilesForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.exporting import MEDIA, NAMES, packed, require_bounded
from provisioning.domain.bundle import read_bundle
from provisioning.selectors.exporting import environments_exported, exported
from provisioning.services.applying import Applied, Wish, documents_apply, documents_try

TYPED: Final = "documents.yaml"


@page("environments", methods=FORM)
def files(request: PageRequest) -> HttpResponse:
    """What a look finds stands beside the documents as they were sent; only “apply” carries them out."""
    if request.method != "POST":
        return render(request, "files/files.html", {"form": FilesForm()})
    form = FilesForm(request.POST, request.FILES)
    applied: Applied | None = None
    if form.is_valid():
        try:
            applied = _applied(request, form.cleaned_data)
        except InvalidInput as error:
            add_errors(form, InvalidInput(error.message, errors=[]))
    return _answer(request, form, applied)


@page("environments")
def files_export(request: PageRequest, form: str) -> HttpResponse:
    """Everything that the person may see, or one system of it, as a file."""
    if form not in MEDIA:
        raise NotFound(f"There is no export as “{form}”; there are {', '.join(MEDIA)}.")
    system = request.GET.get("system", "")[:30]
    require_bounded(environments_exported(request.rights, system=system))
    response = HttpResponse(packed(form, exported(request.rights, system=system)), content_type=MEDIA[form])
    response["Content-Disposition"] = f'attachment; filename="{NAMES[form]}"'
    return response


def _applied(request: PageRequest, given: dict[str, Any]) -> Applied:
    bundle = read_bundle([(TYPED, given["text"])])
    wish = Wish(reason=given["reason"].strip())
    act = documents_apply if request.POST.get("do") == "apply" else documents_try
    return act(request.actor, bundle, wish, now=clock.now())


def _answer(request: PageRequest, form: FilesForm, applied: Applied | None) -> HttpResponse:
    if applied is not None:
        form = FilesForm(initial={"text": form.cleaned_data["text"], "reason": form.cleaned_data["reason"]})
    refused = applied is None or bool(applied.refused and not applied.carried_out)
    return render(request, "files/files.html", {"form": form, "applied": applied}, status=422 if refused else 200)

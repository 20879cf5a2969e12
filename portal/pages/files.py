"""Documents from files: looked at, applied, and everything one may see as files to take away."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render

from idp.kernel import clock
from idp.kernel.errors import Conflict, InvalidInput, NotFound
from portal.forms.confirming import Confirmed
from portal.forms.files import FilesForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading.exporting import MEDIA, NAMES, packed, require_bounded
from provisioning.domain.bundle import read_bundle
from provisioning.selectors.exporting import environments_exported, exported
from provisioning.services.applying import Applied, Wish, documents_apply, documents_try

TYPED: Final = "documents.yaml"
MOVED: Final = "moved"


@page("environments", methods=FORM)
def files(request: PageRequest) -> HttpResponse:
    """What a look finds stands beside the documents as they were sent; only “apply” carries them out."""
    if request.method != "POST":
        return render(request, "files/files.html", {"form": FilesForm()})
    form = FilesForm(request.POST, request.FILES)
    applied, told = None, ""
    if form.is_valid():
        try:
            applied, told = _applied(request, form)
        except InvalidInput as error:
            add_errors(form, error if error.errors else InvalidInput(error.message, remedy=error.remedy))
    return _answer(request, form, applied, told)


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


def _applied(request: PageRequest, form: FilesForm) -> tuple[Applied, str]:
    """What came of it, or would; and what keeps it from being carried out, though it was asked for."""
    given = form.cleaned_data
    bundle = read_bundle([(TYPED, given["text"])])
    asked = {name: given[name].strip() for name in ("owner", "confirm", "reason")}
    wish, now = Wish(prune=given["prune"], **asked), clock.now()
    told = ""
    if request.POST.get("do") == "apply" and not (told := form.unconfirmed()):
        try:
            return documents_apply(request.actor, bundle, wish, now=now), ""
        except Conflict as error:
            if error.code != "prune-unconfirmed":
                raise
            told = MOVED
    return documents_try(request.actor, bundle, wish, now=now), told


def _answer(request: PageRequest, form: FilesForm, applied: Applied | None, told: str) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "applied": applied}
    if applied is not None:
        given = form.cleaned_data
        context["form"] = FilesForm(initial={name: given[name] for name in ("text", "reason", "owner", "prune")})
        moved = told == MOVED
        typed = Confirmed() if moved else Confirmed(given["confirm_name"], name_error=told)
        context |= {"owner": given["owner"], "typed": typed, "moved": moved}
    refused = told or applied is None or bool(applied.refused and not applied.carried_out)
    return render(request, "files/files.html", context, status=422 if refused else 200)

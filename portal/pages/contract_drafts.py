"""Where admins begin a contract from a CRD or from the schema of a chart's values; one goes on where one publishes."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from idp.kernel.errors import FieldError, InvalidInput
from portal.forms.contracts import ArtifactForm, ContractDraftForm
from portal.pages.problems import add_errors
from portal.pages.request import PageRequest
from portal.pages.shell import FORM, page
from portal.reading import contract_draft as reading
from provisioning.domain.contract_draft import Naming
from provisioning.domain.contract_draft_values import FLUX, Chart
from provisioning.services.contract_drafts import Drafted, DraftRequest, contract_draft


@page("capabilities", methods=FORM)
def capability_draft(request: PageRequest) -> HttpResponse:
    """Stores nothing: the draft is in the page that answers, with what must be decided."""
    request.rights.require_admin()
    if request.method != "POST":
        return render(request, "capabilities/draft.html", {"form": ArtifactForm()})
    form = ArtifactForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            return _publish_page(request, contract_draft(_asked(form.cleaned_data)))
        except InvalidInput as error:
            add_errors(form, _told_once(error))
    return render(request, "capabilities/draft.html", {"form": form}, status=422)


def _asked(given: dict[str, Any]) -> DraftRequest:
    return DraftRequest(
        artifact=given["artifact"],
        text=given["text"],
        naming=Naming(capability=given["capability"].strip(), owner=given["owner"]),
        kind=given["kind"].strip(),
        served=given["served"].strip(),
        chart=Chart(given["chart"].strip(), given["chart_version"].strip(), given["chart_source"].strip()),
        release=given["release"] or FLUX,
    )


def _told_once(error: InvalidInput) -> InvalidInput:
    """Errors at fields of the form stay there; those inside the artifact become one sentence about its text."""
    fields = [one for one in error.errors if one.path in ArtifactForm.base_fields]
    if fields:
        return InvalidInput(error.message, errors=fields)
    inside = "; ".join(f"{one.path} {one.message}" for one in error.errors if one.path)
    return InvalidInput(error.message, errors=[FieldError("text", f"{error.message} {inside}".strip())])


def _publish_page(request: PageRequest, made: Drafted) -> HttpResponse:
    """Where it is checked, mended and published, filled with the draft."""
    context = {
        "capability": None,
        "form": ContractDraftForm(initial={"text": made.text}),
        "text": made.text,
        "draft": reading.draft_of(request.actor, made.text),
        "drafted": made,
        "decisions": reading.decisions(made),
    }
    return render(request, "capabilities/publish.html", context)

"""Documents from files: applied many at once, and exported as files that apply again to no changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.documents import load_all_yaml
from idp.kernel.errors import InvalidInput
from portal.api import paths
from portal.api.answers import answer
from portal.api.endpoint import Endpoint
from portal.api.faults import BadRequest
from portal.api.operation import Query, operation
from portal.api.parsers import StrictJSONParser, YAMLParser
from portal.api.shapes import applying as shapes
from portal.api.shapes.words import flag, text
from portal.reading.exporting import MEDIA, NAMES, packed, require_bounded, text_of
from provisioning.domain.bundle import read_bundle
from provisioning.selectors.exporting import environments_exported, exported
from provisioning.services.applying import Applied, Result, Wish, documents_apply, documents_try

AREA = "Changes"
STREAM = "documents.yaml"


class DocumentsParser(YAMLParser):
    """YAML that is the body as it is declared, or the documents themselves, of which it makes one file."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read()
        try:
            found = load_all_yaml(raw)
        except InvalidInput as error:
            raise BadRequest(error.message, remedy=error.remedy, errors=error.errors) from None
        documents = [one.data for one in found]
        if any(isinstance(one, dict) and "kind" in one and "files" not in one for one in documents):
            return {"files": [{"path": STREAM, "text": raw.decode()}]}
        return documents[0] if len(documents) == 1 else documents


class Apply(Endpoint):
    parser_classes = [StrictJSONParser, DocumentsParser]

    @operation(
        "documents_apply",
        "Apply documents",
        area=AREA,
        answers={200: shapes.APPLIED},
        body=shapes.APPLY,
        scope="change",
        query=(
            Query("dry_run", flag("Only say what would happen. Refused documents are told with 200 then.")),
            Query("owner", text("Label under which the documents are kept, for pruning.", most=80)),
            Query("prune", flag("Take away what the owner has beyond these documents.")),
            Query("confirm", text("The `prune.confirm` that a dry run answered.", most=64)),
            Query("reason", text("Why, for those who decide.", most=4000)),
        ),
        about="All are tried first, with your own rights, in the order in which they need each other; where one is "
        "refused, nothing is applied and the problem (422, `apply-refused`) names each place with its file and line. "
        "An environment becomes a change and may wait for approval. Applying the same again changes nothing.",
    )
    def post(self, request: Request) -> HttpResponse:
        bundle = read_bundle((one["path"], one["text"]) for one in self.sent["files"])
        asked = {name: self.query[name] for name in ("owner", "prune", "confirm", "reason") if name in self.query}
        keep = frozenset((one["kind"], one["name"]) for one in self.sent.get("keep", ()))
        wish, dry_run = Wish(**asked, keep=keep), self.query.get("dry_run", False)
        act = documents_try if dry_run else documents_apply
        applied = act(self.actor, bundle, wish, now=clock.now())
        if not dry_run and not applied.carried_out:
            _refuse(applied)
        return answer(_applied_row(applied, dry_run=dry_run))


class Export(Endpoint):
    @operation(
        "documents_export",
        "Export documents",
        area=AREA,
        answers={200: shapes.EXPORT},
        query=(
            Query("form", text("Without it, JSON that an apply takes as its body.", one_of=tuple(MEDIA))),
            Query("system", text("Only the environments of this system.", most=30)),
            Query("environment", text("Only environments of this name.", most=31)),
        ),
        media=tuple(one.partition(";")[0] for one in MEDIA.values()),
        about="Everything that you may see as documents: contracts, approval routes, policies and environments. "
        "Applied again they change nothing. `form` is yaml, tar (.tar.gz) or zip.",
    )
    def get(self, request: Request) -> HttpResponse:
        chosen = {name: self.query.get(name, "") for name in ("system", "environment")}
        require_bounded(environments_exported(self.rights, **chosen))
        files = exported(self.rights, **chosen)
        form = self.query.get("form", "")
        if not form:
            return answer({"files": [{"path": one.path, "text": text_of(one)} for one in files]})
        response = HttpResponse(packed(form, files), content_type=MEDIA[form])
        response["Content-Disposition"] = f'attachment; filename="{NAMES[form]}"'
        return response


def _refuse(applied: Applied) -> None:
    number = len(applied.refused)
    raise InvalidInput(
        f"{'1 document is' if number == 1 else f'{number} documents are'} refused, so nothing was applied.",
        code="apply-refused",
        remedy="Mend what is listed and apply again; dry_run=true shows what becomes of each document.",
        errors=applied.errors()[:50],
    )


def _applied_row(applied: Applied, *, dry_run: bool) -> dict[str, Any]:
    pruning = applied.pruning
    return {
        "dry_run": dry_run,
        "applied": applied.carried_out,
        "results": [_result_row(one) for one in applied.results],
        "prune": None
        if pruning is None
        else {
            "items": [_prune_row(one) | {"outcome": one.outcome} for one in pruning.going],
            "staying": [_prune_row(one) for one in pruning.staying],
            "confirm": pruning.digest,
        },
    }


def _prune_row(one: Result) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "message": f"{one.message} {one.remedy}".strip()}


def _result_row(one: Result) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "kind": one.kind,
        "name": one.name,
        "outcome": one.outcome,
        "message": one.message,
        "remedy": one.remedy,
        "errors": [error.as_dict() for error in one.errors],
        "change": one.change,
        "url": paths.change(one.change) if one.change else None,
    }

"""The catalog as Backstage reads it: a stream of documents, and pages for an entity provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from governance.access import Rights
from governance.domain.backstage.writing import as_yaml
from idp.kernel.errors import InvalidInput
from portal.api.answers import PAGE, answer, etag
from portal.api.endpoint import Endpoint
from portal.api.faults import BadRequest
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import backstage as shapes
from portal.api.shapes.words import text
from provisioning.selectors.backstage import Section, entities, entities_page, sections, tag_of

AREA = "Backstage"
NARROW = (
    Query("kind", text("Only this kind, such as Component.", most=63)),
    Query("system", text("Only this system of ours, by its slug.", most=30)),
    Query(
        "imported",
        text(
            "What was imported goes out too; or only what came from elsewhere than a running Backstage.",
            one_of=("all", "elsewhere"),
        ),
    ),
)
YAML = "application/yaml"


class CatalogInfo(Endpoint):
    @operation(
        "backstage_catalog_info",
        "Read the catalog as catalog-info.yaml",
        area=AREA,
        answers={200: shapes.ENTITY, 304: None},
        query=NARROW,
        media=(YAML,),
        about="Every entity that you may see, as a stream of YAML documents: what was imported, as it came, and what "
        "is ours, with the resources of living environments. Answers 304 to an If-None-Match that still fits.",
    )
    def get(self, request: Request) -> HttpResponseBase:
        parts = _parts(self.rights, self.query)
        tag = etag(tag_of(parts))
        if tag in [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]:
            return HttpResponse(status=304, headers={"ETag": tag})
        response = StreamingHttpResponse(_documents(parts), content_type=f"{YAML}; charset=utf-8")
        response["ETag"] = tag
        return response


class Entities(Endpoint):
    @operation(
        "backstage_entities",
        "Read the catalog page by page",
        area=AREA,
        answers={200: shapes.ENTITY_PAGE},
        query=(*NARROW, *PAGED),
        about="The same entities as JSON, for an entity provider.",
    )
    def get(self, request: Request) -> HttpResponse:
        parts = _parts(self.rights, self.query)
        try:
            items, cursor = entities_page(
                parts, cursor=self.query.get("cursor", ""), limit=self.query.get("limit", PAGE)
            )
        except InvalidInput as error:
            raise BadRequest(error.message, code=error.code) from None
        following = None
        if cursor:
            following = f"{request.path}?{urlencode({**request.query_params.dict(), 'cursor': cursor})}"
        return answer({"items": items, "next": following})


def _parts(rights: Rights, query: Mapping[str, Any]) -> list[Section]:
    kind, system = query.get("kind", ""), query.get("system", "")
    return sections(rights, kind=kind, system=system, elsewhere=query.get("imported") == "elsewhere")


def _documents(parts: list[Section]) -> Iterator[bytes]:
    for data in entities(parts):
        yield f"---\n{as_yaml(data)}".encode()

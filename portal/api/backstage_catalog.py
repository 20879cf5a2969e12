"""The catalog as Backstage reads it: a stream of documents, and pages for an entity provider."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

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
        parts = sections(self.rights, kind=self.query.get("kind", ""), system=self.query.get("system", ""))
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
        parts = sections(self.rights, kind=self.query.get("kind", ""), system=self.query.get("system", ""))
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


def _documents(parts: list[Section]) -> Iterator[bytes]:
    for data in entities(parts):
        yield f"---\n{as_yaml(data)}".encode()

"""The JSON Schemas of the documents that people write, for editors and checkers. Public: they hold no data."""

from __future__ import annotations

from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.policy_schema import POLICY_SCHEMA
from governance.domain.route_schema import ROUTE_SCHEMA
from idp.kernel.errors import NotFound
from portal.api.answers import answer
from portal.api.endpoint import PublicEndpoint
from portal.api.operation import operation
from portal.api.shapes.capabilities import SCHEMA_DOCUMENT
from provisioning.domain.document_schemas import CONTRACT_SCHEMA, ENVIRONMENT_SCHEMA

DOCUMENTS = {
    "contract": CONTRACT_SCHEMA,
    "environment": ENVIRONMENT_SCHEMA,
    "policy": POLICY_SCHEMA,
    "approval-route": ROUTE_SCHEMA,
}


class DocumentSchema(PublicEndpoint):
    @operation(
        "schemas_read",
        "Read the schema of a document",
        area="Start",
        answers={200: SCHEMA_DOCUMENT},
        scope=None,
        about="kind is contract, environment, policy or approval-route. JSON Schema 2020-12.",
    )
    def get(self, request: Request, kind: str) -> HttpResponse:
        schema = DOCUMENTS.get(kind)
        if schema is None:
            raise NotFound(f"There is no schema “{kind}”; there are {', '.join(sorted(DOCUMENTS))}.")
        response = answer(schema)
        response["Content-Type"] = "application/schema+json"
        response["Cache-Control"] = "public, max-age=3600"
        return response

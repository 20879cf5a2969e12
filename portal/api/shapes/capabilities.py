"""Shapes of capabilities and contracts."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    maybe,
    moment,
    page_of,
    record,
    ref,
    shape,
    text,
)

STATES = ("preview", "stable", "deprecated", "defective", "retired")

CONTRACT = shape(
    "Contract",
    record(
        {
            "capability": text(),
            "version": text("SemVer.", example="1.2.0"),
            "state": text(one_of=STATES),
            "digest": text("SHA-256 of the canonical document."),
            "published_at": moment(),
            "published_by": maybe(text()),
            "url": link(),
        }
    ),
)
CONTRACT_PAGE = page_of(CONTRACT)
CONTRACT_DETAIL = shape(
    "ContractDetail",
    {
        "allOf": [
            ref(CONTRACT),
            record({"document": ref("ContractDocument")}, about="With the whole document as it was published."),
        ]
    },
)
CONTRACT_DOCUMENT = shape(
    "ContractDocument",
    record(
        {
            "apiVersion": text(one_of=("slipway.dev/v1",)),
            "kind": text(one_of=("Contract",)),
            "metadata": anything("capability and version."),
            "spec": anything("Inputs, outputs, objects, usage …; its full schema is at /api/v1/schemas/contract.json."),
        },
        about="A contract as it is written, in JSON or YAML. The publishing checks say what is wrong in it.",
        closed=True,
    ),
)
CAPABILITY = shape(
    "Capability",
    record(
        {
            "name": text(example="postgres"),
            "title": text(),
            "summary": text(),
            "category": text(),
            "icon": text(),
            "owner": maybe(text("The owning team.")),
            "url": link(),
            "contracts_url": link(),
        }
    ),
)
CAPABILITY_PAGE = page_of(CAPABILITY)
CAPABILITY_DETAIL = shape(
    "CapabilityDetail",
    {
        "allOf": [
            ref(CAPABILITY),
            record(
                {
                    "readme": text("Markdown."),
                    "contracts": listed(ref(CONTRACT), "Newest first."),
                    "usage": listed(
                        record({"version": text(), "resources": {"type": "integer"}}),
                        "How many resources that you may see use which version.",
                    ),
                }
            ),
        ]
    },
)
SCHEMA_DOCUMENT = shape("SchemaDocument", anything("A JSON Schema 2020-12 document."))
OPENAPI_DOCUMENT = shape("OpenAPIDocument", anything("An OpenAPI 3.1 document: this one."))
SEARCH_HIT = shape(
    "SearchHit",
    record(
        {
            "kind": text(one_of=("environment", "system", "component", "capability", "team", "change")),
            "name": text(),
            "title": text(),
            "detail": text(),
            "url": link("In the API."),
            "page": link("In the portal."),
        }
    ),
)
SEARCH = shape(
    "SearchResult",
    record({"query": text(), "items": listed(ref(SEARCH_HIT)), "more": flag("There is more than is shown.")}),
)

"""Shapes of capabilities and contracts."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    mapped,
    maybe,
    moment,
    page_of,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)
from provisioning.domain.searching import KINDS

STATES = ("preview", "stable", "deprecated", "defective", "retired")

CONTRACT = shape(
    "Contract",
    record(
        {
            "capability": text(),
            "version": text("SemVer.", example="1.2.0"),
            "state": text(one_of=STATES),
            "state_since": maybe(moment("When it came into this state; null while it is in its first.")),
            "reason": text("Why it is in this state."),
            "sunset": maybe(moment("When it ends.")),
            "replacement": maybe(text("The version to use instead.")),
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
            record(
                {
                    "document": ref("ContractDocument"),
                    "definitions": mapped(text("SHA-256."), "Custom kinds that were defined with it, by kind."),
                },
                about="With the whole document as it was published.",
            ),
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
        {
            "definitions": listed(
                anything("A CustomResourceDefinition."),
                about="Of the custom kinds that it requires or uses; they are kept with it and never change.",
            ),
        },
        about="A contract as it is written, in JSON or YAML. The publishing checks say what is wrong in it.",
        closed=True,
    ),
)
CONTRACT_STATE = shape(
    "ContractState",
    record(
        {"state": text(one_of=STATES)},
        {
            "reason": text("Why, and what its users should do.", most=400),
            "sunset": maybe(text("The day or moment on which it ends.", most=40, example="2027-03-31")),
            "replacement": maybe(text("Another stable version of the capability.", most=40, example="2.0.0")),
        },
        closed=True,
        examples=(
            {"state": "deprecated", "reason": "2.x keeps backups.", "sunset": "2027-03-31", "replacement": "2.0.0"},
        ),
    ),
)
PREVIEW = shape(
    "PreviewTeam",
    record({"team": text("Slug."), "joined_at": moment(), "joined_by": maybe(text())}),
)
PREVIEW_JOIN = shape(
    "PreviewJoin",
    record(
        {"team": slug("The team whose systems may use previews.", "payments")},
        closed=True,
        examples=({"team": "payments"},),
    ),
)
PREVIEW_PAGE = page_of(PREVIEW)
DEFAULT = shape(
    "DefaultVersion",
    record(
        {
            "major": whole(example=1),
            "version": text("What capability@major leads to.", example="1.4.0"),
            "chosen": flag("An admin chose it; false: it is the newest stable one."),
            "url": link("Of the contract."),
        }
    ),
)
DEFAULT_LIST = shape("DefaultVersionList", record({"items": listed(ref(DEFAULT), "Newest major first.")}))
DEFAULT_CHOICE = shape(
    "DefaultVersionChoice",
    record(
        {"version": text("A stable version; it becomes the default of its major.", most=40, example="1.4.0")},
        closed=True,
        examples=({"version": "1.4.0"},),
    ),
)
FEEDBACK = shape(
    "Feedback",
    record(
        {
            "run": whole(),
            "system": text(),
            "environment": text(),
            "person": text("Sign-in name."),
            "answer": text(one_of=("easy", "hard", "dismissed")),
            "words": text(),
            "created_at": moment(),
            "changed_at": moment(),
        }
    ),
)
FEEDBACK_PAGE = page_of(FEEDBACK)
FEEDBACK_ANSWER = shape(
    "FeedbackAnswer",
    record(
        {"answer": text("dismissed: rather not say.", one_of=("easy", "hard", "dismissed"))},
        {"words": text("Read by the owners of what the run was about, and platform admins.", most=600)},
        closed=True,
        examples=({"answer": "hard", "words": "I did not find where the host name is said."},),
    ),
)
DRAFT_REQUEST = shape(
    "ContractDraftRequest",
    record(
        {
            "artifact": text(one_of=("crd", "values-schema")),
            "text": text("The CRD as YAML or JSON, or a chart's values.schema.json.", least=1, most=950_000),
        },
        {
            "capability": text("Its name; the kind's or chart's own if left out.", most=39),
            "owner": slug("The team that answers for it.", "platform"),
            "kind": text("Which kind, where the text defines several.", most=63),
            "served": text("Which version of the kind; the stored one if left out.", most=40),
            "chart": text("Name of the chart.", most=100),
            "chart_version": text("Version of the chart.", most=40),
            "chart_source": text("HelmRepository (flux) or address (argo) of the chart.", most=300),
            "release": text("Who installs the chart; flux if left out.", one_of=("flux", "argo")),
        },
        closed=True,
        examples=({"artifact": "values-schema", "text": '{"properties": {"size": {"type": "integer"}}}'},),
    ),
)
CONTRACT_CHECK = shape(
    "ContractCheck",
    record(
        {
            "capability": text(),
            "version": text(),
            "before": maybe(text("The version that it follows.")),
            "may_be_published": flag("Nothing stands against it."),
            "found": listed(
                record(
                    {
                        "path": text(),
                        "message": text(),
                        "line": maybe(whole("Of the YAML that was sent.", least=1)),
                    }
                )
            ),
            "breaking": listed(text(), "What it takes away from those who use the version before, in sentences."),
            "allowed": flag("As it is numbered it may take that away."),
        }
    ),
)
DRAFT = shape(
    "ContractDraft",
    record(
        {
            "document": ref("ContractDocument"),
            "yaml": text("The same as YAML, what must be decided as comments above it."),
            "decisions": listed(
                record(
                    {
                        "path": text("In the draft."),
                        "rule": text("Stable; may be matched by programs."),
                        "message": text(),
                        "must": flag("It means nothing good as it stands."),
                    }
                ),
                "What the artifact does not say; those that must be decided first.",
            ),
            "problems": listed(
                record({"path": text(), "message": text()}), "What keeps it from being published as it stands."
            ),
        }
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
                    "defaults": listed(ref(DEFAULT), "What each major leads to, newest first."),
                    "feedback": record(
                        {"easy": {"type": "integer"}, "hard": {"type": "integer"}},
                        about="How many found their run with it easy, and how many did not.",
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
            "kind": text(one_of=KINDS),
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
    record(
        {
            "query": text(),
            "instead": text("Words that were looked for instead, when nothing held the typed ones."),
            "items": listed(ref(SEARCH_HIT)),
            "more": flag("There is more than is shown."),
        }
    ),
)

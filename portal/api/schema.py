"""Writes the OpenAPI 3.1 document from what the endpoints declare. Nothing here is guessed from code or models.

``SlipwaySchema`` turns one ``Operation`` into an OpenAPI operation, ``add_problems`` adds the shapes, the problem
answers and the ways to sign in. Called by drf-spectacular's generator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry

from portal.api.endpoint import PublicEndpoint
from portal.api.operation import EDITS, Operation, Query
from portal.api.shapes import SHAPES, Schema, ref
from portal.api.shapes.webhooks import outgoing
from portal.problems import TITLES

PARAMETERS: Final[Mapping[str, Schema]] = {
    "team": {"type": "string", "description": "Slug of the team."},
    "username": {"type": "string", "description": "Username of the account."},
    "system": {"type": "string", "description": "Slug of the system."},
    "component": {"type": "string", "description": "Slug of the component."},
    "major": {"type": "integer", "minimum": 0, "description": "Number of the major version."},
    "capability": {"type": "string", "description": "Name of the capability."},
    "version": {"type": "string", "description": "Version of the contract, such as 1.2.0."},
    "stage": {"type": "string", "description": "Name of the stage."},
    "source": {"type": "string", "description": "Name of the source."},
    "provider": {"type": "string", "description": "Name of the provider of sign-ins."},
    "grant_id": {"type": "integer", "minimum": 1, "description": "Id of the grant."},
    "rule_id": {"type": "integer", "minimum": 1, "description": "Id of the rule."},
    "document": {"type": "integer", "minimum": 1, "description": "Id of the document."},
    "sync_id": {"type": "integer", "minimum": 1, "description": "Id of the sync."},
    "import_id": {"type": "integer", "minimum": 1, "description": "Id of the import."},
    "cluster": {"type": "string", "description": "Name of the cluster."},
    "host": {"type": "string", "description": "Host name, or *.example.com."},
    "policy": {"type": "string", "description": "Name of the policy."},
    "name": {"type": "string", "description": "Name of the environment."},
    "kind": {"type": "string", "enum": ["contract", "environment", "policy"]},
    "change_id": {"type": "integer", "minimum": 1, "description": "Id of the change."},
    "drift_id": {"type": "integer", "minimum": 1, "description": "Id of the drifted object."},
    "resource": {"type": "string", "description": "Name of the resource in its environment."},
    "number": {"type": "integer", "minimum": 1, "description": "Number of the revision."},
    "link_id": {"type": "integer", "minimum": 1, "description": "Id of the link."},
    "train_id": {"type": "integer", "minimum": 1, "description": "Id of the train."},
    "orphan_id": {"type": "integer", "minimum": 1, "description": "Id of the orphaned object."},
    "run_id": {"type": "integer", "minimum": 1, "description": "Id of the run."},
    "campaign_id": {"type": "integer", "minimum": 1, "description": "Id of the campaign."},
    "item_id": {"type": "integer", "minimum": 1, "description": "Id of the item."},
    "wave": {"type": "integer", "minimum": 1, "description": "Number of the wave in its campaign."},
    "report_id": {"type": "integer", "minimum": 1, "description": "Id of the report."},
    "route": {"type": "string", "description": "Name of the route."},
    "rule": {"type": "string", "description": "Name of the trust rule."},
    "freeze_id": {"type": "integer", "minimum": 1, "description": "Id of the freeze."},
    "break_id": {"type": "integer", "minimum": 1, "description": "Id of the broken glass."},
    "delegation_id": {"type": "integer", "minimum": 1, "description": "Id of the stand-in."},
    "request_id": {"type": "integer", "minimum": 1, "description": "Id of the request for quota."},
    "group": {"type": "string", "description": "Name of the group."},
    "edit_id": {"type": "integer", "minimum": 1, "description": "Id of the edit."},
    "transfer_id": {"type": "integer", "minimum": 1, "description": "Id of the transfer."},
    "loan_id": {"type": "integer", "minimum": 1, "description": "Id of the loan."},
    "agent": {"type": "string", "description": "Name of the agent."},
    "session_id": {"type": "integer", "minimum": 1, "description": "Id of the session."},
    "webhook_id": {"type": "integer", "minimum": 1, "description": "Id of the endpoint."},
    "delivery_id": {"type": "integer", "minimum": 1, "description": "Id of the delivery."},
    "event_type": {"type": "string", "description": "Type of event, as filters name it."},
}
_HEADERS: Final[Mapping[str, Schema]] = {
    "ETag": {"type": "string"},
    "Location": {"type": "string", "format": "uri-reference"},
    "Deprecation": {"type": "string"},
    "Sunset": {"type": "string"},
    "Link": {"type": "string"},
}
AREAS: Final = (
    ("Start", "Where to begin."),
    ("Catalog", "Who owns what, still does, and gives it to another team."),
    ("Capabilities", "What teams can have."),
    ("Backstage", "The catalog from and to Backstage."),
    ("Sharing", "Grants by which an environment lends a resource to others, and what is lent to a system."),
    ("Files in Git", "Repositories whose files are applied: sources, syncs, and how each document stands."),
    ("Environments", "Systems at stages, as wanted and as seen. Changed by changes only."),
    ("Changes", "The one way in: plan, ask, decide."),
    ("Score", "Workloads of score.dev/v1b1 as changes, and the rules by which they are mapped."),
    ("Campaigns", "Many environments moved to another version of a capability, wave by wave."),
    ("Promotion trains", "Several promotions that start together or not at all."),
    ("Freezes", "When nothing may change, and who broke the glass."),
    ("Runs", "What carries a change out."),
    ("Quota and cost", "What moves a team's quota, what it costs, and what it may cost."),
    ("Administration", "People, groups, stages, clusters, policies and quotas."),
    ("Agents", "Programs that act for people: what each may, and what it did."),
    ("Audit", "What happened and who did it."),
    ("Notices", "What one was told, and how one wants to be told."),
    ("Webhooks", "What other programs are told, signed, and the log of it."),
)
INTRODUCTION: Final = """\
The control plane between developers and their infrastructure.

**Identity.** Send `Authorization: Bearer slw_…` (a token from your account page, or `manage.py slipway_token`), or use
the portal's session cookie with `X-CSRFToken`. A token has scopes: `read`, `change`, `approve`, `admin`.

**Errors** are `application/problem+json` (RFC 9457) with a stable `code`, `detail` in plain words, `errors` with their
places, and a `remedy`. Quote `request_id` when you ask for help.

**Lists** come in pages: follow `next` until it is null. An unknown query parameter is refused.

**Edits** need `If-Match` with the `ETag` you read: 428 without, 412 when somebody was faster.

**Repeats.** Every POST takes an `Idempotency-Key`: for 24 hours the same key and body get the first answer again, with
`Idempotency-Replayed: true`; the same key with another body is 422.

**From nothing to a running environment:** `POST plans/` until `outcome` is `starts` or `waits` · `POST changes/` with
the same body, answered with 202 and `Location` · somebody else posts the change's `plan_digest` to
`changes/{change_id}/approve/` if it waits · follow its run until `succeeded` · read outputs at
`environments/{system}/{name}/resources/`.
"""


class SlipwaySchema(AutoSchema):
    """Describes a view's method from its ``@operation``; a method without one is left out."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, Any] | None:
        declared = getattr(getattr(self.view, method.lower(), None), "operation", None)
        if declared is None:
            return None
        return described(declared, path, method.upper(), public=isinstance(self.view, PublicEndpoint))


def described(declared: Operation, path: str, method: str, *, public: bool) -> dict[str, Any]:
    """One OpenAPI operation."""
    names = re.findall(r"\{(\w+)\}", path)
    parameters = [{"name": name, "in": "path", "required": True, "schema": PARAMETERS[name]} for name in names]
    parameters += [_query(one) for one in declared.query]
    parameters += _header_parameters(declared, method)
    result: dict[str, Any] = {
        "operationId": declared.id,
        "summary": declared.summary,
        "tags": [declared.area],
        "responses": _answers(declared, method, names, public),
        "security": [{}] if public else [{"token": []}, {"session": []}],
    }
    if declared.about:
        result["description"] = declared.about
    if parameters:
        result["parameters"] = parameters
    if declared.body:
        result["requestBody"] = _body(declared.body)
    if declared.scope and not public:
        result["x-token-scope"] = declared.scope
    return result


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's post-processing: shapes, problem answers, identity, areas."""
    result["info"]["description"] = INTRODUCTION
    result["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    result["servers"] = [{"url": settings.BASE_URL}]
    result["tags"] = [{"name": name, "description": about} for name, about in AREAS]
    result["webhooks"] = outgoing(settings.BASE_URL)
    result["components"] = {
        "schemas": dict(sorted(SHAPES.items())),
        "responses": {f"Problem{status}": _problem(status) for status in sorted(TITLES)},
        "securitySchemes": {
            "token": {"type": "http", "scheme": "bearer", "description": "slw_<prefix>_<secret>"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.SESSION_COOKIE_NAME,
                "description": "The portal's session; writing needs X-CSRFToken.",
            },
        },
    }
    return result


def problem_statuses(declared: Operation, method: str, names: list[str], public: bool) -> list[int]:
    """Which problems an operation can answer with, from what it declares."""
    found = {400, 401, 429, 500, 503, *declared.problems}
    if not public:
        found.add(403)
    if names:
        found.add(404)
    if declared.body:
        found |= {404, 413, 415, 422}
    if declared.body and method == "POST":
        found.add(409)
    if declared.versioned and method in EDITS:
        found |= {412, 428, 422}
    if any(one.name in ("system", "team") for one in declared.query):
        found.add(404)
    return sorted(found)


def _answers(declared: Operation, method: str, names: list[str], public: bool) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for status, shape in declared.answers.items():
        answers[str(status)] = _success(declared, status, shape, method)
    for status in problem_statuses(declared, method, names, public):
        answers[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    return answers


def _success(declared: Operation, status: int, shape: str | None, method: str) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": _SUCCESS.get(status, "As asked.")}
    if shape:
        media = "application/schema+json" if shape == "SchemaDocument" else "application/json"
        answer["content"] = {media: {"schema": ref(shape)}}
        for more in declared.media:
            answer["content"][more] = {"schema": {"type": "string"}}
    headers = dict(declared.headers)
    if status in (201, 202) and method in ("POST", "PUT") and shape not in (None, "RunDetail"):
        headers["Location"] = "Where it is."
    if declared.id.startswith("changes_") and declared.id != "changes_submit":
        headers.pop("Location", None)
    if (declared.versioned and shape) or (status == 201 and shape in _EDITABLE):
        headers["ETag"] = "For If-Match."
    if headers:
        answer["headers"] = {name: {"description": about, "schema": _HEADERS[name]} for name, about in headers.items()}
    return answer


_SUCCESS: Final = {
    200: "As asked.",
    201: "Made.",
    202: "Taken; it is carried out or decided later.",
    204: "Done; there is no body.",
    409: "It came to another end than must asks for.",
}
_EDITABLE: Final = frozenset(
    {"Team", "Member", "System", "Component", "Stage", "Cluster", "Drain", "Freeze", "Policy", "Quota", "GroupDetail"}
)


def _query(one: Query) -> dict[str, Any]:
    about = one.schema.get("description", "")
    schema = {key: value for key, value in one.schema.items() if key != "description"}
    return {
        "name": one.name,
        "in": "query",
        "required": False,
        "schema": schema,
        **({"description": about} if about else {}),
    }


def _header_parameters(declared: Operation, method: str) -> list[dict[str, Any]]:
    found: list[tuple[str, str, Schema, bool]] = []
    if declared.versioned and method in EDITS:
        found.append(("If-Match", "The ETag that you read.", {"type": "string"}, declared.id != "members_set"))
    if method == "POST" and declared.kept:
        found.append(
            (
                "Idempotency-Key",
                "Any unique text, best a UUID in double quotes.",
                {"type": "string", "maxLength": 160},
                False,
            )
        )
    if "text/event-stream" in declared.media:
        found.append(
            (
                "Last-Event-ID",
                "Go on after this event (streams).",
                {"type": "string", "pattern": "^[0-9]{1,18}$"},
                False,
            )
        )
    return [
        {"name": name, "in": "header", "required": required, "description": about, "schema": schema}
        for name, about, schema, required in found
    ]


def _body(shape: str) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": ref(shape)}
    examples = SHAPES[shape].get("examples", [])
    if examples:
        media["examples"] = {f"example{number}": {"value": value} for number, value in enumerate(examples, 1)}
    return {
        "required": bool(SHAPES[shape].get("required")),
        "content": {"application/json": media, "application/yaml": {"schema": ref(shape)}},
    }


def _problem(status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": TITLES[status],
        "content": {"application/problem+json": {"schema": ref("Problem"), "example": _example(status)}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    if status == 401:
        answer["headers"] = {"WWW-Authenticate": {"description": "Bearer.", "schema": {"type": "string"}}}
    return answer


def _example(status: int) -> dict[str, Any]:
    code, detail = _EXAMPLES.get(status, ("bad-request", "The request cannot be read."))
    example: dict[str, Any] = {
        "type": f"{settings.BASE_URL}/api/v1/problems/{code}",
        "title": TITLES[status],
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": "4f2c1b7a9d3e5f60",
    }
    if status == 422:
        path = "spec.resources.api.inputs.replicas"
        example["errors"] = [{"path": path, "message": "Use a whole number of at least 1."}]
        example["remedy"] = "Mend what is listed and send it again; nothing was stored."
    return example


_EXAMPLES: Final = {
    401: ("not-signed-in", "This address needs an identity."),
    403: ("forbidden", "Only platform admins may do this."),
    404: ("not-found", "There is no environment “staging” of a system “checkout”."),
    405: ("wrong-method", "Method DELETE not allowed. The Allow header lists those that are."),
    409: ("stale-plan", "The plan is another one than the one you read."),
    412: ("precondition-failed", "It was changed since you read it; nothing was stored."),
    413: ("too-large", "The body is larger than 1 MB."),
    415: ("unsupported-format", "The Content-Type of the body is not one that this address reads."),
    422: ("invalid", "1 field needs fixing."),
    428: ("version-required", "This edit needs an If-Match header with the ETag that you read."),
    429: ("rate-limited", "Too many requests at once."),
    500: ("internal", "Something went wrong on our side."),
    503: ("database-unavailable", "The database does not answer at the moment. Nothing was changed."),
}

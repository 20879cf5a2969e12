"""Shapes of changes: what is asked, the plan, the verdicts, the decisions."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    mapped,
    maybe,
    moment,
    number,
    page_of,
    record,
    ref,
    shape,
    slug,
    text,
    whole,
)
from provisioning.domain.lifecycle import CHANGE_KINDS, CHANGE_STATES
from provisioning.services.requests import KINDS as ASKED_KINDS

_REASON = text("Why; the people who decide read it.", most=4000)
_SPEC = {
    "type": "object",
    "description": "The `spec` of an environment document: stage, expires, resources. Needed to create and update; "
    "its full schema is at /api/v1/schemas/environment.json. To promote, and to copy an environment: only the inputs "
    "that differ here, by resource.",
}
_NAME = text(most=64)

CHANGE_REQUEST = shape(
    "ChangeRequest",
    record(
        {
            "kind": text("What to do.", one_of=ASKED_KINDS),
            "system": slug("The system.", "checkout"),
        },
        {
            "environment": slug(
                "Name of the environment; needed, but of a preview, whose key it is derived from.", "staging"
            ),
            "labels": record(
                {},
                {
                    "slipway.dev/preview": text(
                        "Key of a preview environment. To create: makes it of the template `from`, or brings the one "
                        "of that key up to date. To delete: takes it away.",
                        most=60,
                        least=1,
                        example="pr-123",
                    )
                },
                closed=True,
            ),
            "images": {
                "type": "object",
                "description": "Of a preview: the image of each component that differs from the template.",
                "additionalProperties": text(most=300),
                "maxProperties": 50,
            },
            "link": text("Of a preview: where it comes from, such as a pull request.", most=300, pattern="^https?://"),
            "spec": _SPEC,
            "reason": _REASON,
            "confirm": text("To delete, and to move what has data: the environment's name once more.", most=63),
            "capability": text("To upgrade: whose resources move.", most=64),
            "version": text("To upgrade: the exact version to move to.", most=64, example="1.2.0"),
            "resources": maybe(listed(_NAME, "To upgrade and to promote: which; all where it is left out.", most=100)),
            "revision": maybe(
                whole(
                    "To roll back: the revision to go back to. To promote: the revision to take, by default the one "
                    "that runs there.",
                    least=1,
                    most=2**31 - 1,
                )
            ),
            "from": text("To promote, and to create a copy: the environment to take from.", most=64),
            "cluster": text(
                "To move: the cluster to go to; where its stage would put it now, when it is left out.", most=30
            ),
            "until": text("To extend: a span such as 14d, or a date.", most=40, example="14d"),
            "not_before": text(
                "To promote: the moment from which it may start, UTC unless it names an offset. The windows of the "
                "stage apply as well.",
                most=40,
                example="2030-01-31T09:00:00+01:00",
            ),
            "patches": {
                "type": "object",
                "description": "To adopt drift: whole inputs by resource.",
                "additionalProperties": {"type": "object"},
                "maxProperties": 100,
            },
            "objects": maybe(
                listed(
                    text(most=330, example="Deployment/api"),
                    "To adopt and to revert drift: the objects that are meant; to revert, all where it is left out.",
                    most=200,
                )
            ),
            "base": maybe(
                whole("Revision that you edited; refused as stale when it moved on.", least=1, most=2**31 - 1)
            ),
        },
        about="One wish for one environment. `POST plans/` takes the same body and writes nothing.",
        closed=True,
        examples=(
            {
                "kind": "create",
                "system": "checkout",
                "environment": "try-out",
                "reason": "Try the new checkout",
                "spec": {
                    "stage": "dev",
                    "resources": {
                        "db": {"capability": "postgres@1", "inputs": {"storageGiB": 5}},
                        "api": {
                            "capability": "web-service@1",
                            "component": "checkout-api",
                            "inputs": {
                                "image": "registry.example/checkout-api:1.8.3",
                                "port": 8080,
                                "env": {"DATABASE_HOST": "${resources.db.outputs.host}"},
                            },
                        },
                    },
                },
            },
            {"kind": "promote", "system": "checkout", "environment": "prod", "from": "staging", "resources": ["api"]},
            {
                "kind": "upgrade",
                "system": "checkout",
                "environment": "try-out",
                "capability": "postgres",
                "version": "1.0.0",
            },
            {
                "kind": "create",
                "system": "checkout",
                "from": "try-out",
                "labels": {"slipway.dev/preview": "pr-123"},
                "images": {"checkout-api": "registry.example/checkout-api:pr-123"},
                "spec": {"expires": "3d"},
            },
            {"kind": "rollback", "system": "checkout", "environment": "try-out", "revision": 1},
            {"kind": "revert", "system": "checkout", "environment": "try-out", "objects": ["Deployment/api"]},
            {"kind": "sleep", "system": "checkout", "environment": "try-out"},
            {
                "kind": "move",
                "system": "checkout",
                "environment": "try-out",
                "cluster": "eu-2",
                "confirm": "try-out",
                "reason": "The old cluster goes",
            },
            {"kind": "extend", "system": "checkout", "environment": "try-out", "until": "14d"},
            {
                "kind": "delete",
                "system": "checkout",
                "environment": "try-out",
                "confirm": "try-out",
                "reason": "The experiment is over",
            },
        ),
    ),
)
FIELD_CHANGE = shape(
    "FieldChange",
    record(
        {"path": text()},
        {"before": {"description": "Any value."}, "after": {"description": "Any value."}, "effect": text()},
    ),
)
PLANNED_RESOURCE = shape(
    "PlannedResource",
    record(
        {
            "name": text(),
            "action": text(one_of=("added", "updated", "removed", "unchanged")),
            "fields": listed(ref(FIELD_CHANGE)),
            "cost_before": number(),
            "cost_after": number(),
        },
        {
            "capability": text(),
            "title": text(),
            "icon": text(),
            "contract_before": maybe(text()),
            "contract_after": maybe(text()),
            "component": maybe(text()),
            "effect": text("What that means, in a sentence."),
            "usage_before": ref("Usage"),
            "usage_after": ref("Usage"),
            "objects": listed(anything("id, kind, name, action, before, after"), "Only when asked for."),
        },
    ),
)
PLAN = shape(
    "Plan",
    record(
        {
            "kind": text(one_of=CHANGE_KINDS),
            "base": maybe(whole("Revision it starts from; null for a new environment.")),
            "resources": listed(ref(PLANNED_RESOURCE)),
            "counts": mapped(whole(), "added, updated, removed, unchanged"),
            "usage_before": ref("Usage"),
            "usage_after": ref("Usage"),
            "cost_before": number("Per month."),
            "cost_after": number("Per month."),
            "currency": text(),
        },
        {
            "expires_before": maybe(moment()),
            "expires_after": maybe(moment()),
            "stage": text(),
            "target_digest": maybe(text()),
            "base_digest": maybe(text()),
            "power_before": text(one_of=("awake", "asleep")),
            "power_after": text(one_of=("awake", "asleep")),
            "corrects": listed(anything("object, resource, fields, managers"), "Drift that a revert puts back."),
            "move": record(
                {
                    "from": mapped(text(), "cluster, namespace, isolation"),
                    "to": mapped(text(), "cluster, namespace, isolation"),
                    "back": flag("It returns to the place that it was leaving."),
                    "lost": listed(anything("resource, storage_gib"), "Data that is not moved."),
                    "outputs": listed(anything("resource, output, before, after"), "Outputs that become others."),
                },
                about="Of a move only.",
            ),
            "placement": record(
                {
                    "cluster": text(),
                    "why": text("In a sentence."),
                    "passed_over": listed(record({"cluster": text(), "why": text()})),
                },
                about="Where a new environment goes, why, and why not to the others that its stage allows.",
            ),
            "notes": listed(text(), "What to know before agreeing: what is lost, what is not copied."),
        },
        about="The difference between two revisions.",
    ),
)
VERDICT = shape(
    "Verdict",
    record(
        {
            "policy": text(),
            "title": text(),
            "outcome": text(one_of=("passes", "warns", "denies", "asks", "observes", "errors")),
            "message": text(),
            "remedy": text(),
            "mode": text(),
        },
        about="What one policy says.",
    ),
)
QUOTA_LINE = shape(
    "QuotaLine",
    record(
        {
            "dimension": text(),
            "label": text(),
            "unit": text(),
            "limit": maybe(number("Null: the team has no quota yet.")),
            "used": number(),
            "held": number("By open changes."),
            "asked": number("By this change, on top."),
            "left": maybe(number("After it.")),
        }
    ),
)
APPROVAL_NEEDED = shape(
    "ApprovalNeeded",
    record(
        {
            "source": text(example="team:maintainer"),
            "label": text(),
            "count": whole("How many people."),
            "policy": text(),
            "reason": text(),
            "who": listed(text(), "Usernames of who could."),
            "route": text("The route that asks; empty where the policy asks people directly."),
            "stage": text("The route's stage."),
        }
    ),
)
PLANNED = shape(
    "Planned",
    record(
        {
            "kind": text(one_of=ASKED_KINDS),
            "system": text(),
            "environment": text(),
            "stage": maybe(text()),
            "namespace": text(),
            "base": maybe(whole("Revision it starts from.")),
            "outcome": text(
                "What a submit would do: start at once, wait for people, be denied, be refused, or change nothing.",
                one_of=("starts", "waits", "denied", "invalid", "nothing"),
            ),
            "plan_digest": text(),
            "plan": maybe(ref(PLAN)),
            "verdicts": listed(ref(VERDICT)),
            "approvals": listed(ref(APPROVAL_NEEDED)),
            "quota": listed(ref(QUOTA_LINE)),
            "problems": listed(ref("FieldError"), "What to mend before it can be submitted."),
            "left_out": listed(text(), "Resources that are not in the plan because of a problem."),
            "warnings": listed(text(), "Versions in it that should be left, and why."),
        },
        {"dry_run": listed(anything("kind, name, resource, action, before, after"), "Only with `cluster=true`.")},
        about="What a change would do. Nothing was written.",
    ),
)

_CHANGE = {
    "id": whole(),
    "kind": text(one_of=CHANGE_KINDS),
    "state": text(one_of=CHANGE_STATES),
    "title": text(),
    "system": text(),
    "environment": text(),
    "stage": text(),
    "team": text(),
    "requester": text(),
    "via": text(),
    "reason": text(),
    "base": maybe(whole("Revision it starts from.")),
    "revision": maybe(whole("Revision it made.")),
    "plan_digest": text("Send it back with an approval: it says which plan you read."),
    "monthly_cost_before": number(),
    "monthly_cost_after": number(),
    "currency": text(),
    "created_at": moment(),
    "decided_at": maybe(moment()),
    "finished_at": maybe(moment()),
    "url": link(),
}
CHANGE = shape("Change", record(_CHANGE))
CHANGE_PAGE = page_of(CHANGE)
CHANGE_ASKED = shape(
    "ChangeAsked",
    {
        "allOf": [
            ref(CHANGE),
            record({}, {"links": mapped(text(form="uri-reference"), "Of a preview: its environment, and its page.")}),
        ]
    },
)
DECISION = shape(
    "Decision",
    record(
        {
            "username": text(),
            "on_behalf_of": maybe(text("Whom they stood in for.")),
            "verdict": text(one_of=("approve", "reject", "comment", "request-info")),
            "comment": text(),
            "plan_digest": text("The plan it was given for."),
            "at": moment(),
        }
    ),
)
APPROVAL = shape(
    "Approval",
    record(
        {
            "label": text(),
            "stage": text("The route's stage; empty where a policy asks people directly."),
            "state": text(one_of=("waiting", "approved", "rejected", "dismissed", "later", "skipped")),
            "reason": text(),
            "who": listed(text(), "Usernames of who could; “bob for ann” where bob stands in."),
            "waits_since": maybe(moment()),
            "escalates_at": maybe(moment("When others may decide too.")),
            "expires_at": maybe(moment("When the change gives up.")),
        }
    ),
)
CHANGE_EVENT = shape(
    "ChangeEvent",
    record(
        {
            "id": whole(),
            "change": whole(),
            "at": moment(),
            "actor": text(),
            "event": text(),
            "state": text(one_of=CHANGE_STATES),
            "text": text(),
        }
    ),
)
CHANGE_EVENT_PAGE = page_of(CHANGE_EVENT)
ASKED_BY_AGENT = shape(
    "AskedByAgent",
    record(
        {
            "name": text(),
            "owner": text("Username of the person for whom it acts."),
            "waits": flag("It waits for a co-signature."),
            "may_sign": flag("You may give it."),
            "signed_by": maybe(text("Who signed the plan that it has.")),
            "signed_at": maybe(moment()),
        },
        about="The agent that asked for a change.",
    ),
)
CHANGE_DETAIL = shape(
    "ChangeDetail",
    {
        "allOf": [
            ref(CHANGE),
            record(
                {
                    "plan": ref(PLAN),
                    "verdicts": listed(ref(VERDICT)),
                    "approvals": listed(ref(APPROVAL)),
                    "decisions": listed(ref(DECISION)),
                    "events": listed(ref(CHANGE_EVENT)),
                    "runs": listed(ref("Run"), "Newest first."),
                    "agent": maybe(ref(ASKED_BY_AGENT)),
                    "may_decide": flag("You may approve or reject it."),
                    "why_not": text("Why you may not; empty if you may."),
                    "stale": flag("The environment moved on since this was planned."),
                    "rollback_point": maybe(whole("Revision to which a rollback would lead.")),
                    "links": mapped(link(), "What can be done with it, and what it belongs to."),
                }
            ),
        ]
    },
)

_COMMENT = text("Said to everybody who reads the change.", most=4000)
_SAID = text("Said to everybody who reads the change.", least=1, most=4000)
APPROVE = shape(
    "Approve",
    record(
        {"plan_digest": text("Of the plan that you read.", pattern="^[0-9a-f]{64}$")},
        {"comment": _COMMENT},
        closed=True,
        examples=({"plan_digest": "0" * 64, "comment": "Looks right."},),
    ),
)
COSIGN = shape(
    "Cosign",
    record(
        {"plan_digest": text("Of the plan that you read.", pattern="^[0-9a-f]{64}$")},
        closed=True,
        examples=({"plan_digest": "0" * 64},),
    ),
)
REJECT = shape(
    "Reject",
    record(
        {
            "plan_digest": text("Of the plan that you read.", pattern="^[0-9a-f]{64}$"),
            "comment": text("Why, so that the requester can do better.", least=1, most=4000),
        },
        closed=True,
        examples=({"plan_digest": "0" * 64, "comment": "Too large for now."},),
    ),
)
COMMENT = shape("Comment", record({"comment": _SAID}, closed=True, examples=({"comment": "Which ticket is this?"},)))
NOTHING = shape("Nothing", record({}, closed=True, about="An empty object, or no body at all.", examples=({},)))

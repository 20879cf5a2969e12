"""Shapes of environments, their resources and revisions, runs and events."""

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
    text,
    whole,
)
from provisioning.domain.isolation import ISOLATIONS
from provisioning.domain.lifecycle import ENVIRONMENT_STATES, RESOURCE_STATES
from provisioning.domain.run import RUN_STATES, STEP_STATES

_ENVIRONMENT = {
    "system": text(example="checkout"),
    "name": text(example="staging"),
    "team": text("The owning team."),
    "stage": text(),
    "state": text(one_of=ENVIRONMENT_STATES),
    "unknown_since": maybe(moment("Since when its cluster has not answered; nobody knows then how it is.")),
    "namespace": text(example="checkout-staging"),
    "cluster": text(),
    "isolation": text("How far it is kept from others.", one_of=ISOLATIONS),
    "sandbox": flag("True: it is a simulation; nothing runs."),
    "revision": maybe(whole("Number of the desired revision.")),
    "observed_revision": maybe(whole("Number of the revision that the last successful run made.")),
    "usage": ref("Usage"),
    "monthly_cost": number("Per month, in the currency."),
    "currency": text(example="EUR"),
    "drifted": whole("How many of its objects drifted and wait for a decision.", least=0),
    "expires_at": maybe(moment()),
    "created_at": moment(),
    "changed_at": moment(),
    "deleted_at": maybe(moment()),
    "url": link(),
}
ENVIRONMENT = shape("Environment", record(_ENVIRONMENT))
ENVIRONMENT_PAGE = page_of(ENVIRONMENT)
RESOURCE = shape(
    "Resource",
    record(
        {
            "name": text(example="db"),
            "capability": text(example="postgres"),
            "title": text(),
            "contract": text("Version of the contract.", example="1.2.0"),
            "contract_state": text("State of that version; deprecated means: plan an upgrade."),
            "component": maybe(text()),
            "state": text(one_of=RESOURCE_STATES),
            "message": text(),
            "inputs": anything("As agreed, with defaults; references stand as expressions."),
            "outputs": anything("What others may use."),
            "secret_outputs": anything("Secret outputs, as references to a Secret; values never leave the cluster."),
            "depends_on": listed(text(), "Other resources it takes outputs from."),
            "usage": ref("Usage"),
            "monthly_cost": number(),
        }
    ),
)
RESOURCE_LIST = shape("ResourceList", record({"items": listed(ref(RESOURCE))}))
CONDITION = shape(
    "Condition", anything("type, status, reason, message and the time of the last transition, as Kubernetes has them.")
)
ENVIRONMENT_DOCUMENT = shape(
    "EnvironmentDocument",
    anything("The environment as a document (apiVersion, kind, metadata, spec): edit its spec and send an update."),
)
ENVIRONMENT_DETAIL = shape(
    "EnvironmentDetail",
    {
        "allOf": [
            ref(ENVIRONMENT),
            record(
                {
                    "power": text(one_of=("awake", "asleep")),
                    "conditions": listed(ref(CONDITION)),
                    "resources": listed(ref(RESOURCE)),
                    "document": ref(ENVIRONMENT_DOCUMENT),
                    "links": mapped(link(), "resources, revisions, changes, runs, events."),
                }
            ),
        ]
    },
)
REVISION = shape(
    "Revision",
    record(
        {
            "number": whole(least=1),
            "digest": text("SHA-256 of the canonical document."),
            "change": maybe(whole("Id of the change that made it.")),
            "created_at": moment(),
            "document": anything("The desired state, fully resolved."),
        }
    ),
)
REVISION_PAGE = page_of(REVISION)
_SIDE = record({"environment": text(), "revision": whole()})
COMPARISON = shape(
    "Comparison",
    record(
        {
            "before": _SIDE,
            "after": _SIDE,
            "counts": mapped(whole(), "added, updated, removed, unchanged"),
            "resources": listed(ref("PlannedResource")),
            "cost_before": number("Per month."),
            "cost_after": number("Per month."),
            "currency": text(),
        }
    ),
)

FAULT = shape(
    "Fault",
    record(
        {"code": text("Stable."), "message": text("What happened, in plain words.")},
        {
            "remedy": text("What to do next."),
            "raw": text("What the infrastructure answered."),
            "step": text("Key of the step that failed."),
            "title": text("Title of the step that failed."),
        },
        about="Why a run or a step failed.",
    ),
)
_RUN = {
    "id": whole(),
    "change": whole("Id of its change."),
    "system": text(),
    "environment": text(),
    "kind": text("What it does to the environment.", one_of=("apply", "delete")),
    "state": text(one_of=RUN_STATES),
    "revision": maybe(whole("Number of the revision it makes.")),
    "error": maybe(ref(FAULT)),
    "created_at": moment(),
    "started_at": maybe(moment()),
    "finished_at": maybe(moment()),
    "url": link(),
}
RUN = shape("Run", record(_RUN))
RUN_PAGE = page_of(RUN)
STEP = shape(
    "Step",
    record(
        {
            "key": text(example="apply:db"),
            "kind": text(),
            "title": text(),
            "detail": text(),
            "state": text(one_of=STEP_STATES),
            "needs": listed(text(), "Keys of the steps that come first."),
            "attempt": whole(),
            "message": text(),
            "error": maybe(ref(FAULT)),
            "due_at": maybe(moment("When it is looked at again.")),
            "started_at": maybe(moment()),
            "finished_at": maybe(moment()),
        }
    ),
)
RUN_DETAIL = shape(
    "RunDetail",
    {
        "allOf": [
            ref(RUN),
            record(
                {
                    "steps": listed(ref(STEP), "In order."),
                    "done_count": whole("Steps that are done."),
                    "elapsed_seconds": number(),
                    "may_cancel": flag("You may stop it now."),
                    "may_resume": flag("You may resume its change now."),
                    "links": mapped(link(), "change, environment, events."),
                }
            ),
        ]
    },
)
RUN_EVENT = shape(
    "RunEvent",
    record(
        {
            "id": whole("Grows within a run; `Last-Event-ID` of a stream."),
            "at": moment(),
            "level": text(),
            "step": text("Key of its step; empty for the run as a whole."),
            "text": text(),
        }
    ),
)
RUN_EVENT_PAGE = page_of(RUN_EVENT)

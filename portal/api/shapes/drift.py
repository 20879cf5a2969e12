"""Shapes of drift, and of what is decided about it."""

from __future__ import annotations

from portal.api.shapes.words import (
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
    whole,
)
from provisioning.models.observation import DRIFT_STATES

DRIFTED_FIELD = shape(
    "DriftedField",
    record(
        {
            "kind": text(one_of=("changed", "removed", "missing")),
            "path": text("Within the object; empty when all of it is missing.", example="spec.replicas"),
            "wanted": {"description": "What was agreed; any value."},
            "live": {"description": "What is there; any value, null when it is missing."},
            "manager": text("Who took the field, as managedFields names it.", example="kubectl"),
            "operation": text(),
            "at": maybe(moment("When they did.")),
        }
    ),
)
DRIFT = shape(
    "Drift",
    record(
        {
            "id": whole(),
            "system": text(),
            "environment": text(),
            "resource": text("Empty for what belongs to the environment as a whole."),
            "object": text("How a change names it.", example="Deployment/api"),
            "api_version": text(),
            "kind": text(),
            "namespace": text(),
            "name": text(),
            "fields": listed(ref(DRIFTED_FIELD)),
            "managers": text("Who caused it."),
            "caused_at": maybe(moment()),
            "seen_at": moment(),
            "state": text(one_of=DRIFT_STATES),
            "answered": flag("A change that decides on it is under way."),
            "decision": text("Empty until somebody decides.", one_of=("", "adopt", "revert", "report")),
            "automatic": flag("The platform itself decided."),
            "change": maybe(whole("Id of the change that decides on it.")),
            "snoozed_until": maybe(moment()),
            "reason": text(),
            "decided_by": maybe(text()),
            "decided_at": maybe(moment()),
            "url": link(),
        },
        about="One object that is no longer as it was agreed.",
    ),
)
DRIFT_PAGE = page_of(DRIFT)
DRIFT_DECISION = shape(
    "DriftDecision",
    record(
        {},
        {"reason": text("Kept with the change; the people who decide read it.", most=4000)},
        closed=True,
        examples=({"reason": "Agreed with the team on call"},),
    ),
)
DRIFT_SNOOZE = shape(
    "DriftSnooze",
    record(
        {
            "until": moment("Within 90 days."),
            "reason": text("Why it can wait.", least=1, most=400),
        },
        closed=True,
        examples=({"until": "2030-01-31T09:00:00Z", "reason": "A load test until Friday"},),
    ),
)

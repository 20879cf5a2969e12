"""Shapes of what Backstage's scaffolder reads and asks for."""

from __future__ import annotations

from portal.api.shapes.words import SLUG_PATTERN, anything, flag, link, record, shape, text, whole
from provisioning.domain.lifecycle import CHANGE_STATES

TEMPLATE = shape(
    "BackstageTemplate",
    record(
        {
            "apiVersion": text(one_of=("scaffolder.backstage.io/v1beta3",)),
            "kind": text(one_of=("Template",)),
            "metadata": anything("Name, title, description and tags."),
            "spec": anything("Owner, type, parameters, steps and output."),
        }
    ),
)
OUTCOME = shape(
    "BackstageOutcome",
    record(
        {
            "id": whole(),
            "state": text(one_of=CHANGE_STATES),
            "over": flag("False while it is under way or waits for people."),
            "message": text("In words."),
            "links": record({"change": link(), "run": link(), "environment": link()}),
        }
    ),
)
RESOURCE_REQUEST = shape(
    "ResourceRequest",
    record(
        {
            "name": text("Of the resource, new in the environment.", pattern=SLUG_PATTERN, most=31),
            "capability": text("With the version to use.", least=1, most=80, example="postgres@1"),
        },
        {
            "inputs": {"type": "object", "description": "As the contract takes them."},
            "component": text("Of the system, that it belongs to.", most=63),
            "reason": text("Why; the people who decide read it.", most=4000),
        },
        closed=True,
        examples=({"name": "reports", "capability": "postgres@1", "inputs": {"storageGiB": 5}},),
    ),
)

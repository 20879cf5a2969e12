"""Shapes of approval routes, of those who stand in for others, and of the report of rubber stamps."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    maybe,
    moment,
    number,
    page_of,
    record,
    shape,
    slug,
    text,
    whole,
)

STATES = ("draft", "active", "retired")
ROUTE_DOCUMENT = shape(
    "ApprovalRouteDocument",
    record(
        {
            "apiVersion": text(one_of=("slipway.dev/v1",)),
            "kind": text(one_of=("ApprovalRoute",)),
            "metadata": record({"name": slug("Names the route for ever.", "production")}),
            "spec": anything("title, order, stages …; its full schema is at /api/v1/schemas/approval-route.json."),
        },
        about="An approval route as it is written, in JSON or YAML.",
        closed=True,
        examples=(
            {
                "apiVersion": "slipway.dev/v1",
                "kind": "ApprovalRoute",
                "metadata": {"name": "production"},
                "spec": {
                    "title": "Into production",
                    "stages": [
                        {"name": "Team", "approvers": [{"from": "team:maintainer"}]},
                        {"name": "Owners", "approvers": [{"from": "capabilities"}]},
                    ],
                },
            },
        ),
    ),
)
ROUTE = shape(
    "ApprovalRoute",
    record(
        {
            "name": text(),
            "title": text(),
            "state": text(one_of=STATES),
            "asked_by": listed(text(), "Names of the policies that ask for it."),
            "version": whole(least=1),
            "updated_at": moment(),
            "updated_by": maybe(text("User name.")),
            "document": anything("The route as it is written."),
            "url": link(),
        }
    ),
)
ROUTE_PAGE = page_of(ROUTE)
RESTORE = shape(
    "ApprovalRouteRestore",
    record({"version": whole("Which version to take back.", least=1)}, closed=True, examples=({"version": 1},)),
)
DELEGATION = shape(
    "StandIn",
    record(
        {
            "id": whole(least=1),
            "person": text("Whose right it is."),
            "stand_in": text("Who decides in their place."),
            "starts_at": moment(),
            "ends_at": moment(),
            "reason": text(),
            "withdrawn_at": maybe(moment()),
        }
    ),
)
DELEGATION_PAGE = page_of(DELEGATION)
NEW_DELEGATION = shape(
    "NewStandIn",
    record(
        {
            "stand_in": text("Who decides in your place.", most=150, least=1),
            "starts_at": moment("From when on."),
            "ends_at": moment("Until when, at most 92 days later."),
        },
        {
            "reason": text("Why.", most=200),
            "person": text("Whose place it is, when a platform admin arranges it.", most=150),
        },
        closed=True,
        examples=(
            {
                "stand_in": "ann",
                "starts_at": "2030-07-01T00:00:00Z",
                "ends_at": "2030-07-15T00:00:00Z",
                "reason": "Holiday",
            },
        ),
    ),
)
GATES = shape(
    "RubberStamps",
    record(
        {
            "items": listed(
                record(
                    {
                        "policy": text(),
                        "route": text("Empty where the policy asks people directly."),
                        "stage": text(),
                        "source": text("Who is asked."),
                        "agreed": whole(least=0),
                        "refused": whole(least=0),
                        "median_seconds": number("From asking to agreement."),
                        "rubber_stamp": flag("Never refused, and nearly always agreed to at once."),
                    }
                )
            )
        }
    ),
)

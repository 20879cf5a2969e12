"""Shapes of replays: what a policy, limits or an approval route would have done to recorded changes."""

from __future__ import annotations

from portal.api.shapes.administration import CEILINGS, DIMENSIONS, POLICY_DOCUMENT
from portal.api.shapes.approvals import ROUTE_DOCUMENT
from portal.api.shapes.words import flag, link, listed, mapped, maybe, moment, page_of, record, ref, shape, text, whole

OUTCOMES = ("denies", "errors", "asks", "warns", "admits", "passes", "outside", "unrecorded")
STRUCK = OUTCOMES[:5]
_COUNTS = mapped(whole(), "How many changes, by outcome; what does not occur is left out.")
_DAYS = whole("How far to look back; 30 if left out.", least=1, most=366)

REPLAY_ASK = shape(
    "PolicyReplayAsk",
    record(
        {},
        {
            "policy": text("Name of a policy; or send `document`.", most=60),
            "version": whole("Of the policy; the newest if left out.", least=1, most=2_147_483_647),
            "document": ref(POLICY_DOCUMENT),
            "days": _DAYS,
        },
        closed=True,
        examples=({"policy": "prod-needs-two", "days": 30},),
    ),
)
ROUTE_REPLAY_ASK = shape(
    "RouteReplayAsk",
    record(
        {},
        {
            "route": text("Name of an approval route; or send `document`.", most=60),
            "version": whole("Of the route; the newest if left out.", least=1, most=2_147_483_647),
            "document": ref(ROUTE_DOCUMENT),
            "days": _DAYS,
        },
        closed=True,
        examples=({"route": "production", "days": 30},),
    ),
)
QUOTA_REPLAY_ASK = shape(
    "QuotaReplayAsk",
    record(
        {"team": text("Slug.", most=63)},
        {**DIMENSIONS, "ceilings": CEILINGS, "days": _DAYS},
        closed=True,
        examples=({"team": "payments", "cpu": 12, "days": 90},),
    ),
)
REPLAY = shape(
    "PolicyReplay",
    record(
        {
            "id": whole(),
            "subject": text("What was replayed.", one_of=("policy", "quota", "route")),
            "policy": text("Its name; of a quota the team's, of a route the route's."),
            "version": maybe(whole("Null for a draft, and for a quota.")),
            "days": whole(),
            "since": moment(),
            "state": text(one_of=("queued", "running", "succeeded", "failed")),
            "error": maybe(text("Why it failed; ask again and it goes on.")),
            "changes": whole("In these days."),
            "changes_done": whole("Judged so far."),
            "counts": _COUNTS,
            "denied_then": whole("Of those that it would have denied: so many did not get through anyway."),
            "peaks": listed(
                record({key: text() for key in ("name", "label", "unit", "limit", "most")} | {"at": moment()}),
                "Of a quota: how high each limit was used; figures as text.",
            ),
            "teams": listed(record({"team": text("Slug."), "counts": _COUNTS})),
            "hidden": whole("Rows of systems that you may not see."),
            "asked_at": moment(),
            "started_at": maybe(moment()),
            "finished_at": maybe(moment()),
            "url": link(),
            "items_url": link(),
            "page": link("In the portal."),
        }
    ),
)
REPLAY_ITEM = shape(
    "PolicyReplayItem",
    record(
        {
            "change": whole(),
            "title": text(),
            "team": text(),
            "system": text(),
            "environment": text(),
            "stage": text(),
            "kind": text(),
            "requester": text(),
            "at": moment(),
            "outcome": text(one_of=STRUCK),
            "message": text("What the requester would have read; why it cannot be evaluated."),
            "denied_then": flag("It did not get through then either."),
            "url": link("The change."),
        }
    ),
)
REPLAY_ITEM_PAGE = page_of(REPLAY_ITEM)

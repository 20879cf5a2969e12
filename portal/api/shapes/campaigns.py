"""Shapes of campaigns: what one is to do, how far it is, each environment's part."""

from __future__ import annotations

from portal.api.shapes.words import (
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
from provisioning.domain.campaign import CAMPAIGN_STATES, ITEM_STATES, WAVE_STATES
from provisioning.domain.campaign_layout import ORDERS

_HOURS = 2160
PACE = shape(
    "CampaignPace",
    record(
        {},
        {
            "interval_hours": number(
                "Between the announced moments of two waves; 24 if left out.", least=0, most=_HOURS
            ),
            "soak_hours": number("Least quiet time after a wave has settled; 1.", least=0, most=_HOURS),
            "patience_hours": number("How long a wave waits for approvals; 72.", least=0, most=_HOURS),
            "threshold": whole("Percent of a wave that may fail; 20. Beyond it the campaign pauses.", least=0, most=99),
            "postpone_days": whole("How much later than announced owners may take it; 14.", least=0, most=180),
            "at_once": whole("Environments that move side by side; 10.", least=1, most=100),
        },
        closed=True,
    ),
)
CAMPAIGN_REQUEST = shape(
    "CampaignRequest",
    record(
        {
            "capability": text(most=40, example="web-service"),
            "target": text("The version to move to.", most=40, example="1.1.0"),
            "starts_at": moment("When the first wave begins, at the earliest."),
        },
        {
            "sources": listed(text(most=40), "Versions to leave; every older one in use if left out.", most=50),
            "title": text("A plain one if left out.", most=120),
            "reason": text("Owners read it with their day.", most=2000),
            "order": text("How environments are laid out into waves; stage if left out.", one_of=ORDERS),
            "shares": listed(
                whole(least=1, most=100), "Cumulative percentages, for order percentage; 10, 50, 100.", most=50
            ),
            "first": listed(text(most=30), "Stages or teams that come before the others.", most=100),
            "pace": ref(PACE),
        },
        closed=True,
        examples=(
            {
                "capability": "web-service",
                "target": "1.1.0",
                "starts_at": "2026-11-28T09:00:00Z",
                "order": "stage",
                "pace": {"interval_hours": 48, "threshold": 10},
            },
        ),
    ),
)
_COUNTS = mapped(
    {"type": "integer"}, "How many environments are in which state; those you may not see are counted too."
)
WAVE = shape(
    "CampaignWave",
    record(
        {
            "number": whole(),
            "title": text(),
            "state": text(one_of=WAVE_STATES),
            "planned_at": moment("The moment that was announced; it never begins before."),
            "started_at": maybe(moment()),
            "settled_at": maybe(moment("When nothing of it moved any more.")),
            "environments": _COUNTS,
        }
    ),
)
CAMPAIGN = shape(
    "Campaign",
    record(
        {
            "id": whole(),
            "title": text(),
            "reason": text(),
            "capability": text(),
            "sources": listed(text()),
            "target": text(),
            "order": text(one_of=ORDERS),
            "state": text(one_of=CAMPAIGN_STATES),
            "state_reason": text("Why it paused or was cancelled."),
            "starts_at": moment(),
            "started_at": maybe(moment()),
            "finished_at": maybe(moment()),
            "created_by": maybe(text()),
            "url": link(),
            "page": link("In the portal."),
        }
    ),
)
CAMPAIGN_PAGE = page_of(CAMPAIGN)
CAMPAIGN_DETAIL = shape(
    "CampaignDetail",
    {
        "allOf": [
            ref(CAMPAIGN),
            record(
                {
                    "pace": ref(PACE),
                    "waves": listed(ref(WAVE)),
                    "environments": _COUNTS,
                    "items_url": link("Each environment with its state and reason."),
                }
            ),
        ]
    },
)
ITEM = shape(
    "CampaignItem",
    record(
        {
            "id": whole(),
            "system": text(),
            "environment": text(),
            "team": text("Slug of the owning team."),
            "stage": text(),
            "resources": listed(text(), "What moves there."),
            "wave": whole(),
            "state": text(one_of=ITEM_STATES),
            "reason": text("Why it is where it is, in words; empty where the state says all."),
            "due_at": moment("When it moves, or was to."),
            "latest": moment("How far its people may postpone."),
            "asked_by": text("Who of its people asked for the change themselves; empty when the campaign did."),
            "change": maybe(link()),
            "rollback": maybe(link("The change that took the move back.")),
            "may_take": flag("You may move it now."),
            "may_postpone": flag("You may choose another moment."),
        }
    ),
)
ITEM_PAGE = page_of(ITEM)
CAMPAIGN_PREVIEW = shape(
    "CampaignPreview",
    record(
        {
            "sources": listed(text()),
            "target": text(),
            "waves": listed(
                record(
                    {
                        "number": whole(),
                        "title": text(),
                        "planned_at": moment(),
                        "size": whole("Environments, with those you may not see."),
                        "environments": listed(text(), "system/environment, those you may see."),
                        "need_a_person": mapped(text(), "Those that do not move by themselves, with why."),
                    }
                )
            ),
        },
        about="The waves as they would be now.",
    ),
)
REASON = shape(
    "CampaignReason",
    record(
        {},
        {"reason": text("Why; people read it.", most=300)},
        closed=True,
        examples=({"reason": "Sessions are lost with 1.1.0; a fix is on its way."},),
    ),
)
POSTPONE = shape(
    "CampaignPostpone",
    record(
        {"until": moment("When to move instead, not after `latest`.")},
        closed=True,
        examples=({"until": "2026-12-01T09:00:00Z"},),
    ),
)

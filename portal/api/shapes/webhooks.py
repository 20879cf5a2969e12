"""Shapes of webhooks: endpoints, deliveries, and the events that are sent."""

from __future__ import annotations

from governance.domain.event import CHOICES, EVENT_TYPES, MEDIA
from governance.domain.notice_ways import TOLD
from governance.domain.webhook import DELIVERY_STATES, KINDS, STATES
from portal.api.shapes.words import (
    Schema,
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

TYPES = tuple(one.key for one in CHOICES)
_NAME = text("What people call it; once for each team.", least=1, most=80, example="Deploy bot")
_URL = text("Where it listens. Never given back for chat.", least=8, most=2000, example="https://hooks.example.com/in")
_EVENTS = listed(text(one_of=TYPES), "Types that it gets; none for all but those that are explicit.", most=len(TYPES))

_NOTICES = listed(
    text(one_of=tuple(TOLD)), "Kinds of notices that it gets with notice.told; none for all of them.", most=len(TOLD)
)

WEBHOOK = shape(
    "Webhook",
    record(
        {
            "id": whole(),
            "name": text(),
            "kind": text("webhook, slack or teams.", one_of=KINDS),
            "team": maybe(text("Who owns it; null for the organisation.")),
            "system": maybe(text("The only system that it is told of; null for all of its team.")),
            "events": listed(text(), "Types that it gets; empty for all but those that are explicit."),
            "notices": listed(text(), "Kinds of notices that it gets with notice.told; empty for all of them."),
            "url": text("Its address without what is secret in it."),
            "state": text("active, paused by a person, or disabled after three days of failures.", one_of=STATES),
            "reason": text("Why it is told nothing; empty while it is."),
            "failing_since": maybe(moment("The first failure since anything was taken.")),
            "both_sign_until": maybe(moment("Until then the secret before signs too.")),
            "created_by": maybe(text()),
            "created_at": moment(),
        }
    ),
)
WEBHOOK_PAGE = page_of(WEBHOOK)
WEBHOOK_CREATE = shape(
    "WebhookCreate",
    record(
        {"name": _NAME, "url": _URL},
        {
            "kind": text("webhook if left out.", one_of=KINDS),
            "team": slug("Who owns it. Left out: the organisation, for platform admins.", "payments"),
            "system": slug("The only system that it is told of.", "checkout"),
            "events": _EVENTS,
            "notices": _NOTICES,
        },
        closed=True,
        examples=(
            {
                "name": "Deploy bot",
                "url": "https://hooks.example.com/in",
                "team": "payments",
                "events": ["run.failed", "environment.ready"],
            },
        ),
    ),
)
WEBHOOK_EDIT = shape(
    "WebhookEdit",
    record(
        {},
        {"name": _NAME, "url": _URL, "events": _EVENTS, "notices": _NOTICES},
        closed=True,
        examples=({"events": []},),
    ),
)
WEBHOOK_MADE = shape(
    "WebhookMade",
    record(
        {
            "webhook": ref(WEBHOOK),
            "secret": text("whsec_ and base64: shown this once. Empty for chat, which is not signed."),
        }
    ),
)
_DELIVERY: dict[str, Schema] = {
    "id": whole(),
    "event": text("The CloudEvent's id, and every attempt's webhook-id."),
    "type": text(),
    "subject": text("What it is about, as checkout/staging."),
    "state": text("due, sending, delivered, failed (given up) or dropped (switched off).", one_of=DELIVERY_STATES),
    "happened_at": moment(),
    "next_attempt_at": maybe(moment()),
    "settled_at": maybe(moment()),
    "attempts": whole("Since it was made or replayed."),
    "tries": whole("All of them."),
    "status": maybe(whole("Of the last answer; null where nobody answered.")),
    "outcome": text("What came of the last attempt, in words."),
}
DELIVERY = shape("WebhookDelivery", record(_DELIVERY))
DELIVERY_PAGE = page_of(DELIVERY)
DELIVERY_DETAIL = shape(
    "WebhookDeliveryDetail",
    record(
        {
            **_DELIVERY,
            "body": anything("The CloudEvent; of chat the message's data."),
            "log": listed(
                record(
                    {
                        "at": moment(),
                        "status": maybe(whole()),
                        "outcome": text(),
                        "headers": mapped(text(), "Of the request, without its signature."),
                        "answer": text("Its first 2,000 characters."),
                        "milliseconds": whole(),
                    }
                ),
                "Attempts, newest first; the last fifty.",
            ),
        }
    ),
)
REPLAY = shape(
    "WebhookReplay",
    record(
        {"since": moment("What happened from then on."), "until": moment("And before then.")},
        {"every": flag("Also what was taken; if left out, only what was not.")},
        closed=True,
        examples=({"since": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z"},),
    ),
)
REPLAYED = shape("WebhookReplayed", record({"deliveries": whole("How many are sent again.")}))
EVENT_TYPE = shape(
    "EventType",
    record(
        {
            "key": text("As filters name it.", example="run.failed"),
            "type": text("As the CloudEvent names it.", example="dev.slipway.run.failed"),
            "title": text("When it is sent."),
            "group": text(),
            "explicit": flag("Sent only where it is asked for by name, and not where nothing is chosen."),
            "schema": link("JSON Schema of its data."),
            "example": anything("Data of such an event."),
        }
    ),
)
EVENT_TYPES_LIST = shape("EventTypes", record({"items": listed(ref(EVENT_TYPE))}))


def outgoing(base_url: str) -> dict[str, Schema]:
    """The document's ``webhooks``: one for each type of event."""
    return {one.key: {"post": _sent(one.key, base_url)} for one in EVENT_TYPES.values()}


def _sent(key: str, base_url: str) -> Schema:
    one = EVENT_TYPES[key]
    headers = {
        "webhook-id": "The event's id, the same for every attempt.",
        "webhook-timestamp": "Seconds since 1970 of the attempt.",
        "webhook-signature": "`v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`; several with spaces between.",
    }
    envelope = record(
        {
            "specversion": {"type": "string", "const": "1.0"},
            "id": text(),
            "source": text("The installation.", form="uri-reference"),
            "type": {"type": "string", "const": one.wire},
            "time": moment(),
            "datacontenttype": {"type": "string", "const": "application/json"},
            "dataschema": text(form="uri"),
            "data": {**one.schema, "examples": [one.example]},
        },
        {"subject": text("What it is about.")},
    )
    return {
        "operationId": f"on_{key.replace('.', '_').replace('-', '_')}",
        "summary": f"{one.title}.",
        "tags": ["Webhooks"],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": about, "schema": {"type": "string"}}
            for name, about in headers.items()
        ],
        "requestBody": {"required": True, "content": {MEDIA: {"schema": envelope}}},
        "responses": {
            "2XX": {"description": "Taken. Anything else is tried again over three days."},
            "410": {"description": "Send nothing any more."},
        },
    }

"""Webhooks out: endpoints of teams and of the organisation, the log of what they were sent, and sending it again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from governance.domain.event import EVENT_TYPES, EventType, cloud_event, schema_document
from governance.domain.webhook import DELIVERY_STATES
from governance.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from governance.selectors import webhooks as reading
from governance.services import webhooks as services
from idp.catalog.selectors import team_get
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import answer, created, empty, listing, moment, versioned
from portal.api.endpoint import Endpoint, PublicEndpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import webhooks as shapes
from portal.api.shapes.capabilities import SCHEMA_DOCUMENT
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import slug, text

AREA = "Webhooks"
WHO = "Maintainers of the team, and platform admins; of the organisation's, platform admins."


class Webhooks(Endpoint):
    @operation(
        "webhooks_list",
        "List endpoints",
        area=AREA,
        answers={200: shapes.WEBHOOK_PAGE},
        query=(Query("team", slug("Only this team's.")), *PAGED),
        about=f"Those that one manages. {WHO}",
    )
    def get(self, request: Request) -> HttpResponse:
        team = team_get(self.rights, self.query["team"]) if "team" in self.query else None
        rows = reading.endpoints_managed(self.rights, team=team)
        return listing(request, self.query, rows, ("name", "id"), webhook_row)

    @operation(
        "webhooks_create",
        "Make an endpoint",
        area=AREA,
        answers={201: shapes.WEBHOOK_MADE},
        body=shapes.WEBHOOK_CREATE,
        scope="admin",
        about=f"Its secret is in this answer and nowhere else. {WHO}",
    )
    def post(self, request: Request) -> HttpResponse:
        sent = self.sent
        row, secret = services.webhook_create(
            self.actor,
            name=sent["name"],
            kind=sent.get("kind", "webhook"),
            url=sent["url"],
            team=_of_body("team", lambda: reading.team_named(sent.get("team", ""))),
            system=_of_body("system", lambda: reading.system_named(self.rights, sent.get("system", ""))),
            events=sent.get("events", ()),
            notices=sent.get("notices", ()),
            now=clock.now(),
        )
        made = reading.endpoint_get(self.rights, row.pk, scope="admin")
        return created({"webhook": webhook_row(made), "secret": secret}, paths.webhook(row.pk))


class OneWebhook(Endpoint):
    @operation("webhooks_read", "Read an endpoint", area=AREA, answers={200: shapes.WEBHOOK}, versioned=True, about=WHO)
    def get(self, request: Request, webhook_id: int) -> HttpResponse:
        row = reading.endpoint_get(self.rights, webhook_id)
        return versioned(webhook_row(row), row.version)

    @operation(
        "webhooks_edit",
        "Change an endpoint",
        area=AREA,
        answers={200: shapes.WEBHOOK},
        body=shapes.WEBHOOK_EDIT,
        scope="admin",
        versioned=True,
        about=f"What is left out stays as it is. {WHO}",
    )
    def patch(self, request: Request, webhook_id: int) -> HttpResponse:
        row = reading.endpoint_get(self.rights, webhook_id, scope="admin")
        version = require_if_match(request, row.version)
        row = services.webhook_update(self.actor, webhook_id, version=version, now=clock.now(), **self.sent)
        return versioned(webhook_row(row), row.version)

    @operation(
        "webhooks_delete",
        "Remove an endpoint",
        area=AREA,
        answers={204: None},
        scope="admin",
        versioned=True,
        about=f"With its log. {WHO}",
    )
    def delete(self, request: Request, webhook_id: int) -> HttpResponse:
        require_if_match(request, reading.endpoint_get(self.rights, webhook_id, scope="admin").version)
        services.webhook_delete(self.actor, webhook_id, now=clock.now())
        return empty()


class WebhookRotate(Endpoint):
    @operation(
        "webhooks_rotate",
        "Give an endpoint a new secret",
        area=AREA,
        answers={200: shapes.WEBHOOK_MADE},
        body=NOTHING,
        scope="admin",
        about=f"The secret before signs too for 24 hours. {WHO}",
    )
    def post(self, request: Request, webhook_id: int) -> HttpResponse:
        row, secret = services.webhook_rotate(self.actor, webhook_id, now=clock.now())
        return answer({"webhook": webhook_row(row), "secret": secret})


def _switch(verb: str, summary: str, about: str) -> type[Endpoint]:
    """An endpoint that switches one off or on."""

    class Switch(Endpoint):
        @operation(
            f"webhooks_{verb}",
            summary,
            area=AREA,
            answers={200: shapes.WEBHOOK},
            body=NOTHING,
            scope="admin",
            problems=(409,),
            about=f"{about} {WHO}",
        )
        def post(self, request: Request, webhook_id: int) -> HttpResponse:
            row = getattr(services, f"webhook_{verb}")(self.actor, webhook_id, now=clock.now())
            return answer(webhook_row(row))

    return Switch


WebhookPause = _switch("pause", "Tell an endpoint nothing for now", "What waits is not sent, and can be replayed.")
WebhookResume = _switch("resume", "Tell an endpoint again", "From now on; replay what it missed.")
WebhookTakeBack = _switch(
    "take_back", "Take the last edit of an endpoint back", "All that it changed is as before; can be taken back."
)


class WebhookTest(Endpoint):
    @operation(
        "webhooks_test",
        "Send a test event",
        area=AREA,
        answers={202: shapes.DELIVERY},
        body=NOTHING,
        scope="admin",
        problems=(409,),
        about=f"webhook.test, whatever it asked for. {WHO}",
    )
    def post(self, request: Request, webhook_id: int) -> HttpResponse:
        delivery = services.webhook_test(self.actor, webhook_id, now=clock.now())
        return created(delivery_row(delivery), paths.delivery(webhook_id, delivery.pk), status=202)


class WebhookReplayPeriod(Endpoint):
    @operation(
        "webhooks_replay",
        "Send a period again",
        area=AREA,
        answers={200: shapes.REPLAYED},
        body=shapes.REPLAY,
        scope="admin",
        problems=(409,),
        about=f"What happened in that time and was not taken, each with the webhook-id it had. {WHO}",
    )
    def post(self, request: Request, webhook_id: int) -> HttpResponse:
        number = services.webhook_replay_period(
            self.actor,
            webhook_id,
            since=_moment("since", self.sent["since"]),
            until=_moment("until", self.sent["until"]),
            every=self.sent.get("every", False),
            now=clock.now(),
        )
        return answer({"deliveries": number})


class Deliveries(Endpoint):
    @operation(
        "webhooks_deliveries",
        "Read an endpoint's log",
        area=AREA,
        answers={200: shapes.DELIVERY_PAGE},
        query=(
            Query("state", text("Only those in this state.", one_of=DELIVERY_STATES)),
            Query("type", text("Only of this type.", one_of=tuple(EVENT_TYPES))),
            *PAGED,
        ),
        about=f"Newest first. {WHO}",
    )
    def get(self, request: Request, webhook_id: int) -> HttpResponse:
        endpoint = reading.endpoint_get(self.rights, webhook_id)
        rows = reading.deliveries_of(endpoint, state=self.query.get("state", ""), kind=self.query.get("type", ""))
        return listing(request, self.query, rows, reading.DELIVERY_ORDER, delivery_row)


class OneDelivery(Endpoint):
    @operation(
        "webhooks_delivery",
        "Read a delivery",
        area=AREA,
        answers={200: shapes.DELIVERY_DETAIL},
        about=f"With its body and its attempts. {WHO}",
    )
    def get(self, request: Request, webhook_id: int, delivery_id: int) -> HttpResponse:
        delivery = reading.delivery_get(reading.endpoint_get(self.rights, webhook_id), delivery_id)
        event = delivery.event
        body = cloud_event(
            event.uid,
            event.type,
            subject=event.subject,
            at=event.at,
            data=event.data,
            base_url=settings.BASE_URL,
        )
        log = [_attempt(one) for one in reading.attempts_of(delivery)]
        return answer({**delivery_row(delivery), "body": body, "log": log})


class DeliveryReplay(Endpoint):
    @operation(
        "webhooks_delivery_replay",
        "Send a delivery again",
        area=AREA,
        answers={202: shapes.DELIVERY},
        body=NOTHING,
        scope="admin",
        problems=(409,),
        about=f"With the webhook-id it had. {WHO}",
    )
    def post(self, request: Request, webhook_id: int, delivery_id: int) -> HttpResponse:
        services.webhook_replay(self.actor, webhook_id, delivery_id, now=clock.now())
        delivery = WebhookDelivery.objects.select_related("event").get(pk=delivery_id)
        return created(delivery_row(delivery), paths.delivery(webhook_id, delivery_id), status=202)


class EventTypes(PublicEndpoint):
    @operation(
        "event_types_list",
        "List types of events",
        area=AREA,
        answers={200: shapes.EVENT_TYPES_LIST},
        scope=None,
        about="What endpoints can ask for, each with its schema. Needs no identity.",
    )
    def get(self, request: Request) -> HttpResponse:
        return answer({"items": [_type(one) for one in EVENT_TYPES.values()]})


class EventTypeSchema(PublicEndpoint):
    @operation(
        "event_types_schema",
        "Read the schema of a type of event",
        area=AREA,
        answers={200: SCHEMA_DOCUMENT},
        scope=None,
        about="JSON Schema 2020-12 of the event's data; an event's dataschema leads here.",
    )
    def get(self, request: Request, event_type: str) -> HttpResponse:
        if event_type not in EVENT_TYPES:
            raise NotFound(f"There is no type of event “{event_type[:60]}”.")
        response = answer(schema_document(event_type, settings.BASE_URL))
        response["Content-Type"] = "application/schema+json"
        response["Cache-Control"] = "public, max-age=3600"
        return response


def webhook_row(row: WebhookEndpoint) -> dict[str, Any]:
    both = row.old_until if row.old_until and row.old_until > clock.now() else None
    return {
        "id": row.pk,
        "name": row.name,
        "kind": row.kind,
        "team": row.team.slug if row.team else None,
        "system": row.system.slug if row.system else None,
        "events": row.events,
        "notices": row.notices,
        "url": row.shown,
        "state": row.state,
        "reason": row.reason,
        "failing_since": moment(row.failing_since),
        "both_sign_until": moment(both),
        "created_by": row.created_by.username if row.created_by else None,
        "created_at": moment(row.created_at),
    }


def delivery_row(row: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": row.pk,
        "event": row.event.uid,
        "type": row.event.type,
        "subject": row.event.subject,
        "state": row.state,
        "happened_at": moment(row.happened_at),
        "next_attempt_at": moment(row.due_at),
        "settled_at": moment(row.settled_at),
        "attempts": row.attempts,
        "tries": row.tries,
        "status": row.status,
        "outcome": row.outcome,
    }


def _attempt(row: WebhookAttempt) -> dict[str, Any]:
    return {
        "at": moment(row.at),
        "status": row.status,
        "outcome": row.outcome,
        "headers": row.headers,
        "answer": row.answer,
        "milliseconds": row.milliseconds,
    }


def _type(one: EventType) -> dict[str, Any]:
    return {
        "key": one.key,
        "type": one.wire,
        "title": one.title,
        "group": one.group,
        "explicit": one.explicit,
        "schema": paths.event_schema(one.key),
        "example": one.example,
    }


def _of_body(name: str, found: Any) -> Any:
    """What a member of the body names; one that is not there is a fault of the body, not of the address."""
    try:
        return found()
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError(name, error.message)]) from None


def _moment(name: str, value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = "Use a moment with a time zone, such as 2026-11-22T09:30:00Z."
        raise InvalidInput(message, errors=[FieldError(name, message)])
    return found

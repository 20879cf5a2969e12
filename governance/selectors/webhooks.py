"""Endpoints of webhooks and chat: who gets an event, who may see and manage an endpoint, and what became of events."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from governance.access import MANAGE_TEAM, Rights
from governance.models import OutgoingEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from idp.catalog.models import System, Team
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared

DELIVERY_ORDER = ("-id",)


@Prepared
def listening(system: int, team: int, restricted: bool) -> QuerySet[WebhookEndpoint]:
    """Endpoints that may be told of what happens in a system of that team.

    Those of the organisation and of the team; those of other teams only where they name the system, and never when it
    is restricted.
    """
    mine = Q(team=None) | Q(team=team)
    if not restricted:
        mine |= Q(system=system)
    return WebhookEndpoint.objects.filter(mine, Q(system=None) | Q(system=system), state="active").order_by()


def listening_widely() -> QuerySet[WebhookEndpoint]:
    """Endpoints that hear of more than one system, and so of what is of none."""
    return WebhookEndpoint.objects.filter(system=None, state="active").order_by()


def listening_to(event: OutgoingEvent) -> list[WebhookEndpoint]:
    """Endpoints that an event goes to, by what its system is now; its own one for a test."""
    if event.only_id is not None:
        return list(WebhookEndpoint.objects.filter(pk=event.only_id, state="active"))
    system = event.system
    if system is None:
        return list(listening_widely().filter(team=event.team_id))
    return list(listening(system=system.pk, team=system.team_id, restricted=system.restricted))


def may_be_told(endpoint: WebhookEndpoint, event: OutgoingEvent) -> bool:
    """Whether the endpoint's team may still see what the event is about; asked again at every attempt."""
    if event.only_id is not None:
        return event.only_id == endpoint.pk
    system = event.system
    if system is None:
        return endpoint.system_id is None and endpoint.team_id == event.team_id
    if endpoint.team_id is None or endpoint.team_id == system.team_id:
        return endpoint.system_id in (None, system.pk)
    return not system.restricted and endpoint.system_id == system.pk


def endpoints_managed(rights: Rights, *, team: Team | None = None, scope: str = "read") -> QuerySet[WebhookEndpoint]:
    """Endpoints that the person manages: of teams that they maintain; all of them for a platform admin.

    ``team`` keeps one team's. Forbidden for a token without ``scope``; nothing for one bound to systems.
    """
    rights.require_scope(scope)
    rows = WebhookEndpoint.objects.select_related("team", "system", "created_by")
    if rights.actor.systems:
        return rows.none()
    if not rights.is_admin:
        rows = rows.filter(team__in=[key for key, held in rights.teams.items() if MANAGE_TEAM in held])
    return rows if team is None else rows.filter(team=team)


def endpoint_get(rights: Rights, endpoint_id: int, *, scope: str = "read") -> WebhookEndpoint:
    """One that the person manages; NotFound otherwise, also for one of another team."""
    found = endpoints_managed(rights, scope=scope).filter(pk=endpoint_id).first()
    if found is None:
        raise NotFound("There is no such endpoint that you manage.")
    return found


def deliveries_of(endpoint: WebhookEndpoint, *, state: str = "", kind: str = "") -> QuerySet[WebhookDelivery]:
    """An endpoint's log, newest first, to be paged by ``DELIVERY_ORDER``."""
    rows = WebhookDelivery.objects.filter(endpoint=endpoint).select_related("event").order_by(*DELIVERY_ORDER)
    if state:
        rows = rows.filter(state=state)
    return rows.filter(event__type=kind) if kind else rows


def delivery_get(endpoint: WebhookEndpoint, delivery_id: int) -> WebhookDelivery:
    found = deliveries_of(endpoint).filter(pk=delivery_id).first()
    if found is None:
        raise NotFound("This endpoint has no such delivery.", remedy="Deliveries are forgotten after some weeks.")
    return found


def attempts_of(delivery: WebhookDelivery, *, most: int = 50) -> list[WebhookAttempt]:
    return list(WebhookAttempt.objects.filter(delivery=delivery).order_by("-id")[:most])


def last_deliveries(endpoints: Iterable[WebhookEndpoint]) -> dict[int, WebhookDelivery]:
    """The newest delivery of each endpoint, by its id. One query."""
    newest = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-id").values("pk")[:1]
    ids = (
        WebhookEndpoint.objects.filter(pk__in=[one.pk for one in endpoints]).order_by().values(newest=Subquery(newest))
    )
    return {row.endpoint_id: row for row in WebhookDelivery.objects.filter(pk__in=ids).order_by()}


def replayable(
    endpoint: WebhookEndpoint, *, since: datetime, until: datetime, every: bool
) -> QuerySet[WebhookDelivery]:
    """Deliveries of what happened in that time which are settled; those that were taken only with ``every``."""
    states = ("delivered", "failed", "dropped") if every else ("failed", "dropped")
    return WebhookDelivery.objects.filter(
        endpoint=endpoint, state__in=states, happened_at__gte=since, happened_at__lt=until
    )


def system_named(rights: Rights, slug: str) -> System | None:
    """The visible system of that name, None for no name; NotFound for one that the person may not see."""
    if not slug:
        return None
    found = System.objects.filter(rights.sees(), slug=slug).select_related("team").first()
    if found is None:
        raise NotFound(f"There is no system “{slug}” that you may see.")
    return found


def team_named(slug: str) -> Team | None:
    """The team of that name, None for no name; NotFound for one that is not there."""
    if not slug:
        return None
    found = Team.objects.filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no team “{slug}”.")
    return found

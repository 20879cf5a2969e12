"""Campaigns: drafted, conducted and read; owners take their environments' move earlier or postpone it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.catalog.models import System
from idp.kernel import clock
from idp.kernel.errors import FieldError, InvalidInput
from portal.api import paths
from portal.api.answers import answer, created, figure, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import campaigns as shapes
from portal.api.shapes.changes import NOTHING
from portal.api.shapes.words import text
from provisioning.domain.campaign import CAMPAIGN_STATES, ITEM_STATES
from provisioning.domain.campaign_layout import Pace
from provisioning.models import Campaign, CampaignItem
from provisioning.selectors import campaigns as selectors
from provisioning.services import campaigns as services
from provisioning.services.campaign_items import campaign_postpone, campaign_take_earlier
from provisioning.services.campaigns import CampaignSettings

AREA = "Campaigns"
WHO = "Maintainers of the capability's team and platform admins."
_HOUR = timedelta(hours=1)


class Campaigns(Endpoint):
    @operation(
        "campaigns_list",
        "List campaigns",
        area=AREA,
        answers={200: shapes.CAMPAIGN_PAGE},
        query=(
            Query("capability", text("Only of this capability.", most=40)),
            Query("state", text(one_of=CAMPAIGN_STATES)),
            *PAGED,
        ),
        about="Newest first.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = selectors.campaign_list()
        if capability := self.query.get("capability"):
            rows = rows.filter(capability__name=capability)
        if state := self.query.get("state"):
            rows = rows.filter(state=state)
        return listing(request, self.query, rows, ("-id",), campaign_row)

    @operation(
        "campaigns_draft",
        "Draft a campaign",
        area=AREA,
        answers={201: shapes.CAMPAIGN_DETAIL},
        body=shapes.CAMPAIGN_REQUEST,
        scope="admin",
        about=f"{WHO} Nobody is told and nothing moves until it is started.",
    )
    def post(self, request: Request) -> HttpResponse:
        made = services.campaign_draft(self.actor, _settings(self.sent), now=clock.now())
        return created(_detail(made.pk), paths.campaign(made.pk))


class CampaignPreview(Endpoint):
    @operation(
        "campaigns_preview",
        "Show the waves of a campaign",
        area=AREA,
        answers={200: shapes.CAMPAIGN_PREVIEW},
        body=shapes.CAMPAIGN_REQUEST,
        scope="admin",
        about=f"{WHO} Writes nothing.",
    )
    def post(self, request: Request) -> HttpResponse:
        layout = services.campaign_layout(self.actor, _settings(self.sent), now=clock.now())
        slugs = {label.split("/")[0] for label in layout.environments}
        rows = System.objects.filter(self.rights.sees(""), slug__in=slugs)
        seen = frozenset(rows.values_list("slug", flat=True))
        waves = [
            {
                "number": at,
                "title": laid.title,
                "planned_at": moment(day),
                "size": len(laid.places),
                "environments": [one.label for one in laid.places if one.system in seen],
                "need_a_person": {one.label: one.needs_person for one in laid.places if _told(one, seen)},
            }
            for at, (laid, day) in enumerate(zip(layout.waves, layout.days, strict=True), 1)
        ]
        return answer({"sources": layout.sources, "target": layout.target.version, "waves": waves})


def _told(place: Any, seen: frozenset[str]) -> bool:
    return bool(place.needs_person) and place.system in seen


class OneCampaign(Endpoint):
    @operation("campaigns_read", "Read a campaign", area=AREA, answers={200: shapes.CAMPAIGN_DETAIL})
    def get(self, request: Request, campaign_id: int) -> HttpResponse:
        return answer(_detail(campaign_id))


class CampaignItems(Endpoint):
    @operation(
        "campaigns_items",
        "List a campaign's environments",
        area=AREA,
        answers={200: shapes.ITEM_PAGE},
        query=(
            Query("state", text(one_of=ITEM_STATES)),
            Query("team", text("Slug of the owning team.", most=30)),
            *PAGED,
        ),
        about="Those that you may see, in the order of the waves.",
    )
    def get(self, request: Request, campaign_id: int) -> HttpResponse:
        campaign = selectors.campaign_get(campaign_id)
        rows = selectors.item_list(self.rights, campaign)
        if state := self.query.get("state"):
            rows = rows.filter(state=state)
        if team := self.query.get("team"):
            rows = rows.filter(environment__system__team__slug=team)
        return listing(request, self.query, rows, ("id",), lambda item: self._row(campaign, item))

    def _row(self, campaign: Campaign, item: CampaignItem) -> dict[str, Any]:
        item.campaign = campaign
        return item_row(item, may_request=self.rights.may_request(item.environment.system))


def _act(
    verb: str, summary: str, act: Callable[[Endpoint, int], object], *, body: str, about: str = ""
) -> type[Endpoint]:
    """An endpoint that does one thing to a campaign and answers with it as it is then."""

    @operation(
        f"campaigns_{verb}",
        summary,
        area=AREA,
        answers={200: shapes.CAMPAIGN_DETAIL},
        body=body,
        scope="admin",
        problems=(409,),
        about=f"{WHO} {about}".strip(),
    )
    def post(self: Endpoint, request: Request, campaign_id: int) -> HttpResponse:
        act(self, campaign_id)
        return answer(_detail(campaign_id))

    return type(f"Campaign{verb.title()}", (Endpoint,), {"post": post})


CampaignStart = _act(
    "start",
    "Start a campaign",
    lambda view, pk: services.campaign_start(view.actor, pk, now=clock.now()),
    body=NOTHING,
    about="The waves are laid out anew and every owner is told their day.",
)
CampaignPause = _act(
    "pause",
    "Pause a campaign",
    lambda view, pk: services.campaign_pause(view.actor, pk, now=clock.now(), **view.sent),
    body=shapes.REASON,
    about="What runs goes on; what waits for approval is withdrawn until it resumes.",
)
CampaignResume = _act(
    "resume",
    "Resume a campaign",
    lambda view, pk: services.campaign_resume(view.actor, pk, now=clock.now()),
    body=NOTHING,
    about="The failures there are now are accepted; further ones pause it again.",
)
CampaignCancel = _act(
    "cancel",
    "Cancel a campaign",
    lambda view, pk: services.campaign_cancel(view.actor, pk, now=clock.now(), **view.sent),
    body=shapes.REASON,
    about="What has moved stays as it is; all else is withdrawn.",
)


class WaveRollback(Endpoint):
    @operation(
        "campaigns_wave_rollback",
        "Take a wave back",
        area=AREA,
        answers={200: shapes.CAMPAIGN_DETAIL},
        body=shapes.REASON,
        scope="admin",
        problems=(409,),
        about=f"{WHO} Each environment that moved gets the revision it had, by a change; a running campaign pauses.",
    )
    def post(self, request: Request, campaign_id: int, wave: int) -> HttpResponse:
        services.wave_rollback(self.actor, campaign_id, wave, now=clock.now(), **self.sent)
        return answer(_detail(campaign_id))


class WaveRetry(Endpoint):
    @operation(
        "campaigns_wave_retry",
        "Try a wave again",
        area=AREA,
        answers={200: shapes.CAMPAIGN_DETAIL},
        body=NOTHING,
        scope="admin",
        problems=(409,),
        about=f"{WHO} Whoever was refused, needed a person or was taken back is asked for once more.",
    )
    def post(self, request: Request, campaign_id: int, wave: int) -> HttpResponse:
        services.wave_retry(self.actor, campaign_id, wave, now=clock.now())
        return answer(_detail(campaign_id))


class ItemTake(Endpoint):
    @operation(
        "campaigns_take",
        "Move an environment now",
        area=AREA,
        answers={200: shapes.ITEM},
        body=NOTHING,
        scope="change",
        problems=(409,),
        about="Its developers and maintainers: before its day, or once more after what kept it. The change is theirs.",
    )
    def post(self, request: Request, campaign_id: int, item_id: int) -> HttpResponse:
        found = selectors.item_get(self.rights, campaign_id, item_id)
        campaign_take_earlier(self.actor, found.pk, now=clock.now())
        return _item(self, campaign_id, item_id)


class ItemPostpone(Endpoint):
    @operation(
        "campaigns_postpone",
        "Choose another moment for an environment",
        area=AREA,
        answers={200: shapes.ITEM},
        body=shapes.POSTPONE,
        scope="change",
        problems=(409,),
        about="Its own developers and maintainers, within the campaign's limit.",
    )
    def post(self, request: Request, campaign_id: int, item_id: int) -> HttpResponse:
        found = selectors.item_get(self.rights, campaign_id, item_id)
        until = _moment("until", self.sent["until"])
        campaign_postpone(self.actor, found.pk, until=until, now=clock.now())
        return _item(self, campaign_id, item_id)


def _item(view: Endpoint, campaign_id: int, item_id: int) -> HttpResponse:
    campaign = selectors.campaign_get(campaign_id)
    item = selectors.item_list(view.rights, campaign).get(pk=item_id)
    item.campaign = campaign
    return answer(item_row(item, may_request=view.rights.may_request(item.environment.system)))


def campaign_row(campaign: Campaign) -> dict[str, Any]:
    """Needs ``capability``, ``target`` and ``created_by`` joined."""
    return {
        "id": campaign.pk,
        "title": campaign.title,
        "reason": campaign.reason,
        "capability": campaign.capability.name,
        "sources": campaign.sources,
        "target": campaign.target.version,
        "order": campaign.order,
        "state": campaign.state,
        "state_reason": campaign.state_reason,
        "starts_at": moment(campaign.starts_at),
        "started_at": moment(campaign.started_at),
        "finished_at": moment(campaign.finished_at),
        "created_by": campaign.created_by.username if campaign.created_by else None,
        "url": paths.campaign(campaign.pk),
        "page": f"/campaigns/{campaign.pk}/",
    }


def item_row(item: CampaignItem, *, may_request: bool) -> dict[str, Any]:
    """An item of ``item_list``, with its campaign set."""
    view = selectors.upcoming(item)
    system = item.environment.system
    return {
        "id": item.pk,
        "system": system.slug,
        "environment": item.environment.name,
        "team": system.team.slug,
        "stage": item.environment.stage.name,
        "resources": item.resources,
        "wave": item.wave.number,
        "state": item.state,
        "reason": item.reason,
        "due_at": moment(item.due_at),
        "latest": moment(view.latest),
        "asked_by": item.asked_by,
        "change": paths.change(item.change_id) if item.change_id else None,
        "rollback": paths.change(item.rollback_id) if item.rollback_id else None,
        "may_take": may_request and view.may_take,
        "may_postpone": may_request and view.may_postpone,
    }


def _detail(campaign_id: int) -> dict[str, Any]:
    campaign = selectors.campaign_get(campaign_id)
    progress = selectors.progress_of(campaign)
    pace = campaign.pace_of()
    hours = {f"{name}_hours": figure(getattr(pace, name) / _HOUR) for name in ("interval", "soak", "patience")}
    figures = {name: getattr(pace, name) for name in ("threshold", "postpone_days", "at_once")}
    return {
        **campaign_row(campaign),
        "pace": {**hours, **figures},
        "waves": [_wave(one) for one in progress.waves],
        "environments": dict(progress.counts),
        "items_url": f"{paths.campaign(campaign.pk)}items/",
    }


def _wave(one: selectors.WaveProgress) -> dict[str, Any]:
    wave = one.wave
    return {
        "number": wave.number,
        "title": wave.title,
        "state": wave.state,
        "planned_at": moment(wave.planned_at),
        "started_at": moment(wave.started_at),
        "settled_at": moment(wave.settled_at),
        "environments": dict(one.counts),
    }


def _settings(sent: Mapping[str, Any]) -> CampaignSettings:
    asked = dict(sent)
    pace = {
        name.removesuffix("_hours"): value * _HOUR if name.endswith("_hours") else value
        for name, value in asked.pop("pace", {}).items()
    }
    listed: dict[str, Any] = {name: tuple(asked.pop(name)) for name in ("sources", "shares", "first") if name in asked}
    starts_at = _moment("starts_at", asked.pop("starts_at"))
    return CampaignSettings(**asked, **listed, starts_at=starts_at, pace=Pace(**pace))


def _moment(name: str, sent: str) -> datetime:
    try:
        found = datetime.fromisoformat(sent)
    except ValueError:
        message = "Write a moment like 2026-12-01T09:00:00Z."
        raise InvalidInput(message, errors=[FieldError(name, message)]) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

"""Campaigns as people conduct them: drafted, started, paused, resumed, cancelled, waves taken back or tried again.

What is decided here is stored and the sweep is told to look; nothing moves in the request. Each use case is one
transaction: the campaign's row, then its waves and items, then notices, and the audit head last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from governance.access import rights_of
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput
from idp.kernel.wake import wake_after_commit
from provisioning.domain.campaign import RETRIED, failures
from provisioning.domain.campaign_layout import (
    USUAL_SHARES,
    Laid,
    Pace,
    announced_days,
    lay_out,
    pace_problems,
)
from provisioning.domain.version import parse_version
from provisioning.models import Campaign, CampaignItem, CampaignWave, Capability, Contract, Resource
from provisioning.selectors.campaigns import Reached, may_conduct, reached_by
from provisioning.selectors.capabilities import capability_get
from provisioning.services.campaign_notices import announce
from provisioning.services.campaign_rows import campaign_audit, campaign_move, conducted, item_move, wave_move

MOST_REASON = 2_000
USABLE = ("stable", "preview")


@dataclass(frozen=True, slots=True)
class CampaignSettings:
    """What a campaign is to do. No ``sources``: every older version that is in use. No ``title``: a plain one."""

    capability: str
    target: str
    starts_at: datetime
    sources: tuple[str, ...] = ()
    title: str = ""
    reason: str = ""
    order: str = "stage"
    shares: tuple[int, ...] = USUAL_SHARES
    first: tuple[str, ...] = ()
    pace: Pace = field(default_factory=Pace)


@dataclass(frozen=True, slots=True)
class Layout:
    """Whom the campaign would move, in which waves, announced for when. ``environments`` are ids by label."""

    capability: Capability
    target: Contract
    sources: tuple[str, ...]
    waves: tuple[Laid, ...]
    days: tuple[datetime, ...]
    environments: dict[str, int]


def campaign_layout(actor: Actor, settings: CampaignSettings, *, now: datetime) -> Layout:
    """The waves as they would be now; writes nothing. InvalidInput names every field to fix."""
    rights = rights_of(actor)
    capability = capability_get(settings.capability)
    rights.require_scope("admin")
    if not may_conduct(rights, capability):
        owner = capability.owner.slug if capability.owner else "the platform"
        raise Forbidden(f"Only maintainers of {owner} and platform admins may start campaigns of {capability.name}.")
    return _layout(capability, settings, now=now)


def _layout(capability: Capability, settings: CampaignSettings, *, now: datetime) -> Layout:
    versions = {one.version: one for one in Contract.objects.filter(capability=capability)}
    problems = _version_problems(settings, versions)
    if problems:
        raise InvalidInput("The campaign is not right yet.", errors=problems)
    target = versions[settings.target]
    sources = settings.sources or _in_use(capability, target)
    reached = reached_by(capability.name, sources, target)
    problems = [*_text_problems(settings), *_pace_problems(settings, reached)]
    if not reached:
        told = f"Nothing that lives uses {', '.join(sources)}." if sources else "Nothing that lives is on an older one."
        problems.append(FieldError("sources", told))
    if problems:
        raise InvalidInput("The campaign is not right yet.", errors=problems)
    waves = lay_out((one.place for one in reached), order=settings.order, shares=settings.shares, first=settings.first)
    days = announced_days(max(settings.starts_at, now), settings.pace, len(waves))
    environments = {one.place.label: one.environment_id for one in reached}
    return Layout(capability, target, tuple(sources), waves, days, environments)


def _version_problems(settings: CampaignSettings, versions: dict[str, Contract]) -> list[FieldError]:
    target = versions.get(settings.target)
    if target is None:
        return [FieldError("target", f"{settings.capability} has no version {settings.target or 'of that name'}.")]
    if target.state not in USABLE:
        return [FieldError("target", f"{settings.target} is {target.state}; choose one that is offered.")]
    unknown = [one for one in settings.sources if one not in versions]
    if unknown:
        return [FieldError("sources", f"{settings.capability} has no version {unknown[0]}.")]
    if settings.target in settings.sources:
        return [FieldError("sources", f"{settings.target} is where the campaign goes; leave it out.")]
    return []


def _in_use(capability: Capability, target: Contract) -> tuple[str, ...]:
    """Older versions that something living uses, oldest first."""
    own = {"contract__capability": capability, "borrowed": False}
    living = Resource.objects.filter(**own, environment__deleted_at=None)
    used = living.exclude(state="gone").order_by().values_list("contract__version", flat=True).distinct()
    older = [one for one in used if parse_version(one) < parse_version(target.version)]
    return tuple(sorted(older, key=parse_version))


def _text_problems(settings: CampaignSettings) -> list[FieldError]:
    found = []
    if len(settings.title) > 120:
        found.append(FieldError("title", "Write at most 120 characters."))
    if len(settings.reason) > MOST_REASON:
        found.append(FieldError("reason", f"Write at most {MOST_REASON} characters."))
    return found


def _pace_problems(settings: CampaignSettings, reached: Sequence[Reached]) -> list[FieldError]:
    known = {one.place.stage if settings.order == "stage" else one.place.team for one in reached}
    return pace_problems(
        order=settings.order, shares=settings.shares, first=settings.first, pace=settings.pace, known=known
    )


@transaction.atomic
def campaign_draft(actor: Actor, settings: CampaignSettings, *, now: datetime) -> Campaign:
    """Store a campaign with its waves, for people to look at. Nothing moves and nobody is told until it starts."""
    layout = campaign_layout(actor, settings, now=now)
    pace = asdict(settings.pace)
    minutes = {name: int(pace[name] / timedelta(minutes=1)) for name in ("interval", "soak", "patience")}
    campaign = Campaign.objects.create(
        title=settings.title.strip() or f"{settings.capability} to {settings.target}",
        reason=settings.reason.strip(),
        capability=layout.capability,
        target=layout.target,
        sources=list(layout.sources),
        order=settings.order,
        shares=list(settings.shares),
        first=list(settings.first),
        pace={**pace, **minutes},
        starts_at=settings.starts_at,
        created_by_id=actor.user_id,
        created_at=now,
    )
    _lay(campaign, layout, now=now)
    laid = {"sources": list(layout.sources), "environments": _size(layout)}
    campaign_audit(actor, campaign, "draft", before=None, after=campaign.state, now=now, **laid)
    return campaign


def _size(layout: Layout) -> int:
    return len(layout.environments)


def _lay(campaign: Campaign, layout: Layout, *, now: datetime) -> None:
    """Waves and items as laid out, instead of those there may be."""
    campaign.waves.all().delete()
    waves = CampaignWave.objects.bulk_create(
        CampaignWave(campaign=campaign, number=number, title=laid.title[:80], planned_at=day)
        for number, (laid, day) in enumerate(zip(layout.waves, layout.days, strict=True), 1)
    )
    CampaignItem.objects.bulk_create(
        CampaignItem(
            campaign=campaign,
            wave=wave,
            environment_id=layout.environments[place.label],
            resources=list(place.resources),
            state="needs-person" if place.needs_person else "planned",
            reason=place.needs_person,
            due_at=wave.planned_at,
            changed_at=now,
        )
        for wave, laid in zip(waves, layout.waves, strict=True)
        for place in laid.places
    )


def settings_of(campaign: Campaign) -> CampaignSettings:
    """What the campaign was drafted with. Needs ``capability`` and ``target`` joined."""
    return CampaignSettings(
        capability=campaign.capability.name,
        target=campaign.target.version,
        starts_at=campaign.starts_at,
        sources=tuple(campaign.sources),
        title=campaign.title,
        reason=campaign.reason,
        order=campaign.order,
        shares=tuple(campaign.shares),
        first=tuple(campaign.first),
        pace=campaign.pace_of(),
    )


def campaign_start(actor: Actor, campaign_id: int, *, now: datetime) -> Campaign:
    """Lay the waves out anew, tell every owner their day, and let the sweep begin.

    Conflict when another campaign of the capability is under way, or this one has started.
    """
    try:
        return _start(actor, campaign_id, now=now)
    except IntegrityError:
        raise Conflict(
            "Another campaign of this capability is under way.", remedy="Wait for its end, or cancel it."
        ) from None


@transaction.atomic
def _start(actor: Actor, campaign_id: int, *, now: datetime) -> Campaign:
    campaign = conducted(actor, campaign_id)
    before, starts_at = campaign.state, max(campaign.starts_at, now)
    campaign_move(campaign, "start", starts_at=starts_at, started_at=now, started_by_id=actor.user_id, due_at=now)
    _lay(campaign, _layout(campaign.capability, settings_of(campaign), now=now), now=now)
    announce(campaign, now=now)
    laid = {"sources": campaign.sources, "environments": campaign.items.count()}
    campaign_audit(actor, campaign, "start", before=before, after=campaign.state, now=now, **laid)
    _look(campaign)
    return campaign


@transaction.atomic
def campaign_pause(actor: Actor, campaign_id: int, *, reason: str = "", now: datetime) -> Campaign:
    """Nothing more is asked for; what runs goes on, and what waits for approval is withdrawn until it resumes."""
    campaign = conducted(actor, campaign_id)
    told = reason.strip()[:300] or "No reason was given."
    before = campaign.state
    campaign_move(campaign, "pause", state_reason=f"{actor.username}: {told}", due_at=now)
    campaign_audit(actor, campaign, "pause", before=before, after=campaign.state, now=now, reason=told)
    _look(campaign)
    return campaign


@transaction.atomic
def campaign_resume(actor: Actor, campaign_id: int, *, now: datetime) -> Campaign:
    """Go on; the failures there are now are accepted, so that only further ones pause it again."""
    campaign = conducted(actor, campaign_id)
    before = campaign.state
    campaign_move(campaign, "resume", state_reason="", due_at=now, finished_at=None)
    accepted = {}
    for wave in campaign.waves.all():
        failed, _ = failures(wave.items.values_list("state", flat=True))
        CampaignWave.objects.filter(pk=wave.pk).update(accepted=failed)
        accepted[str(wave.number)] = failed
    campaign_audit(actor, campaign, "resume", before=before, after=campaign.state, now=now, accepted=accepted)
    _look(campaign)
    return campaign


@transaction.atomic
def campaign_cancel(actor: Actor, campaign_id: int, *, reason: str = "", now: datetime) -> Campaign:
    """End it. What has moved stays as it is; what runs ends by itself; all else is withdrawn."""
    campaign = conducted(actor, campaign_id)
    told = reason.strip()[:300]
    before = campaign.state
    due = {} if before == "draft" else {"due_at": now}
    campaign_move(campaign, "cancel", state_reason=f"{actor.username}: {told}" if told else "", finished_at=now, **due)
    for wave in campaign.waves.filter(state__in=("planned", "running")):
        wave_move(wave, "cancel")
    campaign_audit(actor, campaign, "cancel", before=before, after=campaign.state, now=now, reason=told)
    _look(campaign)
    return campaign


@transaction.atomic
def wave_rollback(actor: Actor, campaign_id: int, number: int, *, reason: str = "", now: datetime) -> Campaign:
    """Take a wave back: each environment that moved goes back to the revision it had, by a change of kind rollback.

    A running campaign pauses. Environments that were changed since stay as they are and need a person.
    """
    campaign = conducted(actor, campaign_id)
    wave = _wave(campaign, number)
    told = reason.strip()[:300] or "No reason was given."
    before = wave.state
    wave_move(wave, "revert")
    for item in wave.items.filter(state="stuck", change__isnull=False):
        item_move(item, "revert", now=now)
    if campaign.state == "running":
        campaign_move(campaign, "pause", state_reason=f"Wave {number} goes back. {actor.username}: {told}", due_at=now)
    else:
        Campaign.objects.filter(pk=campaign.pk).update(due_at=now, version=campaign.version + 1)
    states = {"before": before, "after": wave.state}
    campaign_audit(actor, campaign, "wave-rollback", **states, now=now, wave=number, reason=told)
    _look(campaign)
    return campaign


@transaction.atomic
def wave_retry(actor: Actor, campaign_id: int, number: int, *, now: datetime) -> Campaign:
    """Try a wave again: who was refused, needed a person or was taken back is asked for once more.

    Runs that failed are resumed by their own people, since what is wanted there is the new version already.
    """
    campaign = conducted(actor, campaign_id)
    if campaign.state not in ("running", "paused", "finished"):
        raise Conflict(f"This campaign is {campaign.state}.", code="illegal-state")
    wave = _wave(campaign, number)
    before = wave.state
    wave_move(wave, "retry", settled_at=None, started_at=now)
    again = list(wave.items.filter(state__in=RETRIED))
    for item in again:
        item_move(item, "retry", now=now, change=None, rollback=None, asked_by="", due_at=now)
    if campaign.state == "finished":
        campaign_move(campaign, "resume", due_at=now, finished_at=None)
    else:
        Campaign.objects.filter(pk=campaign.pk).update(due_at=now, version=campaign.version + 1)
    states = {"before": before, "after": wave.state}
    campaign_audit(actor, campaign, "wave-retry", **states, now=now, wave=number, environments=len(again))
    _look(campaign)
    return campaign


def _wave(campaign: Campaign, number: int) -> CampaignWave:
    found = campaign.waves.filter(number=number).first()
    if found is None:
        raise InvalidInput(f"This campaign has no wave {number}.", errors=[FieldError("wave", "Name one that it has.")])
    return found


def _look(campaign: Campaign) -> None:
    """Have a worker look at once; were the hint lost, the sweep would find it."""
    wake_after_commit("campaign", campaign.pk)

"""What a campaign tells people: owners their day, what became of it, and those who conduct it that it paused.

Called inside the transaction of what happened; each thing is told once to each person, however often it is called.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

from django.db.models import QuerySet

from governance.selectors.people import team_people
from governance.services.notice_events import About
from governance.services.notices import notify
from provisioning.models import Campaign, CampaignItem, CampaignWave


def campaign_url(campaign: Campaign) -> str:
    """The portal's path; said here because services know no URLs of faces."""
    return f"/campaigns/{campaign.pk}/"


def announce(campaign: Campaign, *, now: datetime) -> None:
    """Tell every team when its first environment moves. One announcement for each start."""
    for team_id, items in _by_team(campaign.items.filter(state__in=("planned", "needs-person"))).items():
        first = min(items, key=lambda one: one.due_at)
        days = campaign.pace["postpone_days"]
        notify(
            "campaign-announced",
            to=team_people(team_id),
            title=f"{campaign.capability.name} moves to {campaign.target.version} from {_day(first.due_at)}",
            text=f"{_listed(items)}. You may take it earlier, or postpone it by up to {days} days. {campaign.reason}",
            url=campaign_url(campaign),
            key=f"campaign:{campaign.pk}:announced:{team_id}",
            now=now,
            about=About(team=items[0].environment.system.team),
        )


def tell_moved(campaign: Campaign, wave: CampaignWave, *, now: datetime) -> None:
    """Tell teams that a wave has settled with theirs moved."""
    for team_id, items in _by_team(wave.items.filter(state="succeeded")).items():
        notify(
            "campaign-moved",
            to=team_people(team_id),
            title=f"{campaign.capability.name} {campaign.target.version} runs in {_counted(items)}",
            text=f"Wave {wave.number} of “{campaign.title}” has settled: {_listed(items)}.",
            url=campaign_url(campaign),
            key=f"campaign:{campaign.pk}:wave:{wave.number}:{team_id}:{wave.started_at:%Y%m%d%H%M}",
            now=now,
            about=About(team=items[0].environment.system.team),
        )


def tell_stopped(campaign: Campaign, item: CampaignItem, *, now: datetime) -> None:
    """Tell a team that its environment could not be moved, and why."""
    environment = item.environment
    notify(
        "campaign-failed",
        to=team_people(environment.system.team_id),
        title=f"{environment.system.slug}/{environment.name} did not move to {campaign.target.version}",
        text=item.reason or "Its change failed.",
        url=campaign_url(campaign),
        key=f"campaign:{campaign.pk}:item:{item.pk}:{item.state}:{item.change_id or 0}",
        now=now,
        about=About(system=environment.system),
    )


def tell_paused(campaign: Campaign, *, now: datetime) -> None:
    """Tell those who conduct it that it paused by itself."""
    people = {one for one in (campaign.created_by_id, campaign.started_by_id) if one}
    if campaign.capability.owner_id:
        people |= set(team_people(campaign.capability.owner_id, roles=("maintainer",)))
    notify(
        "campaign-paused",
        to=people,
        title=f"“{campaign.title}” paused by itself",
        text=campaign.state_reason,
        url=campaign_url(campaign),
        key=f"campaign:{campaign.pk}:paused:{campaign.version}",
        now=now,
        about=About(team=campaign.capability.owner),
    )


def _by_team(items: QuerySet[CampaignItem]) -> dict[int, list[CampaignItem]]:
    found: dict[int, list[CampaignItem]] = defaultdict(list)
    for one in items.select_related("environment__system__team").order_by("due_at", "id"):
        found[one.environment.system.team_id].append(one)
    return found


def _listed(items: list[CampaignItem]) -> str:
    named = [f"{one.environment.system.slug}/{one.environment.name} on {_day(one.due_at)}" for one in items[:5]]
    return ", ".join(named) + (f" and {len(items) - 5} more" if len(items) > 5 else "")


def _counted(items: list[CampaignItem]) -> str:
    return "1 environment" if len(items) == 1 else f"{len(items)} environments"


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"

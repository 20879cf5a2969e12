"""Campaigns as their pages show them: progress in words and figures, waves, teams, who lags and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from governance.access import REQUEST_CHANGE, Rights
from portal.drawing.campaigns import Span, in_words
from provisioning.domain.campaign import NOT_ASKED
from provisioning.domain.campaign_layout import Laid
from provisioning.models import Campaign, CampaignItem, CampaignWave
from provisioning.selectors.campaigns import Progress, Upcoming, WaveProgress, item_list, laggards, upcoming
from provisioning.services.campaigns import Layout

LAGGARDS_SHOWN: Final = 30
OWN_SHOWN: Final = 20
LEGEND: Final = (
    ("used", "Moved"),
    ("q3", "Moving"),
    ("asked", "Waits for approval"),
    ("near", "With a person"),
    ("over", "Failed"),
)
MOVED: Final = ("succeeded", "skipped")


@dataclass(frozen=True, slots=True)
class Line:
    """A wave or a team with its counts. ``words`` says them; ``wave`` is None for a team."""

    name: str
    counts: Mapping[str, int]
    words: str
    size: int
    wave: CampaignWave | None = None
    may_rollback: bool = False
    may_retry: bool = False
    slug: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One environment with what its people may do about it."""

    item: CampaignItem
    upcoming: Upcoming
    mine: bool

    @property
    def may_take(self) -> bool:
        return self.mine and self.upcoming.may_take

    @property
    def may_postpone(self) -> bool:
        return self.mine and self.upcoming.may_postpone


def wave_lines(progress: Progress, campaign: Campaign, *, conducts: bool) -> list[Line]:
    return [_wave_line(one, campaign, conducts) for one in progress.waves]


def _wave_line(one: WaveProgress, campaign: Campaign, conducts: bool) -> Line:
    wave, counts = one.wave, one.counts
    moved = counts["succeeded"] + counts["failed"] + counts["running"] + counts["stuck"]
    again = counts["refused"] + counts["needs-person"] + counts["reverted"] + counts["stuck"]
    began = wave.state in ("running", "settled", "cancelled", "reverted")
    open_still = campaign.state in ("running", "paused", "finished")
    return Line(
        name=wave.title,
        counts=counts,
        words=in_words(counts),
        size=one.size,
        wave=wave,
        may_rollback=conducts and began and moved > 0,
        may_retry=conducts and open_still and again > 0 and wave.state in ("running", "settled", "reverted"),
    )


def team_lines(progress: Progress) -> list[Line]:
    """Those who have most still to do come first."""
    lines = [
        Line(progress.names[slug], counts, in_words(counts), sum(counts.values()), slug=slug)
        for slug, counts in progress.teams.items()
    ]
    return sorted(lines, key=lambda one: (-(one.size - moved_of(one.counts)), one.name))


def moved_of(counts: Mapping[str, int]) -> int:
    return sum(counts.get(state, 0) for state in MOVED)


def answer(campaign: Campaign, counts: Counter[str]) -> str:
    """The page's answer in one sentence: how many have moved."""
    total, moved = sum(counts.values()), moved_of(counts)
    where = f"{campaign.capability.name} {campaign.target.version}"
    if campaign.state == "draft":
        return f"{total} environment{'' if total == 1 else 's'} would move to {where}"
    return f"{moved} of {total} environment{'' if total == 1 else 's'} run {where}"


def spans(progress: Progress, campaign: Campaign, now: datetime) -> list[Span]:
    """Waves along the days; a planned one is drawn as long as it is until the next."""
    usual = max(campaign.pace_of().interval * 0.8, timedelta(hours=1))
    return [
        Span(
            f"{one.wave.number}. {one.wave.title}"[:24],
            one.wave.state,
            one.wave.started_at or one.wave.planned_at,
            one.wave.settled_at
            or (max(now, one.wave.started_at) if one.wave.started_at else one.wave.planned_at + usual),
        )
        for one in progress.waves
    ]


def lagging(rights: Rights, campaign: Campaign) -> tuple[list[Part], bool]:
    """The worst laggards that the reader may see, and whether there are more."""
    rows = list(laggards(rights, campaign)[: LAGGARDS_SHOWN + 1])
    return parts(rights, campaign, rows[:LAGGARDS_SHOWN]), len(rows) > LAGGARDS_SHOWN


def own_parts(rights: Rights, campaign: Campaign) -> list[Part]:
    """Environments of the reader's own teams that are still to come, by their day."""
    teams = [team for team, held in rights.teams.items() if REQUEST_CHANGE in held]
    if not teams:
        return []
    rows = item_list(rights, campaign).filter(state__in=NOT_ASKED, environment__system__team__in=teams)
    return parts(rights, campaign, rows.order_by("due_at", "id")[:OWN_SHOWN])


def parts(rights: Rights, campaign: Campaign, rows: Iterable[CampaignItem]) -> list[Part]:
    found = []
    for item in rows:
        item.campaign = campaign
        found.append(Part(item, upcoming(item), rights.may_request(item.environment.system)))
    return found


def facts(campaign: Campaign, progress: Progress) -> list[dict[str, Any]]:
    """The strip of short answers under the head."""
    pace, counts = campaign.pace_of(), progress.counts
    broke = counts["failed"] + counts["stuck"]
    people = counts["waiting"] + counts["refused"] + counts["needs-person"]
    return [
        {"label": "Moved", "value": f"{moved_of(counts)} of {progress.size}", "figure": True},
        {
            "label": "Failed",
            "value": str(broke),
            "small": f"pauses beyond {pace.threshold} % of a wave",
            "figure": True,
        },
        {"label": "With people", "value": str(people), "small": "approvals and decisions", "figure": True},
        {"label": "Waves", "value": _waves(progress), "small": _rhythm(pace.interval), "figure": True},
    ]


def _waves(progress: Progress) -> str:
    done = sum(one.wave.state in ("settled", "reverted") for one in progress.waves)
    return f"{done} of {len(progress.waves)}"


def _rhythm(interval: timedelta) -> str:
    hours = int(interval / timedelta(hours=1))
    if not hours:
        return "back to back"
    if hours % 24:
        return f"one every {hours} hours" if hours > 1 else "one every hour"
    return f"one every {hours // 24} days" if hours > 24 else "one every day"


@dataclass(frozen=True, slots=True)
class PreviewWave:
    """A wave as it would be: how many, whom by name as far as the reader may see, who would need a person."""

    number: int
    title: str
    day: datetime
    size: int
    named: tuple[str, ...]
    stuck: tuple[tuple[str, str], ...]


def preview(layout: Layout, seen: frozenset[str]) -> list[PreviewWave]:
    """``seen`` are the slugs of systems that the reader may know of."""
    return [
        _preview(number, laid, day, seen)
        for number, (laid, day) in enumerate(zip(layout.waves, layout.days, strict=True), 1)
    ]


def _preview(number: int, laid: Laid, day: datetime, seen: frozenset[str]) -> PreviewWave:
    known = [one for one in laid.places if one.system in seen]
    stuck = tuple((one.label, one.needs_person) for one in known if one.needs_person)
    return PreviewWave(number, laid.title, day, len(laid.places), tuple(one.label for one in known), stuck)


def preview_bars(waves: Sequence[PreviewWave]) -> list[dict[str, int]]:
    """Counts of each wave as ``campaign_bar`` takes them."""
    return [{"planned": one.size - len(one.stuck), "needs-person": len(one.stuck)} for one in waves]

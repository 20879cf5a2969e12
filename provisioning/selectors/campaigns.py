"""Campaigns as services and pages read them: whom one reaches, how far it is, who lags and why.

How far it is counts everyone; environments are named only to those who may see them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When

from governance.access import Rights
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.blast_radius import Living
from provisioning.domain.campaign import LAGGING, NOT_ASKED, OPEN_CAMPAIGN_STATES, TAKEABLE
from provisioning.domain.campaign_layout import Place, latest_day
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.upgrade import upgrade_inputs
from provisioning.models import Campaign, CampaignItem, CampaignWave, Capability, Contract, Environment
from provisioning.selectors.living import living_resources

LONGEST_REASON: Final = 400
_WORST_FIRST: Final = ("failed", "stuck", "refused", "needs-person", "waiting", "rescheduled")


@dataclass(frozen=True, slots=True)
class Reached:
    """An environment that a campaign moves."""

    environment_id: int
    place: Place


def may_conduct(rights: Rights, capability: Capability) -> bool:
    """Platform admins, and maintainers of the capability's own team. Needs ``owner`` joined."""
    return rights.may_administer() or (capability.owner is not None and rights.may_manage(capability.owner))


def reached_by(capability: str, sources: Collection[str], target: Contract) -> list[Reached]:
    """Living environments with resources on one of ``sources``. What is being deleted is left out; what does not map,
    does not answer or is broken needs a person. The number of queries does not depend on how many there are."""
    document = parse_contract(target.document)
    found: dict[tuple[str, str], list[Living]] = defaultdict(list)
    for living in living_resources(capability):
        if str(living.contract.semver) in sources:
            found[living.system, living.environment].append(living)
    rows = (
        Environment.objects.filter(deleted_at=None, system__slug__in={system for system, _ in found})
        .exclude(state="deleting")
        .select_related("system", "stage", "cluster")
        .defer("cluster__credentials")
    )
    listed = [(one, found[one.system.slug, one.name]) for one in rows if (one.system.slug, one.name) in found]
    return [Reached(row.pk, _place(row, living, document)) for row, living in listed]


def _place(row: Environment, living: Sequence[Living], target: ParsedContract) -> Place:
    return Place(
        system=row.system.slug,
        environment=row.name,
        team=living[0].team,
        stage=row.stage.name,
        stage_order=row.stage.order,
        resources=tuple(sorted(one.name for one in living)),
        needs_person=unreachable(row) or _unmapped(living, target),
    )


def unreachable(row: Environment) -> str:
    """Why an environment cannot be moved as it is now; empty when it can. Needs ``cluster`` joined."""
    if row.cluster.driver != "sandbox" and row.cluster.reached_at is None:
        return f"Its cluster {row.cluster.name} has never answered."
    if row.state == "failed":
        return "Its last run failed; mend that first, then take the version."
    return ""


def _unmapped(living: Sequence[Living], target: ParsedContract) -> str:
    for one in living:
        if one.contract.semver.major == target.semver.major:
            problems = target.validate_inputs(target.with_defaults(one.inputs))
        else:
            place = one.place.of(one.name, target)
            _, problems = upgrade_inputs(one.inputs, target, old=one.contract, ctx=place)
        if problems:
            first = problems[0]
            more = f" And {len(problems) - 1} more." if len(problems) > 1 else ""
            return f"{one.name}: {first.path} {first.message.rstrip('.')}.{more}"[:LONGEST_REASON]
    return ""


def campaign_list() -> QuerySet[Campaign]:
    """Newest first; everyone may know of campaigns."""
    return Campaign.objects.select_related("capability__owner", "target", "created_by").defer(
        "target__document", "capability__readme"
    )


def campaign_get(campaign_id: int) -> Campaign:
    found = (
        Campaign.objects.select_related("capability__owner", "target", "created_by", "started_by")
        .defer("target__document", "capability__readme")
        .filter(pk=campaign_id)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return found


@dataclass(slots=True)
class WaveProgress:
    """A wave with how many of its environments are in which state."""

    wave: CampaignWave
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def size(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Progress:
    """Everyone counted: by wave, by owning team (name by slug), and all together."""

    waves: tuple[WaveProgress, ...]
    teams: dict[str, Counter[str]]
    names: dict[str, str]
    counts: Counter[str]

    @property
    def size(self) -> int:
        return sum(self.counts.values())


def progress_of(campaign: Campaign) -> Progress:
    """Two queries, however large it is."""
    waves = {one.pk: WaveProgress(one) for one in campaign.waves.all()}
    teams: dict[str, Counter[str]] = defaultdict(Counter)
    names, counts = {}, Counter[str]()
    team = ("environment__system__team__slug", "environment__system__team__name")
    rows = campaign.items.order_by().values_list("wave", *team, "state").annotate(n=Count("pk"))
    for wave, slug, name, state, number in rows:
        waves[wave].counts[state] += number
        teams[slug][state] += number
        counts[state] += number
        names[slug] = name
    return Progress(tuple(waves.values()), dict(sorted(teams.items())), names, counts)


def counts_of(campaigns: Sequence[Campaign]) -> dict[int, Counter[str]]:
    """Environments by state, of several campaigns; one query."""
    found: dict[int, Counter[str]] = defaultdict(Counter)
    rows = CampaignItem.objects.filter(campaign__in=[one.pk for one in campaigns]).order_by()
    for campaign, state, number in rows.values_list("campaign", "state").annotate(n=Count("pk")):
        found[campaign][state] += number
    return found


def item_list(rights: Rights, campaign: Campaign) -> QuerySet[CampaignItem]:
    """Environments of a campaign that the reader may see, by wave and name."""
    return (
        CampaignItem.objects.filter(rights.sees("environment__system"), campaign=campaign)
        .select_related("environment__system__team", "environment__stage", "wave", "change", "rollback")
        .only(
            *("campaign", "resources", "state", "reason", "due_at", "asked_by", "changed_at"),
            *("environment__name", "environment__system__slug", "environment__system__restricted"),
            *("environment__system__team__slug", "environment__system__team__name", "environment__stage__name"),
            *("wave__number", "wave__title", "wave__state", "wave__planned_at", "change__state", "rollback__state"),
        )
        .order_by("wave__number", "id")
    )


def laggards(rights: Rights, campaign: Campaign) -> QuerySet[CampaignItem]:
    """Who is not where they should be, the worst first: of waves that have begun, and all that need a person."""
    worst = Case(
        *(When(state=state, then=Value(at)) for at, state in enumerate(_WORST_FIRST)),
        default=Value(len(_WORST_FIRST)),
        output_field=IntegerField(),
    )
    late = Q(state__in=LAGGING) & ~Q(wave__state="planned")
    stopped = Q(state__in=("needs-person", "refused", "failed", "stuck"))
    rows = item_list(rights, campaign).filter(late | stopped).annotate(worst=worst)
    return rows.order_by("worst", "wave__number", "id")


def item_get(rights: Rights, campaign_id: int, item_id: int) -> CampaignItem:
    """One environment's part; NotFound also when the reader may not know of the environment."""
    found = (
        CampaignItem.objects.select_related("campaign__capability", "environment__system__team", "wave")
        .filter(rights.sees("environment__system"), pk=item_id, campaign=campaign_id)
        .first()
    )
    if found is None:
        raise NotFound("There is no such environment in this campaign.")
    return found


def open_for(capability: Capability) -> QuerySet[Campaign]:
    """Campaigns of a capability that are under way, with how many environments they have and how many have moved."""
    moved = Count("items", filter=Q(items__state__in=("succeeded", "skipped")))
    rows = campaign_list().filter(capability=capability, state__in=OPEN_CAMPAIGN_STATES)
    return rows.annotate(size=Count("items"), moved=moved)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What a campaign is about to do to one environment. ``latest`` is how far its people may postpone."""

    item: CampaignItem
    campaign: Campaign
    latest: datetime
    may_take: bool
    may_postpone: bool

    @property
    def sources(self) -> str:
        return ", ".join(self.campaign.sources)


def upcoming_for(environment: Environment) -> list[Upcoming]:
    """Open campaigns that still have something to do here, or wait for its people. One query."""
    return [upcoming(one) for one in _upcoming(environment=environment.pk)]


@Prepared
def _upcoming(environment: int) -> QuerySet[CampaignItem]:
    return (
        CampaignItem.objects.filter(environment=environment, campaign__state__in=OPEN_CAMPAIGN_STATES)
        .filter(state__in=(*NOT_ASKED, "waiting", "refused", "needs-person", "failed", "stuck"))
        .select_related("campaign__capability", "campaign__target", "wave", "change")
        .defer("campaign__target__document", "campaign__capability__readme", "change__plan", "change__facts")
        .order_by(F("due_at"))
    )


def upcoming(item: CampaignItem) -> Upcoming:
    """Needs ``campaign`` and ``wave`` joined."""
    running = item.campaign.state == "running"
    return Upcoming(
        item=item,
        campaign=item.campaign,
        latest=latest_day(item.wave.planned_at, item.campaign.pace_of()),
        may_take=running and item.state in TAKEABLE,
        may_postpone=running and item.state in NOT_ASKED,
    )

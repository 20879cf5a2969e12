"""Capabilities and their published contracts, as rows for pages and parsed for planning.

A published contract never changes, so its parsed form is kept per process by digest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from governance.access import MANAGE_TEAM, Rights, visible
from idp.catalog.models import System, Team
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.availability import Requires, requires_of
from provisioning.domain.campaign import OPEN_CAMPAIGN_STATES
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.feedback import EASY, HARD
from provisioning.domain.version import choose, parse_version
from provisioning.models import Campaign, Capability, Contract, FeedbackSubject, PreviewTeam, Resource


def capability_get(name: str) -> Capability:
    capability = Capability.objects.select_related("owner").filter(name=name).first()
    if capability is None:
        raise NotFound(f"There is no capability “{name}”.")
    return capability


def capability_for_page(name: str) -> Capability:
    """As ``capability_get``, knowing ``easy`` and ``hard`` (answers), ``has_campaign``, ``has_preview_team``: what is
    seldom there is then not asked for. One query."""
    capability = next(iter(_for_page(name=name)), None)
    if capability is None:
        raise NotFound(f"There is no capability “{name}”.")
    return capability


@Prepared
def _for_page(name: str) -> QuerySet[Capability]:
    about = (
        FeedbackSubject.objects.filter(contract__capability=OuterRef("pk")).order_by().values("contract__capability")
    )
    told = Count("feedback", distinct=True)
    rows = Capability.objects.select_related("owner").annotate(
        easy=Coalesce(Subquery(about.filter(feedback__answer=EASY).annotate(n=told).values("n")), 0),
        hard=Coalesce(Subquery(about.filter(feedback__answer=HARD).annotate(n=told).values("n")), 0),
        has_campaign=Exists(Campaign.objects.filter(capability=OuterRef("pk"), state__in=OPEN_CAMPAIGN_STATES)),
        has_preview_team=Exists(PreviewTeam.objects.filter(capability=OuterRef("pk"))),
    )
    return rows.filter(name=name)


def contracts_of(capability: Capability | int) -> QuerySet[Contract]:
    """Published versions, newest first, with ``default_of`` joined; many, so a list of them defers ``document``."""
    rows = Contract.objects.filter(capability=capability).select_related("default_of")
    return rows.order_by("-major", "-minor", "-patch")


def contract_get(capability: str, version: str) -> Contract:
    contract = (
        Contract.objects.select_related("capability").filter(capability__name=capability, version=version).first()
    )
    if contract is None:
        raise NotFound(f"{capability} has no version {version}.")
    return contract


def latest_contracts(names: Iterable[str] | None = None) -> dict[str, Contract]:
    """What each capability (or each of those named) leads to: the default of its newest stable major, by name.

    One query; rows come without their documents.
    """
    rows = Contract.objects.select_related("capability", "default_of").filter(state="stable")
    if names is not None:
        rows = rows.filter(capability__name__in=list(names))
    of: dict[str, list[Contract]] = defaultdict(list)
    for row in rows.defer("document", "capability__readme"):
        of[row.capability.name].append(row)
    return {name: default_among(found) for name, found in of.items()}


def default_among(rows: Sequence[Contract]) -> Contract:
    """The version of the newest major among ``rows`` (of one capability) that is its default: the chosen one, else
    the newest that is no pre-release, where there is one. Needs ``default_of`` joined."""
    released = [row for row in rows if "-" not in row.version] or list(rows)
    major = max(row.major for row in released)
    own = [row for row in released if row.major == major]
    return next((row for row in own if is_chosen(row)), max(own, key=lambda row: parse_version(row.version)))


def is_chosen(row: Contract) -> bool:
    """Whether an admin made it the default of its major. No query with ``default_of`` joined."""
    return getattr(row, "default_of", None) is not None


def defaults_of(rows: Iterable[Contract]) -> dict[int, Contract]:
    """By major the stable version that ``capability@major`` leads to. Needs ``default_of`` joined."""
    stable: dict[int, list[Contract]] = defaultdict(list)
    for row in rows:
        if row.state == "stable" and "-" not in row.version:
            stable[row.major].append(row)
    return {major: default_among(found) for major, found in stable.items()}


@Prepared
def _offered(names: list[str]) -> QuerySet[Contract]:
    return (
        Contract.objects.filter(capability__name__in=names)
        .select_related("capability", "default_of")
        .annotate(requires=KeyTransform("requires", KeyTransform("spec", "document")))
        .defer("document", "capability__readme")
    )


@lru_cache(maxsize=512)
def _parsed(digest: str, row_id: int) -> ParsedContract:
    return parse_contract(Contract.objects.only("document").get(pk=row_id).document)


def parsed(row: Contract) -> ParsedContract:
    """The row's document as the domain knows it; no query when this process has seen it."""
    return _parsed(row.digest, row.pk)


class Catalogue:
    """The published contracts that one request needs, loaded in one query, looked up by capability and version.

    Rows come without their documents; those are parsed once per process.
    """

    def __init__(self, names: Iterable[str]) -> None:
        rows = _offered(names=sorted(set(names)))
        self._rows = {(row.capability.name, row.version): row for row in rows}

    def row(self, capability: str, version: str) -> Contract:
        try:
            return self._rows[capability, version]
        except KeyError:
            raise NotFound(f"{capability} has no version {version}.") from None

    def contract(self, capability: str, version: str) -> ParsedContract:
        return parsed(self.row(capability, version))

    def requires(self, capability: str, version: str) -> Requires:
        """What a version needs of a cluster, without its document."""
        told = self.row(capability, version).requires  # type: ignore[attr-defined]  # annotated
        return requires_of({"requires": told})

    def choose(
        self,
        capability: str,
        constraint: str,
        *,
        keep: str | None = None,
        fits: Callable[[Requires], bool] | None = None,
    ) -> str | None:
        """The version that ``capability@constraint`` leads to; see ``provisioning.domain.version.choose``.

        With ``fits`` only among the versions for which it holds, and ``keep``.
        """
        offered = [
            (version, state)
            for version, state in self.offered(capability)
            if fits is None or version == keep or fits(self.requires(capability, version))
        ]
        defaults = {version for (name, version), row in self._rows.items() if name == capability and is_chosen(row)}
        return choose(constraint, offered, keep=keep, defaults=defaults)

    def offered(self, capability: str) -> list[tuple[str, str]]:
        """Version and state of everything published of one capability."""
        return [(version, row.state) for (name, version), row in self._rows.items() if name == capability]


BAD_STATES: Final = ("deprecated", "defective", "retired")
SYSTEMS_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class SystemRef:
    """A system as a table names it."""

    pk: int
    slug: str


@dataclass(frozen=True, slots=True)
class Use:
    """A version that a system runs at a stage."""

    system: SystemRef
    stage: str
    stage_order: int
    version: str
    state: str


def _living(capability: Capability | int) -> QuerySet[Resource]:
    living = Resource.objects.filter(contract__capability=capability, environment__deleted_at=None)
    return living.exclude(state="gone").order_by()


def usage_counts(capability: Capability, rights: Rights) -> dict[str, int]:
    """How many live resources the reader may see run each version, newest version first."""
    rows = (
        visible(_living(capability), rights, "environment__system")
        .values_list("contract__version")
        .annotate(n=Count("pk"))
        .order_by("-contract__major", "-contract__minor", "-contract__patch")
    )
    return dict(rows)


@dataclass(frozen=True, slots=True)
class _Tally:
    """How many living resources of a version a system has at a stage."""

    contract: int
    system: int
    stage_id: int
    stage: str
    stage_order: int
    count: int


@dataclass(frozen=True, slots=True)
class Uses:
    """Living resources of a capability by version and place. ``seen``: slugs of the systems that the reader may see."""

    tallies: tuple[_Tally, ...]
    seen: Mapping[int, str]

    def used(self) -> Counter[int]:
        """How many there are of each version, by its key; also those that the reader may only see counted."""
        found: Counter[int] = Counter()
        for one in self.tallies:
            found[one.contract] += one.count
        return found

    def unseen(self) -> int:
        """How many of all the reader may not see."""
        return sum(one.count for one in self.tallies if one.system not in self.seen)


@dataclass(frozen=True, slots=True)
class UsesPage:
    """What the systems of one page run; ``more`` says that further systems follow."""

    uses: tuple[Use, ...]
    more: bool


def uses_of(capability: Capability, rights: Rights) -> Uses:
    """What every version is used for; two queries, which count in the database: a row for each version and place."""
    tallies = tuple(_Tally(*row) for row in _tallies(capability=capability.pk))
    return Uses(tallies, dict(_seen(capability=capability.pk, rights=rights)) if tallies else {})


@Prepared
def _seen(capability: int, rights: Rights) -> QuerySet[System, Any]:
    used = _living(capability).filter(environment__system=OuterRef("pk"))
    return visible(System.objects.filter(Exists(used)), rights, "").order_by().values_list("pk", "slug")


@Prepared
def _tallies(capability: int) -> QuerySet[Resource, Any]:
    """Grouped by keys alone, which is several times faster than by names."""
    return (
        _living(capability)
        .values_list("contract_id", "environment__system_id", "environment__stage_id")
        .annotate(name=Max("environment__stage__name"), order=Max("environment__stage__order"), n=Count("pk"))
    )


def usage_page(uses: Uses, versions: Sequence[Contract], *, page: int = 1) -> UsesPage:
    """Which of ``versions`` (newest first) a page of ``SYSTEMS_SHOWN`` visible systems runs at which stage.

    Those with a bad version come first, then by name. What the reader may not see is left out before anything is cut.
    """
    rows, order = {row.pk: row for row in versions}, {row.pk: place for place, row in enumerate(versions)}
    seen = sorted((one for one in uses.tallies if one.system in uses.seen), key=lambda one: order[one.contract])
    found = [
        Use(
            SystemRef(one.system, uses.seen[one.system]),
            one.stage,
            one.stage_order,
            rows[one.contract].version,
            rows[one.contract].state,
        )
        for one in seen
    ]
    bad = {one.system.pk for one in found if one.state in BAD_STATES}
    systems = sorted({one.system for one in found}, key=lambda one: (one.pk not in bad, one.slug))
    first = (page - 1) * SYSTEMS_SHOWN
    kept = {one.pk for one in systems[first : first + SYSTEMS_SHOWN]}
    return UsesPage(tuple(one for one in found if one.system.pk in kept), more=len(systems) > first + SYSTEMS_SHOWN)


@dataclass(frozen=True, slots=True)
class PreviewSeat:
    """A team that opted in to previews, or for which the reader may decide. ``managed``: the reader may."""

    slug: str
    name: str
    joined: bool
    managed: bool


def preview_seats(rights: Rights, capability: Capability) -> list[PreviewSeat]:
    """Teams that have joined, and those of the reader, by name; all of them for platform admins. One query."""
    joined = Exists(PreviewTeam.objects.filter(team=OuterRef("pk"), capability=capability))
    teams = Team.objects.annotate(joined=joined).order_by("name")
    if not rights.may_administer():
        held = [key for key, permissions in rights.teams.items() if MANAGE_TEAM in permissions]
        teams = teams.filter(Q(joined=True) | Q(pk__in=held))
    return [PreviewSeat(one.slug, one.name, one.joined, rights.may_manage(one)) for one in teams]

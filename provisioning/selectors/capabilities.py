"""Capabilities and their published contracts, as rows for pages and parsed for planning.

A published contract never changes, so its parsed form is kept per process by digest.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db.models import Case, Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Coalesce

from governance.access import MANAGE_TEAM, Rights, visible
from idp.catalog.models import Team
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.availability import Requires, requires_of
from provisioning.domain.campaign import OPEN_CAMPAIGN_STATES
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.feedback import EASY, HARD
from provisioning.domain.version import choose, parse_version
from provisioning.models import Campaign, Capability, Contract, FeedbackSubject, PreviewTeam, UseTally


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


def usage_counts(capability: Capability, rights: Rights) -> dict[str, int]:
    """How many live resources the reader may see run each version, newest version first."""
    rows = (
        visible(UseTally.objects.filter(contract__capability=capability), rights)
        .values_list("contract__version")
        .annotate(n=Sum("living"))
        .filter(n__gt=0)
        .order_by("-contract__major", "-contract__minor", "-contract__patch")
    )
    return dict(rows)


@dataclass(frozen=True, slots=True)
class Uses:
    """How many living resources of a capability there are: of each version by its key, and how many of all the reader
    may not see."""

    used: Counter[int]
    unseen: int


@dataclass(frozen=True, slots=True)
class UsesPage:
    """What the systems of one page run; ``more`` says that further systems follow."""

    uses: tuple[Use, ...]
    more: bool


def uses_of(capability: Capability, rights: Rights) -> Uses:
    """Also those that the reader may only see counted; one query of kept sums."""
    rows = list(_used(capability=capability.pk, rights=rights))
    return Uses(Counter({key: n for key, n, _ in rows}), sum(n - (seen or 0) for _, n, seen in rows))


@Prepared
def _used(capability: int, rights: Rights) -> QuerySet[UseTally, Any]:
    return (
        UseTally.objects.filter(contract__capability=capability)
        .order_by()
        .values_list("contract_id")
        .annotate(n=Sum("living"), seen=Sum("living", filter=rights.sees("system")))
        .filter(n__gt=0)
    )


def usage_page(capability: Capability, rights: Rights, versions: Sequence[Contract], *, page: int = 1) -> UsesPage:
    """Which of ``versions`` (newest first) a page of ``SYSTEMS_SHOWN`` visible systems runs at which stage.

    Those with a bad version come first, then by name. What the reader may not see is left out before anything is cut.
    One query, which reads the tallies of those systems alone.
    """
    rows, order = {row.pk: row for row in versions}, {row.pk: place for place, row in enumerate(versions)}
    first = (page - 1) * SYSTEMS_SHOWN
    asked: dict[str, Any] = {"capability": capability.pk, "rights": rights}
    found = list(_page_of_uses(first=first, **asked) if first else _first_uses(**asked))
    # As the database sorts names, and one more than is shown.
    named = {system: slug for system, slug, *_ in found}
    bad = {system for system, _, contract, *_ in found if rows[contract].state in BAD_STATES}
    shown = sorted(named, key=lambda system: system not in bad)[:SYSTEMS_SHOWN]
    uses = [
        Use(SystemRef(system, slug), stage, place, rows[contract].version, rows[contract].state)
        for system, slug, contract, stage, place, _ in sorted(found, key=lambda row: order[row[2]])
        if system in shown
    ]
    return UsesPage(tuple(uses), more=len(named) > SYSTEMS_SHOWN)


def _page_of_uses(capability: int, rights: Rights, first: int) -> QuerySet[UseTally, Any]:
    """A row for each version and place of the systems from ``first`` on: key, slug, version's key, stage, its order."""
    there = visible(UseTally.objects.filter(contract__capability=capability), rights)
    systems = (
        there.values("system_id")
        .annotate(lives=Sum("living"), bad=Sum("living", filter=Q(contract__state__in=BAD_STATES)))
        .filter(lives__gt=0)
        .order_by(Case(When(bad__gt=0, then=0), default=1), "system__slug")
    )
    return (
        UseTally.objects.filter(
            contract__capability=capability, system__in=systems.values("system_id")[first : first + SYSTEMS_SHOWN + 1]
        )
        .values_list("system_id", "system__slug", "contract_id", "stage__name", "stage__order")
        .annotate(lives=Sum("living"))
        .filter(lives__gt=0)
        .order_by("system__slug", "system_id")
    )


@Prepared
def _first_uses(capability: int, rights: Rights) -> QuerySet[UseTally, Any]:
    return _page_of_uses(capability, rights, 0)


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

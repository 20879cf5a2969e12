"""Capabilities and their published contracts, as rows for pages and parsed for planning.

A published contract never changes, so its parsed form is kept per process by digest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.fields.json import KeyTransform

from governance.access import MANAGE_TEAM, Rights, visible
from idp.catalog.models import System, Team
from idp.kernel.errors import NotFound
from provisioning.domain.availability import Requires, requires_of
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.version import choose, parse_version
from provisioning.models import Capability, Contract, PreviewTeam, Resource


def capability_get(name: str) -> Capability:
    capability = Capability.objects.select_related("owner").filter(name=name).first()
    if capability is None:
        raise NotFound(f"There is no capability “{name}”.")
    return capability


def contracts_of(capability: Capability) -> QuerySet[Contract]:
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
        rows = (
            Contract.objects.filter(capability__name__in=set(names))
            .select_related("capability", "default_of")
            .annotate(requires=KeyTransform("requires", KeyTransform("spec", "document")))
            .defer("document", "capability__readme")
        )
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
class Use:
    """A version that a system runs at a stage."""

    system: System
    stage: str
    stage_order: int
    version: str
    state: str


def _living(capability: Capability) -> QuerySet[Resource]:
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
class Uses:
    """Living resources of one contract: all of them, and those in systems that the reader may see."""

    all: int = 0
    seen: int = 0


def uses_by_contract(capability: Capability, rights: Rights) -> dict[int, Uses]:
    """By contract; one query, counted in the database."""
    seen = Count("pk", filter=rights.sees("environment__system"))
    rows = _living(capability).values_list("contract").annotate(n=Count("pk"), seen=seen)
    return {key: Uses(number, visible_number) for key, number, visible_number in rows}


def systems_using(capability: Capability, rights: Rights, *, page: int = 1) -> list[System]:
    """A page of ``SYSTEMS_SHOWN`` and one more of the visible systems that run it, by name; those with a bad version
    first. What the reader may not see is left out before anything is cut."""
    used = _living(capability).filter(environment__system=OuterRef("pk"))
    rows = visible(System.objects.filter(Exists(used)), rights, "")
    bad = Exists(used.filter(contract__state__in=BAD_STATES))
    first = (page - 1) * SYSTEMS_SHOWN
    return list(rows.annotate(bad=bad).order_by("-bad", "slug")[first : first + SYSTEMS_SHOWN + 1])


def usage_by_place(capability: Capability, systems: Sequence[System]) -> list[Use]:
    """What these systems run at which stage, newest version first; one query, one row for each version and place."""
    by_key = {one.pk: one for one in systems}
    stage, contract = "environment__stage__", "contract__"
    rows = (
        _living(capability)
        .filter(environment__system__in=by_key)
        .values_list(
            "environment__system_id", f"{stage}name", f"{stage}order", f"{contract}version", f"{contract}state"
        )
        .distinct()
        .order_by(*(f"-{contract}{part}" for part in ("major", "minor", "patch")))
    )
    return [Use(by_key[key], *values) for key, *values in rows]


def preview_teams(capability: Capability) -> list[PreviewTeam]:
    """Teams that opted in to its previews, by name; one query."""
    rows = PreviewTeam.objects.filter(capability=capability).select_related("team", "joined_by")
    return list(rows.order_by("team__name"))


def teams_managed(rights: Rights) -> list[Team]:
    """Teams that the reader may opt in and out for, by name; one query, none for who manages no team."""
    if rights.may_administer():
        return list(Team.objects.order_by("name"))
    held = [key for key, permissions in rights.teams.items() if MANAGE_TEAM in permissions]
    rows = Team.objects.filter(pk__in=held).order_by("name") if held else []
    return [team for team in rows if rights.may_manage(team)]

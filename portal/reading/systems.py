"""Systems, their components and what runs of them, for the pages of systems."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from governance.access import Rights, visible
from governance.models import Transfer
from governance.services.approvals import waiting_change_ids
from idp.catalog.models import Component, Dependency, System
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from idp.kernel.tallies import total
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change, Environment, PlaceTally, Resource, StartHold
from provisioning.selectors.ownership import newest_work, people_who_own

RECENT: Final = 6
OTHERS: Final = 12


def system_list(rights: Rights, *, query: str = "", team: str = "", mine: bool = False) -> QuerySet[System]:
    """Visible systems, filtered by words of their name or description, a team's name, or to the person's own teams."""
    found = visible(System.objects.select_related("team"), rights, "")
    for word in query.split():
        found = found.filter(Q(slug__icontains=word) | Q(name__icontains=word) | Q(description__icontains=word))
    if team:
        found = found.filter(team__slug=team)
    if mine:
        found = found.filter(team__in=list(rights.teams))
    return found.order_by("slug")


def system_get(rights: Rights, slug: str) -> System:
    """The system with its team, ``component_count`` and what ``owner_hint`` reads; NotFound also when it is hidden."""
    found = next(iter(_system(rights=rights, slug=slug)), None)
    if found is None:
        raise NotFound(f"There is no system {slug}.", remedy="It may be gone, or you may not see it.")
    return found


@Prepared
def _system(rights: Rights, slug: str) -> QuerySet[System]:
    components = (
        Component.objects.filter(system=OuterRef("pk")).order_by().values("system").annotate(n=Count("pk")).values("n")
    )
    return (
        visible(System.objects.select_related("team"), rights, "")
        .annotate(
            component_count=Coalesce(Subquery(components, output_field=IntegerField()), Value(0)),
            confirmed_at=F("ownership__confirmed_at"),
            worked_at=newest_work(),
            has_people=Exists(people_who_own(OuterRef("team"))),
            goes_to=Subquery(Transfer.objects.filter(system=OuterRef("pk"), state="open").values("taker__name")[:1]),
        )
        .filter(slug=slug)
    )


SHOWN_IN_CELLS: Final = (
    "system_id",
    "name",
    "state",
    "monthly_cost",
    "created_at",
    "stage__name",
    "stage__order",
    "desired__number",
)


SHOWN_IN_FULL: Final = (
    "expires_at",
    "drifted",
    "ready_since",
    "observed__number",
    "desired__document",
    "desired__created_at",
    "desired__change__requester__username",
)


SHOWN_OF_CHANGES: Final = (
    *("state", "title", "reason", "environment_id", "environment_name", "created_at"),
    *("monthly_cost_before", "monthly_cost_after", "requester__username", "stage__name"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """One stage of one system: which environment stands for it, and figures of all that live there."""

    system: int
    stage: int
    named: int | None
    first: int
    living: int
    care: int
    cost: Decimal

    @property
    def standing(self) -> int:
        """The one that is named like the stage, else the first that was made; as ``matrix`` has it."""
        return self.named or self.first


def places_of(systems: Iterable[System]) -> list[Place]:
    """Every stage of these systems that has a living environment, in one query: figures are kept sums, and what stands
    for the stage is looked up by index. Keys rise with time."""
    return [Place(*row) for row in _places(systems=[one.pk for one in systems])]


@Prepared
def _places(systems: list[int]) -> QuerySet[PlaceTally, Any]:
    there = Environment.objects.filter(system=OuterRef("system_id"), stage=OuterRef("stage_id"), deleted_at=None)
    return (
        PlaceTally.objects.filter(system__in=systems)
        .order_by()
        .values_list("system_id", "stage_id")
        .annotate(
            named=Subquery(there.filter(name=F("stage__name")).values("pk")[:1]),
            first=Subquery(there.order_by("pk").values("pk")[:1]),
            lives=Sum("living"),
            cares=Sum("care"),
            cost=total("monthly_cost"),
        )
        .filter(lives__gt=0)
    )


def standing_of(systems: Iterable[System]) -> list[Environment]:
    """The environment that stands for each stage of each system, with stage and the number of its revision.

    ``alike`` counts the living environments in its place; ``of_system``, ``care_of_system`` and ``cost_of_system``
    speak of all living environments of its system. Two queries, and at most one row for each system and stage.
    """
    return standing_at(places_of(systems))


def standing_at(found: Iterable[Place]) -> list[Environment]:
    """The same of places that are known already; one query."""
    places = {one.standing: one for one in found}
    of, care, cost = Counter[int](), Counter[int](), defaultdict[int, Decimal](Decimal)
    for place in places.values():
        of[place.system] += place.living
        care[place.system] += place.care
        cost[place.system] += place.cost
    standing = sorted(_in_cells(keys=list(places)), key=lambda one: (one.stage.order, one.name))
    for one in standing:
        one.alike = places[one.pk].living  # type: ignore[attr-defined]
        one.of_system, one.care_of_system = of[one.system_id], care[one.system_id]  # type: ignore[attr-defined]
        one.cost_of_system = cost[one.system_id]  # type: ignore[attr-defined]
    return standing


@Prepared
def _in_cells(keys: list[int]) -> QuerySet[Environment]:
    return Environment.objects.filter(pk__in=keys).select_related("stage", "desired").only(*SHOWN_IN_CELLS)


def environments_in_full(system: System, places: Iterable[Place]) -> list[Environment]:
    """Those that stand for their stage, and the ``OTHERS`` that changed last, with document and who asked for it.

    One query, by the keys of the one and the order of the others, however many live in the system.
    """
    found = _in_full(system=system.pk, standing=[place.standing for place in places])
    for one in found:
        one.system = system
    return found


@Prepared
def _in_full(system: int, standing: list[int]) -> QuerySet[Environment]:
    living = Environment.objects.filter(system=system, deleted_at=None)
    newest = living.order_by("-changed_at", "-pk").values("pk")[:OTHERS]
    return (
        living.filter(Q(pk__in=standing) | Q(pk__in=newest))
        .select_related("stage", "observed", "desired__change__requester")
        .only(*SHOWN_IN_CELLS, *SHOWN_IN_FULL)
        .annotate(unknown_since=F("cluster__watch__unreachable_since"))
        .order_by("stage__order", "name")
    )


def resources_of(environments: Sequence[Environment]) -> list[Mapping[str, Any]]:
    """Observed resources as plain rows: environment, name, state, icon. One query."""
    return list(
        Resource.objects.filter(environment__in=[one.pk for one in environments])
        .exclude(state="gone")
        .values("environment_id", "name", "state", "contract__capability__icon")
    )


def open_counts(systems: Iterable[System]) -> dict[int, int]:
    """How many changes of each system are open. One query by the index of states."""
    rows = (
        Change.objects.filter(system__in=[one.pk for one in systems], state__in=OPEN_CHANGE_STATES)
        .order_by()
        .values_list("system")
        .annotate(n=Count("pk"))
    )
    return dict(rows)


def changes_of(rights: Rights, system: System, places: Iterable[Place]) -> list[Change]:
    """The most recent changes of a system, and the open ones of what stands for its stages, newest first. One query.

    ``open_together`` of the recent ones is how many of the system are open; ``for_me`` whether one waits for this
    person; ``starts_on`` and ``train_number`` what holds one that is agreed to. Two halves in a union, for each has an
    index of its own; asked for together, the database would read every change.
    """
    found = {
        one.pk: one for one in _changes(rights=rights, system=system.pk, standing=[place.standing for place in places])
    }
    return [found[key] for key in sorted(found, reverse=True)]


@Prepared
def _changes(rights: Rights, system: int, standing: list[int]) -> QuerySet[Change]:
    rows = Change.objects.filter(system=system).order_by()
    newest = rows.order_by("-id").values("pk")[RECENT - 1 : RECENT]
    number = rows.filter(state__in=OPEN_CHANGE_STATES).values("system").annotate(n=Count("pk")).values("n")
    mine = waiting_change_ids(rights).filter(change_id=OuterRef("pk"), state="waiting")
    shown = rows.select_related("requester", "stage").only(*SHOWN_OF_CHANGES)
    held = StartHold.objects.filter(change=OuterRef("pk"), released_at=None).order_by()
    shown = shown.annotate(
        for_me=Exists(mine),
        starts_on=Subquery(held.values("starts_at")[:1]),
        train_number=Subquery(held.values("train_id")[:1]),
    )
    recent = shown.filter(pk__gte=Coalesce(Subquery(newest), Value(0)))
    waiting = shown.filter(environment__in=standing, state__in=OPEN_CHANGE_STATES)
    counted = Coalesce(Subquery(number, output_field=IntegerField()), Value(0))
    return recent.annotate(open_together=counted).union(waiting.annotate(open_together=Value(0)), all=True)


def to_decide(rights: Rights, changes: Iterable[Change]) -> frozenset[int]:
    """Those among ``changes_of`` that wait for this person and are not their own. Asks the database nothing."""
    me = rights.actor.username
    return frozenset(
        one.pk
        for one in changes
        if one.state == "pending" and one.for_me and one.requester.username != me  # type: ignore[attr-defined]
    )


def used_by(rights: Rights, system: System) -> list[str]:
    """Names of visible systems with a component that needs one of this system."""
    return _users(rights=rights, system=system.pk)


@Prepared
def _users(rights: Rights, system: int) -> QuerySet[Dependency, str]:
    rows = visible(
        Dependency.objects.filter(needs__system=system).exclude(component__system=system), rights, "component__system"
    )
    return rows.order_by("component__system__slug").values_list("component__system__slug", flat=True).distinct()


def components_of(rights: Rights, system: System) -> list[Component]:
    """Components with what they need and what needs them, of visible systems only (``needs`` and ``needed``).

    Three queries, however many components there are.
    """
    found = list(Component.objects.filter(system=system).order_by("slug"))
    keys = [one.pk for one in found]
    needs = visible(Dependency.objects.filter(component__in=keys), rights, "needs__system")
    needed = visible(Dependency.objects.filter(needs__in=keys), rights, "component__system")
    of, by = _names(needs, "component_id", "needs"), _names(needed, "needs_id", "component")
    for one in found:
        one.needs, one.needed = of.get(one.pk, []), by.get(one.pk, [])  # type: ignore[attr-defined]
    return found


def component_get(rights: Rights, system: System, slug: str) -> Component:
    """One component with ``needs`` and ``needed``, as above; NotFound names the system."""
    found = next((one for one in components_of(rights, system) if one.slug == slug), None)
    if found is None:
        raise NotFound(f"{system.slug} has no component {slug}.", remedy=f"Open {system.slug} to see what it has.")
    found.system = system
    return found


def _names(rows: QuerySet[Dependency], key: str, end: str) -> dict[int, list[tuple[str, str]]]:
    named: dict[int, list[tuple[str, str]]] = {}
    for owner, system, component in rows.order_by(f"{end}__slug").values_list(
        key, f"{end}__system__slug", f"{end}__slug"
    ):
        named.setdefault(owner, []).append((system, component))
    return named


def count_living(system: System) -> int:
    """Living environments of a system; the guard of its deletion, also for those the asker does not see."""
    return Environment.objects.filter(system=system, deleted_at=None).count()


def resources_by(rights: Rights, component: Component) -> list[Resource]:
    """Living resources that carry this component, by stage. One query."""
    rows = Resource.objects.filter(component=component, environment__deleted_at=None).exclude(state="gone")
    return list(
        visible(rows, rights, "environment__system")
        .select_related("environment__stage", "environment__system", "contract__capability")
        .defer("contract__document", "contract__capability__readme", "environment__conditions")
        .order_by("environment__stage__order", "environment__name", "name")[:100]
    )

"""Systems, their components and what runs of them, for the pages of systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.db.models import (
    Case,
    Count,
    F,
    IntegerField,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, RowNumber

from governance.access import Rights, visible
from idp.catalog.models import Component, Dependency, System
from idp.kernel.errors import NotFound
from provisioning.domain.lifecycle import OPEN_CHANGE_STATES
from provisioning.models import Change, Environment, Resource, Revision

RECENT: Final = 6
OTHERS: Final = 12
CARE: Final = frozenset({"failed", "degraded"})


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
    """The system with its team and ``component_count``; NotFound also when it may not be seen."""
    components = (
        Component.objects.filter(system=OuterRef("pk")).order_by().values("system").annotate(n=Count("pk")).values("n")
    )
    found = (
        visible(System.objects.select_related("team"), rights, "")
        .annotate(component_count=Coalesce(Subquery(components, output_field=IntegerField()), Value(0)))
        .filter(slug=slug)
        .first()
    )
    if found is None:
        raise NotFound(f"There is no system {slug}.", remedy="It may be gone, or you may not see it.")
    return found


PLACE: Final = (F("system"), F("stage"))
STANDS_FIRST: Final = (Case(When(name=F("stage__name"), then=0), default=1), F("created_at"), F("pk"))
"""Of one system and stage: the environment that is named like the stage, else the oldest; as ``matrix`` has it."""


def standing_of(systems: Iterable[System]) -> list[Environment]:
    """The environment that stands for each stage of each system, with stage and the number of its revision.

    ``alike`` counts the living environments in its place; ``of_system``, ``care_of_system`` and ``cost_of_system``
    speak of all living environments of its system. Two queries, and at most one row for each system and stage.
    """
    living = Environment.objects.filter(system__in=[one.pk for one in systems], deleted_at=None)
    system = [F("system")]
    return list(
        living.annotate(
            place=Window(RowNumber(), partition_by=PLACE, order_by=STANDS_FIRST),
            alike=Window(Count("pk"), partition_by=PLACE),
            of_system=Window(Count("pk"), partition_by=system),
            care_of_system=Window(Count("pk", filter=Q(state__in=CARE)), partition_by=system),
            cost_of_system=Window(Sum("monthly_cost"), partition_by=system),
        )
        .filter(place=1)
        .select_related("stage")
        .defer("conditions")
        # Apart, for the database would join the revisions of all environments before it leaves most of them out.
        .prefetch_related(Prefetch("desired", Revision.objects.defer("document")))
        .order_by("stage__order", "name")
    )


def environments_in_full(system: System) -> list[Environment]:
    """Those that stand for their stage, and the ``OTHERS`` that changed last, with document and who asked for it.

    ``place`` is 1 for those that stand for their stage; ``together`` and ``cost_together`` speak of all living ones.
    Two queries.
    """
    unshown = ("change__plan", "change__facts", "change__target", "change__verdicts")
    revisions = Revision.objects.select_related("change__requester").defer(*unshown)
    return list(
        Environment.objects.filter(system=system, deleted_at=None)
        .annotate(
            place=Window(RowNumber(), partition_by=PLACE, order_by=STANDS_FIRST),
            newness=Window(RowNumber(), order_by=(F("changed_at").desc(), F("pk").desc())),
            together=Window(Count("pk")),
            cost_together=Window(Sum("monthly_cost")),
        )
        .filter(Q(place=1) | Q(newness__lte=OTHERS))
        .select_related("stage")
        .prefetch_related(Prefetch("desired", revisions))
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


def changes_of(system: System) -> list[Change]:
    """The open changes of a system and its most recent ones, newest first. One query.

    Two halves in a union, for each has an index of its own; asked for together, the database would read every change.
    """
    rows = Change.objects.filter(system=system).order_by()
    rows = rows.select_related("requester", "stage").defer("plan", "facts", "target", "verdicts")
    newest = Change.objects.filter(system=system).order_by("-id").values("pk")[RECENT - 1 : RECENT]
    recent = rows.filter(pk__gte=Coalesce(Subquery(newest), Value(0)))
    found = {one.pk: one for one in recent.union(rows.filter(state__in=OPEN_CHANGE_STATES), all=True)}
    return [found[key] for key in sorted(found, reverse=True)]


def used_by(rights: Rights, system: System) -> list[str]:
    """Names of visible systems with a component that needs one of this system."""
    rows = visible(
        Dependency.objects.filter(needs__system=system).exclude(component__system=system), rights, "component__system"
    )
    return list(rows.order_by("component__system__slug").values_list("component__system__slug", flat=True).distinct())


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

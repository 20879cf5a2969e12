"""Freezes as they stand, read once per process and write: what holds a change, an environment, or a whole list.

A mark in the database changes with every write to a freeze. Who reads a row anyway has the mark read along with it
(``freeze_mark``), so that asking for freezes costs no query of its own until one was declared, edited or lifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Count, Exists, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from governance.access import Rights
from idp.catalog.models import System, Team
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import NotFound
from idp.kernel.prepared import Prepared
from provisioning.domain.freeze import (
    KIND_COVERS,
    OWN_COVERS,
    Freeze,
    Hold,
    Place,
    Scope,
    covers_of,
    holds,
    in_force,
    touched,
)
from provisioning.domain.sleep_schedule import Schedule, schedule_read
from provisioning.models import Change, Environment, FreezeMark, GitSource, GlassBreak, Stage
from provisioning.models import Freeze as Row
from provisioning.selectors.stages import stage_list

KNOWN_FOR: Final = 5
SHOWN_KEY: Final = "freezes.shown"
_held: tuple[int, tuple[Freeze, ...]] = (0, ())


def freeze_mark() -> Coalesce:
    """The mark, to annotate a row with that is read anyway; 0 while nothing was ever frozen."""
    return Coalesce(Subquery(FreezeMark.objects.order_by("pk").values("number")[:1]), Value(0))


@Prepared
def stages_marked() -> QuerySet[Stage]:
    """All stages in order, each with the mark as ``freeze_mark``, and whether any source of Git owns (``git_owns``)."""
    return stage_list().annotate(freeze_mark=freeze_mark(), git_owns=Exists(GitSource.objects.filter(owns=True)))


def standing(mark: int | None = None) -> tuple[Freeze, ...]:
    """Every freeze that is not lifted, oldest first; over or to come among them.

    ``mark`` is that of a row read in this transaction; without it one query asks for it.
    """
    global _held  # noqa: PLW0603 - one process-wide cache, replaced as a whole
    if mark is None:
        mark = FreezeMark.objects.order_by("pk").values_list("number", flat=True).first() or 0
    if mark == 0:
        return ()
    if mark != _held[0]:
        _held = (mark, tuple(freeze_of(row) for row in standing_rows()))
    return _held[1]


def standing_rows() -> QuerySet[Row]:
    return Row.objects.filter(lifted_at=None).select_related("declared_by").order_by("pk")


def freeze_of(row: Row) -> Freeze:
    """A row as the domain reads it; needs ``declared_by`` joined. Windows whose zone is gone hold all week."""
    schedule, errors = schedule_read(row.windows, row.zone)
    return Freeze(
        id=row.pk,
        title=row.title,
        reason=row.reason,
        by=row.declared_by.username,
        scope=Scope.of(row.scope),
        covers=frozenset(row.covers),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        schedule=Schedule(()) if errors else schedule,
        glass=row.glass,
    )


def change_holds(change: Change, *, now: datetime) -> list[Hold]:
    """What keeps ``change`` from starting now. Needs system, team and stage joined. One query, two where it is held."""
    by_clock = change.kind in OWN_COVERS and change.requester.username == PLATFORM.username
    covers = covers_of(change.kind, by_clock=by_clock)
    if not covers:
        return []
    place = Place(
        change.system.team.slug,
        change.system.slug,
        change.stage.name,
        touched(change.plan, change.target, change.base.document if change.base else None),
    )
    found = holds(standing(), place, covers, now)
    return _unbroken(change.pk, found) if found else []


def _unbroken(change_id: int, found: list[Hold]) -> list[Hold]:
    """Those of ``found`` whose glass was not broken for the change."""
    broken = GlassBreak.objects.filter(change=change_id).values_list("freezes", flat=True).first() or []
    return [hold for hold in found if hold.freeze.id not in broken]


def environment_hold(environment: Environment, covers: str, *, now: datetime) -> Hold | None:
    """What holds ``covers`` of an environment now. Needs system, team, stage and desired joined. One query."""
    document: Mapping[str, Any] | None = environment.desired.document if environment.desired else None
    place = Place(
        environment.system.team.slug,
        environment.system.slug,
        environment.stage.name,
        touched({}, document),
    )
    found = holds(standing(), place, covers, now)
    return found[0] if found else None


def frozen_places(covers: str, *, now: datetime) -> Q:
    """A filter for environments in which ``covers`` is held; freezes of capabilities are left to a closer look."""
    return _any(
        _places(hold.freeze.scope, "")
        for hold in _in_force(now)
        if covers in hold.freeze.covers and not hold.freeze.scope.capabilities
    )


def frozen_changes(now: datetime) -> Q:
    """A filter for approved changes that may not start now, so that they take nobody's turn; as ``frozen_places``."""
    own = Q(requester__username=PLATFORM.username)
    held = []
    for hold in _in_force(now):
        scope, covers = hold.freeze.scope, hold.freeze.covers
        kinds = [kind for kind, needed in KIND_COVERS.items() if needed in covers]
        by_clock = [kind for kind, needed in OWN_COVERS.items() if needed in covers]
        asked = (Q(kind__in=kinds) & ~(own & Q(kind__in=list(OWN_COVERS)))) | (own & Q(kind__in=by_clock))
        if not scope.capabilities:
            held.append(_places(scope, "") & asked)
    return _any(held) & Q(glass=None)


def _in_force(now: datetime) -> list[Hold]:
    return [hold for one in standing() if (hold := in_force(one, now)) is not None]


def _places(scope: Scope, prefix: str) -> Q:
    found = Q()
    for names, path in (
        (scope.teams, "system__team__slug"),
        (scope.systems, "system__slug"),
        (scope.stages, "stage__name"),
    ):
        if names:
            found &= Q(**{f"{prefix}{path}__in": sorted(names)})
    return found


def _any(parts: Iterable[Q]) -> Q:
    """Any of ``parts``, one of which may be everything; nothing without any."""
    found = Q(pk__in=())
    for one in parts:
        if not one:
            return Q(pk__isnull=False)
        found |= one
    return found


@dataclass(frozen=True, slots=True)
class Shown:
    """A freeze as pages look at it: ``systems`` are those of its teams, known without asking again."""

    freeze: Freeze
    systems: frozenset[str]

    def concerns(self, *, system: str, team: str, stage: str, capability: str) -> bool:
        """Whether a page about these, each of them empty where it is about none, is to say so."""
        scope = self.freeze.scope
        if scope.is_all:
            return True
        if stage and scope.stages and stage not in scope.stages:
            return False
        if capability:
            return capability in scope.capabilities
        if system:
            of_team = not scope.teams or system in self.systems
            return of_team and (not scope.systems or system in scope.systems)
        return bool(team) and team in scope.teams


def freezes_shown() -> tuple[Shown, ...]:
    """What stands, for the banners of pages; kept for seconds in the process. At most two queries, mostly none."""
    found: tuple[Shown, ...] | None = cache.get_or_set(SHOWN_KEY, _shown, KNOWN_FOR)
    return found or ()


def _shown() -> tuple[Shown, ...]:
    found = standing()
    teams = {team for one in found for team in one.scope.teams}
    owned: dict[str, set[str]] = {}
    if teams:
        for team, system in System.objects.filter(team__slug__in=teams).values_list("team__slug", "slug"):
            owned.setdefault(team, set()).add(system)
    return tuple(
        Shown(one, frozenset(name for team in one.scope.teams for name in owned.get(team, ()))) for one in found
    )


def freeze_list(*, over: bool = False) -> QuerySet[Row]:
    """Freezes, newest first, with who declared and lifted them; those ``over`` are the lifted and ended ones."""
    rows = Row.objects.select_related("declared_by", "lifted_by")
    return rows if over else rows.filter(lifted_at=None)


def freeze_get(freeze_id: int) -> Row:
    row = Row.objects.select_related("declared_by", "lifted_by").filter(pk=freeze_id).first()
    if row is None:
        raise NotFound(f"There is no freeze {freeze_id}.")
    return row


def breaks_open(*, limit: int = 50) -> list[GlassBreak]:
    """Broken glass that nobody has agreed to yet, the most urgent first. One query."""
    rows = GlassBreak.objects.filter(verdict="").order_by("due_at", "pk")
    return list(_joined(rows)[:limit])


def breaks_visible(rights: Rights, rows: QuerySet[GlassBreak] | None = None) -> QuerySet[GlassBreak]:
    """Broken glass of systems that the reader may see, newest first."""
    found = GlassBreak.objects.all() if rows is None else rows
    return _joined(found.filter(rights.sees("change__system"))).order_by("-pk")


def _joined(rows: QuerySet[GlassBreak]) -> QuerySet[GlassBreak]:
    heavy = ("plan", "facts", "target", "verdicts")
    return rows.select_related("change__system__team", "change__stage", "freeze", "broken_by", "reviewed_by").defer(
        *(f"change__{name}" for name in heavy)
    )


@dataclass(frozen=True, slots=True)
class Affected:
    """Whom a freeze would meet: counts, and the teams by name with their living environments."""

    environments: int
    waiting: int
    teams: tuple[tuple[str, str, int], ...]


def affected(scope: Scope, covers: Iterable[str]) -> Affected:
    """Who is affected by a freeze of ``scope`` that ``covers`` these. Two queries.

    ``waiting`` are open changes that would wait or be refused. Of capabilities all places count that use one.
    """
    living = Environment.objects.filter(_places(scope, ""), deleted_at=None)
    waiting = Change.objects.filter(_places(scope, ""), state__in=("pending", "approved"))
    waiting = waiting.filter(kind__in=[kind for kind, needed in KIND_COVERS.items() if needed in set(covers)])
    if scope.capabilities:
        used = {"resources__contract__capability__name__in": sorted(scope.capabilities)}
        living = living.filter(**used).distinct()
        waiting = waiting.filter(**{f"environment__{key}": names for key, names in used.items()}).distinct()
    rows = living.order_by().values_list("system__team__slug", "system__team__name")
    found = tuple(rows.annotate(n=Count("pk", distinct=True)).order_by("-n", "system__team__name"))
    return Affected(sum(count for _, _, count in found), waiting.count(), found)


def teams_concerned(scope: Scope) -> QuerySet[Team]:
    """Teams whose people are told: those named, those of the systems named, or all of them."""
    if scope.systems:
        return Team.objects.filter(systems__slug__in=sorted(scope.systems)).distinct()
    return Team.objects.filter(slug__in=sorted(scope.teams)) if scope.teams else Team.objects.all()

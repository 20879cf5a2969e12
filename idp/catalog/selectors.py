"""Reads of the catalog: all take the reader's rights first and return only what that reader may know of.

The catalog lies below governance, so it knows rights only by ``Sight``; ``governance.access.Rights`` is one.
"""

from __future__ import annotations

from typing import Protocol

from django.db.models import Count, Prefetch, Q, QuerySet

from idp.catalog.models import Component, Membership, System, Team, User
from idp.kernel.errors import NotFound


class Sight(Protocol):
    """What this module needs of rights."""

    def require_scope(self, scope: str) -> None:
        """Raises NotSignedIn or Forbidden."""

    def sees(self, path: str = "") -> Q:
        """A filter for what the reader may see; ``path`` leads to System, ``""`` is System itself."""


def system_list(rights: Sight, *, query: str = "", team: str = "") -> QuerySet[System]:
    """Visible systems by slug, each with its team and ``component_count``."""
    rights.require_scope("read")
    rows = System.objects.filter(rights.sees(), _named(query)).select_related("team").order_by("slug")
    rows = rows.annotate(component_count=Count("components"))
    return rows.filter(team__slug=team) if team else rows


def system_get(rights: Sight, slug: str) -> System:
    """One visible system with its team; NotFound otherwise. One query."""
    rights.require_scope("read")
    system = System.objects.filter(rights.sees(), slug=slug).select_related("team").first()
    if system is None:
        raise NotFound(f"There is no system “{slug}” that you may see.")
    return system


def team_list(rights: Sight, *, query: str = "") -> QuerySet[Team]:
    """All teams by slug, with ``member_count``. Systems are not counted: some may be restricted."""
    rights.require_scope("read")
    return Team.objects.filter(_named(query)).annotate(member_count=Count("memberships")).order_by("slug")


def team_get(rights: Sight, slug: str) -> Team:
    """One team with ``memberships`` (and their users) fetched, by name; NotFound otherwise. Two queries."""
    rights.require_scope("read")
    members = Membership.objects.select_related("user").order_by("user__username")
    team = Team.objects.filter(slug=slug).prefetch_related(Prefetch("memberships", members)).first()
    if team is None:
        raise NotFound(f"There is no team “{slug}”.")
    return team


def component_list(
    rights: Sight, *, system: System | None = None, query: str = "", type: str = "", team: str = ""
) -> QuerySet[Component]:
    """Visible components by slug, each with its system and team, and the components it needs fetched."""
    rights.require_scope("read")
    rows = Component.objects.filter(rights.sees("system"), _named(query)).select_related("system__team")
    if system is not None:
        rows = rows.filter(system=system)
    if type:
        rows = rows.filter(type=type)
    if team:
        rows = rows.filter(system__team__slug=team)
    return rows.prefetch_related(Prefetch("depends_on", _visible_components(rights))).order_by("slug")


def component_get(rights: Sight, slug: str) -> Component:
    """One visible component with its system and team, ``depends_on`` and ``dependents`` fetched; NotFound otherwise."""
    rights.require_scope("read")
    seen = _visible_components(rights)
    component = (
        Component.objects.filter(rights.sees("system"), slug=slug)
        .select_related("system__team")
        .prefetch_related(Prefetch("depends_on", seen), Prefetch("dependents", seen))
        .first()
    )
    if component is None:
        raise NotFound(f"There is no component “{slug}” that you may see.")
    return component


def people(query: str = "") -> QuerySet[User]:
    """Active accounts by name, to choose members from."""
    chosen = Q(username__icontains=query) | Q(display_name__icontains=query) if query else Q()
    return User.objects.filter(chosen, is_active=True).order_by("username")


def _visible_components(rights: Sight) -> QuerySet[Component]:
    return Component.objects.filter(rights.sees("system")).select_related("system").order_by("slug")


def _named(query: str) -> Q:
    wanted = query.strip()
    return Q(slug__icontains=wanted) | Q(name__icontains=wanted) if wanted else Q()

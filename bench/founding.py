"""The organisation that the seeded data belongs to: a few teams with much and many with little.

Called by ``bench.seed``. People, roles and quotas are made by the services, so that rights are as in life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import Group

from governance.services.policies import starter_policies_install
from governance.services.quota import quota_set
from governance.services.teams import membership_set, team_create
from idp.catalog.models import Component, Dependency, System, Team, User
from idp.kernel.actor import PLATFORM
from provisioning.models import Stage
from provisioning.services.setup import contracts_install, sandbox_install

ROLES = ("developer", "developer", "developer", "maintainer", "maintainer", "viewer")
"""Of the people of one team, in order."""

AREAS = ("checkout", "billing", "search", "catalog", "account", "ledger", "shipping", "pricing", "fraud", "loyalty")
THINGS = ("api", "portal", "engine", "gateway", "service", "hub", "store", "desk", "feed", "worker")
COMPONENT_KINDS = ("service", "website", "job")
SKEW = 0.8
"""Exponent of the Zipf law of who has how much: the first of 200 systems has about 6 % of all environments."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """Teams with their people in order of ``ROLES``; the first team and the first system are the largest."""

    teams: Sequence[Team]
    people: Sequence[Sequence[User]]
    systems: Sequence[System]
    stages: Sequence[Stage]

    @property
    def developer(self) -> User:
        """A developer of the largest team: who the pages are measured as."""
        return self.people[0][0]

    @property
    def maintainer(self) -> User:
        return self.people[0][ROLES.index("maintainer")]

    def members(self, system: System) -> Sequence[User]:
        return self.people[next(index for index, team in enumerate(self.teams) if team.pk == system.team_id)]


def shares(total: int, among: int) -> list[int]:
    """``total`` split by a Zipf law, largest first; each gets at least one while there is enough."""
    weights = [1 / (rank + 1) ** SKEW for rank in range(among)]
    whole = sum(weights)
    found = [max(1, int(total * weight / whole)) for weight in weights]
    found[0] += max(0, total - sum(found))
    return found


def found(*, systems: int, now: datetime) -> Organisation:
    """Stages on a sandbox, contracts, policies, and ``systems`` systems of a fifth as many teams, of thirty at least
    where that gives each two systems."""
    Group.objects.get_or_create(name="platform")
    sandbox_install(now=now)
    contracts_install(now=now)
    starter_policies_install(PLATFORM, now=now)
    teams = [
        team_create(PLATFORM, slug=f"team-{index:03}", name=f"Team {index:03}", now=now)
        for index in range(max(2, systems // 5, min(30, systems // 2)))
    ]
    people = [_hire(team, now) for team in teams]
    for team in teams:
        quota_set(
            PLATFORM, team=team, cpu=500_000, memory_gib=900_000, storage_gib=900_000, environments=200_000, now=now
        )
    made = _systems(teams, systems, now)
    _components(made, now)
    return Organisation(teams, people, made, list(Stage.objects.select_related("cluster").order_by("order")))


def _hire(team: Team, now: datetime) -> list[User]:
    people = User.objects.bulk_create(
        User(username=f"{team.slug}-{number}", email=f"{team.slug}-{number}@example.com", password="!")
        for number in range(len(ROLES))
    )
    for user, role in zip(people, ROLES, strict=True):
        membership_set(PLATFORM, team=team, user=user, role=role, now=now)
    return people


def _systems(teams: Sequence[Team], number: int, now: datetime) -> list[System]:
    """The largest systems go to the first teams; one in twelve is restricted."""
    owners = [team for team, share in zip(teams, shares(number, len(teams)), strict=True) for _ in range(share)]
    return System.objects.bulk_create(
        System(
            slug=f"{AREAS[index % 10]}-{THINGS[index // 10 % 10]}-{index:03}",
            name=f"{AREAS[index % 10].capitalize()} {THINGS[index // 10 % 10]} {index:03}",
            description="What customers see when they pay.",
            team=owners[index],
            restricted=index % 12 == 11,
            created_at=now - timedelta(days=400),
        )
        for index in range(number)
    )


def _components(systems: Sequence[System], now: datetime) -> None:
    made = Component.objects.bulk_create(
        Component(
            slug=f"c{index:04}-{kind}",
            name=f"{system.name} {kind}",
            system=system,
            type=kind,
            repository=f"https://git.example/{system.slug}/{kind}",
            links=[{"title": "Runbook", "url": f"https://docs.example/{system.slug}"}],
            created_at=now - timedelta(days=400),
        )
        for index, system in enumerate(systems)
        for kind in COMPONENT_KINDS
    )
    Dependency.objects.bulk_create(Dependency(component=one, needs=made[0]) for one in made[3:600:7])

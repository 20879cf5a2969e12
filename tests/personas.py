"""The people and things that most tests need, made by services as people would make them.

``Organisation.found()`` makes two teams, one person of every kind, an open and a restricted system and generous
quotas. ``organisation.actor("developer")`` is a signed-in person, with ``scopes=…`` a token of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from governance.access import AUDITORS, PLATFORM_ADMINS, Rights, rights_of
from governance.services.components import component_create
from governance.services.quota import quota_set
from governance.services.systems import system_create
from governance.services.teams import membership_set, team_create
from idp.catalog.models import Component, System, Team, User
from idp.kernel.actor import PLATFORM, Actor, Via
from tests.recording import once

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PASSWORD = "correct horse battery staple"

ROLES = {
    "developer": ("payments", "developer"),
    "maintainer": ("payments", "maintainer"),
    "second_maintainer": ("payments", "maintainer"),
    "viewer": ("payments", "viewer"),
    "stranger": ("storefront", "developer"),
    "storefront_maintainer": ("storefront", "maintainer"),
}
GROUPS = {"admin": PLATFORM_ADMINS, "auditor": AUDITORS, "platform_engineer": "platform"}
PERSONAS = (*ROLES, *GROUPS)
ANONYMOUS = Actor(user_id=None, username="", via="portal")


def person(username: str, **fields: object) -> User:
    """An account that can sign in with PASSWORD, in no team."""
    email = f"{username}@example.com"
    return User.objects.create(username=username, email=email, password=_hashed_password(), **fields)


@lru_cache(maxsize=1)
def _hashed_password() -> str:
    """Once per process: hashing is slow on purpose."""
    return make_password(PASSWORD)


def actor_of(
    user: User, *, via: Via = "portal", scopes: Iterable[str] | None = None, systems: Iterable[str] = ()
) -> Actor:
    """``user`` as signed in, or as a token with ``scopes``."""
    return Actor(
        user_id=user.pk,
        username=user.username,
        via=via if scopes is None else "api",
        scopes=None if scopes is None else frozenset(scopes),
        systems=frozenset(systems),
    )


@dataclass
class Organisation:
    """Teams ``payments`` (systems ``checkout``, and ``vault``, restricted) and ``storefront`` (``shop``)."""

    people: dict[str, User] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)
    components: dict[str, Component] = field(default_factory=dict)

    @classmethod
    def found(cls) -> Organisation:
        return once("organisation", cls._founded)

    @classmethod
    def _founded(cls) -> Organisation:
        organisation = cls()
        organisation._hire()
        organisation._own()
        return organisation

    def __getattr__(self, name: str) -> User:
        """``organisation.developer`` is that User."""
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def actor(
        self, persona: str, *, via: Via = "portal", scopes: Iterable[str] | None = None, systems: Iterable[str] = ()
    ) -> Actor:
        if persona == "anonymous":
            return ANONYMOUS
        return actor_of(self.people[persona], via=via, scopes=scopes, systems=systems)

    def rights(self, persona: str, *, scopes: Iterable[str] | None = None, systems: Iterable[str] = ()) -> Rights:
        return rights_of(self.actor(persona, scopes=scopes, systems=systems))

    @property
    def payments(self) -> Team:
        return self.teams["payments"]

    @property
    def storefront(self) -> Team:
        return self.teams["storefront"]

    @property
    def checkout(self) -> System:
        return self.systems["checkout"]

    @property
    def vault(self) -> System:
        return self.systems["vault"]

    def _hire(self) -> None:
        for slug, name in (("payments", "Payments"), ("storefront", "Storefront")):
            self.teams[slug] = team_create(PLATFORM, slug=slug, name=name, description="", now=NOW)
        for persona, (team, role) in ROLES.items():
            self.people[persona] = person(persona)
            membership_set(PLATFORM, team=self.teams[team], user=self.people[persona], role=role, now=NOW)
        for persona, group in GROUPS.items():
            self.people[persona] = person(persona)
            self.people[persona].groups.add(Group.objects.get_or_create(name=group)[0])

    def _own(self) -> None:
        for team in self.teams.values():
            quota_set(PLATFORM, team=team, cpu=20, memory_gib=40, storage_gib=500, environments=10, now=NOW)
        for slug, team, restricted in (
            ("checkout", "payments", False),
            ("vault", "payments", True),
            ("shop", "storefront", False),
        ):
            self.systems[slug] = system_create(
                PLATFORM,
                slug=slug,
                name=slug.capitalize(),
                description="",
                team=self.teams[team],
                restricted=restricted,
                now=NOW,
            )
        for slug, system in (("checkout-api", "checkout"), ("vault-api", "vault"), ("shop-web", "shop")):
            self.components[slug] = component_create(
                PLATFORM,
                system=self.systems[system],
                slug=slug,
                name=slug,
                type="service",
                description="",
                repository=f"https://git.example/{slug}",
                links=[],
                depends_on=["checkout-api"] if slug == "shop-web" else [],
                now=NOW,
            )

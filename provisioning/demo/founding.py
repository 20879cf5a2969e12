"""Makes the demo's teams, people, systems and rules, in the order that a real company would. Called by the story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from governance.services.accounts import account_create
from governance.services.components import component_create
from governance.services.policies import starter_policies_install
from governance.services.quota import quota_set
from governance.services.systems import system_create
from governance.services.teams import membership_set, team_create
from idp.catalog.models import System, Team, User
from idp.kernel.actor import Actor
from provisioning.demo.organisation import COMPONENTS, PEOPLE, STAGE_LINKS, SYSTEMS, TEAMS, links, repository
from provisioning.selectors.stages import stage_list
from provisioning.services.links import link_save
from provisioning.services.setup import contracts_install, sandbox_install
from provisioning.services.stages import stage_save

DEMO = Actor(user_id=None, username="slipway", via="demo")
SOAK_MINUTES = {"staging": 15, "prod": 120}


def found(now: Callable[[], datetime], *, password_hash: str) -> dict[str, Actor]:
    """Everything but environments; answers who can act, by user name. Every account has the one password."""
    contracts_install(DEMO, now=now())
    sandbox_install(DEMO, now=now())
    _prove(now)
    teams = {one.slug: _team(one.slug, one.name, one.description, one.quota, now) for one in TEAMS}
    people = {one.username: _person(one.username, one.name, one.groups, password_hash, now) for one in PEOPLE}
    for person in PEOPLE:
        for team, role in person.roles:
            membership_set(DEMO, team=teams[team], user=people[person.username], role=role, now=now())
    starter_policies_install(DEMO, now=now())
    _own(teams, now)
    _link(now)
    return {name: Actor(user.pk, name, via="portal") for name, user in people.items()}


def _prove(now: Callable[[], datetime]) -> None:
    """Say for how long a set must have run Ready before it goes on."""
    for stage in stage_list():
        if stage.name in SOAK_MINUTES:
            kept = ("name", "title", "summary", "order", "cluster", "promotes_from", "production", "default_days",
                    "max_days", "idle_hours")  # fmt: skip
            fields = {name: getattr(stage, name) for name in kept}
            stage_save(DEMO, **fields, soak_minutes=SOAK_MINUTES[stage.name], now=now())


def _link(now: Callable[[], datetime]) -> None:
    for stage in stage_list():
        for name, kind, url in STAGE_LINKS:
            if kind != "alerts" or stage.production:
                link_save(DEMO, stage=stage, name=name, kind=kind, url=url, now=now())


def _team(
    slug: str, name: str, description: str, quota: tuple[int, int, int, int], now: Callable[[], datetime]
) -> Team:
    team = team_create(DEMO, slug=slug, name=name, description=description, now=now())
    cpu, memory_gib, storage_gib, environments = quota
    quota_set(
        DEMO,
        team=team,
        cpu=cpu,
        memory_gib=memory_gib,
        storage_gib=storage_gib,
        environments=environments,
        now=now(),
    )
    return team


def _person(username: str, name: str, groups: tuple[str, ...], password_hash: str, now: Callable[[], datetime]) -> User:
    return account_create(
        DEMO,
        username=username,
        display_name=name,
        email=f"{username}@company.example",
        password_hash=password_hash,
        groups=groups,
        now=now(),
    )


def _own(teams: dict[str, Team], now: Callable[[], datetime]) -> None:
    systems: dict[str, System] = {}
    for one in SYSTEMS:
        systems[one.slug] = system_create(
            DEMO,
            slug=one.slug,
            name=one.name,
            description=one.description,
            team=teams[one.team],
            restricted=one.restricted,
            now=now(),
        )
    for part in COMPONENTS:
        component_create(
            DEMO,
            system=systems[part.system],
            slug=part.slug,
            name=part.name,
            type=part.type,
            description=part.description,
            repository=repository(part),
            links=links(part),
            depends_on=part.needs,
            now=now(),
        )

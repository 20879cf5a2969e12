"""Reads of the catalog: only what the reader may know of, at a cost that does not grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.access import Rights
from governance.services.systems import component_update, system_create
from idp.catalog.selectors import (
    component_get,
    component_list,
    people,
    system_get,
    system_list,
    team_get,
    team_list,
)
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, NotFound, NotSignedIn
from tests.personas import NOW, Organisation


def slugs(rows: Any) -> list[str]:
    return [row.slug for row in rows]


@pytest.mark.parametrize(
    ("persona", "given", "found"),
    [
        ("developer", {}, ["checkout", "shop", "vault"]),
        ("stranger", {}, ["checkout", "shop"]),
        ("developer", {"team": "payments"}, ["checkout", "vault"]),
        ("stranger", {"team": "payments"}, ["checkout"]),
        ("developer", {"query": " VAU "}, ["vault"]),
        ("stranger", {"query": "vau"}, []),
        ("developer", {"query": "%"}, []),
    ],
)
def test_it_lists_systems(organisation: Organisation, persona: str, given: dict[str, str], found: list[str]) -> None:
    rows = system_list(organisation.rights(persona), **given)
    assert slugs(rows) == found
    assert all(row.component_count == 1 for row in rows)


def test_it_gets_a_system_or_does_not_know_it(organisation: Organisation) -> None:
    assert system_get(organisation.rights("viewer"), "vault").team.slug == "payments"
    for persona, slug in (("stranger", "vault"), ("stranger", "nothing")):
        with pytest.raises(NotFound) as caught:
            system_get(organisation.rights(persona), slug)
        assert caught.value.message == f"There is no system “{slug}” that you may see."


def test_it_gets_a_team_with_its_members(organisation: Organisation, django_assert_num_queries: Any) -> None:
    rights = organisation.rights("stranger")
    with django_assert_num_queries(2):
        team = team_get(rights, "payments")
        members = [(member.user.username, member.role) for member in team.memberships.all()]
    assert members == [
        ("developer", "developer"),
        ("maintainer", "maintainer"),
        ("second_maintainer", "maintainer"),
        ("viewer", "viewer"),
    ]
    assert [(row.slug, row.member_count) for row in team_list(rights)] == [("payments", 4), ("storefront", 2)]
    with pytest.raises(NotFound):
        team_get(rights, "nothing")


@pytest.mark.parametrize(
    ("persona", "given", "found"),
    [
        ("developer", {}, ["checkout-api", "shop-web", "vault-api"]),
        ("stranger", {}, ["checkout-api", "shop-web"]),
        ("developer", {"team": "storefront"}, ["shop-web"]),
        ("developer", {"type": "library"}, []),
        ("developer", {"query": "api"}, ["checkout-api", "vault-api"]),
    ],
)
def test_it_lists_components(organisation: Organisation, persona: str, given: dict[str, str], found: list[str]) -> None:
    assert slugs(component_list(organisation.rights(persona), **given)) == found


def test_it_lists_the_components_of_a_system(organisation: Organisation) -> None:
    assert slugs(component_list(organisation.rights("developer"), system=organisation.vault)) == ["vault-api"]
    assert slugs(component_list(organisation.rights("stranger"), system=organisation.vault)) == []


def test_it_hides_needs_that_the_reader_may_not_see(organisation: Organisation) -> None:
    component = organisation.components["checkout-api"]
    component_update(organisation.actor("maintainer"), component=component, depends_on=["vault-api"], now=NOW)
    assert slugs(component_get(organisation.rights("viewer"), "checkout-api").depends_on.all()) == ["vault-api"]
    seen = component_get(organisation.rights("stranger"), "checkout-api")
    assert slugs(seen.depends_on.all()) == []
    assert slugs(seen.dependents.all()) == ["shop-web"]
    with pytest.raises(NotFound):
        component_get(organisation.rights("stranger"), "vault-api")


READS: dict[str, Callable[[Rights], object]] = {
    "systems": lambda rights: [row.team.name for row in system_list(rights)],
    "components": lambda rights: [(row.system.team.slug, list(row.depends_on.all())) for row in component_list(rights)],
    "teams": lambda rights: list(team_list(rights)),
}


@pytest.mark.parametrize("read", READS)
def test_its_cost_does_not_grow(organisation: Organisation, django_assert_max_num_queries: Any, read: str) -> None:
    rights = organisation.rights("developer")
    for number in range(20):
        system_create(PLATFORM, slug=f"system-{number}", name="S", team=organisation.payments, now=NOW)
    with django_assert_max_num_queries(3):
        READS[read](rights)


@pytest.mark.parametrize("read", READS)
def test_it_answers_nobody_and_no_token_without_the_scope(organisation: Organisation, read: str) -> None:
    with pytest.raises(NotSignedIn):
        READS[read](organisation.rights("anonymous"))
    with pytest.raises(Forbidden):
        READS[read](organisation.rights("developer", scopes=["change"]))


def test_it_finds_people_to_choose_from(organisation: Organisation) -> None:
    organisation.viewer.is_active = False
    organisation.viewer.save()
    assert [user.username for user in people("maint")] == ["maintainer", "second_maintainer", "storefront_maintainer"]
    assert "viewer" not in {user.username for user in people()}

"""Search shows to each person what they may open, and nothing else. Run on each database by the modules beside this.

Every kind of thing stands here twice where it can: once of an open system and once of a restricted one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from governance.access import Rights
from idp.catalog.models import System, Team
from portal.reading.search import search
from provisioning.models import Run, SearchEntry
from provisioning.selectors import searching
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.guide_index import guides_index
from provisioning.services.search_words import search_words_gather
from tests.personas import NOW, Organisation
from tests.portal.api.client import Api, connections_stay, token_for
from tests.provisioning.organisation import carry_out, create, equip, spec
from tests.provisioning.searching.cases import entity

PEOPLE = ("developer", "maintainer", "viewer", "stranger", "storefront_maintainer", "admin", "auditor")
OF_EACH_KIND = 3
MOST = 500
OF_NO_SYSTEM = ("capability", "doc", "person", "policy", "team")


@dataclass
class World:
    organisation: Organisation
    entries: list[SearchEntry]


def furnish() -> World:
    organisation = Organisation.found()
    equip(organisation)
    create(organisation)
    change_submit(organisation.actor("developer"), ChangeRequest("create", "vault", "safe", spec=spec()), now=NOW)
    for run in Run.objects.all():
        carry_out(run)
    for system in (organisation.checkout, organisation.vault):
        entity("api", f"{system.slug}-quotes", system=system, title=f"Quotes of {system.slug}")
    entity("resource", "vault-remains", withheld=True)
    Team.objects.create(slug="closed", name="Closed", archived_at=NOW, created_at=NOW)
    guides_index()
    search_words_gather()
    return World(organisation, _some(organisation.vault))


def _some(vault: System) -> list[SearchEntry]:
    """All of the restricted system, and a few of each kind besides."""
    kinds: dict[str, list[SearchEntry]] = defaultdict(list)
    for one in SearchEntry.objects.order_by("pk"):
        kinds[one.kind].append(one)
    kept = []
    for rows in kinds.values():
        kept += [one for place, one in enumerate(rows) if place < OF_EACH_KIND or one.system_id == vault.pk]
    return kept


@pytest.mark.django_db
class SightCases:
    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
        """Made once; each test is rolled back to it."""
        with django_db_blocker.unblock(), transaction.atomic():
            yield furnish()
            transaction.set_rollback(True)

    @pytest.fixture(autouse=True)
    def fresh_allowance(self) -> Iterator[None]:
        cache.clear()
        with connections_stay():
            yield

    @pytest.mark.parametrize("persona", PEOPLE)
    def test_a_person_finds_what_they_may_open_and_nothing_else(self, world: World, persona: str) -> None:
        client, rights = Client(), world.organisation.rights(persona)
        client.force_login(world.organisation.people[persona])
        for one in world.entries:
            addresses = [hit.url for hit in search(rights, one.title, each=MOST).hits]
            found = one.path in addresses if one.path else _is_found(rights, one)
            assert found is _may_open(client, one, rights), f"{persona}: {one.kind} {one.name}"

    @pytest.mark.parametrize("persona", PEOPLE)
    def test_every_address_that_is_shown_opens(self, world: World, persona: str) -> None:
        client, rights = Client(), world.organisation.rights(persona)
        client.force_login(world.organisation.people[persona])
        shown = {hit.url for typed in ("vault", "checkout", "s", "e") for hit in search(rights, typed, each=4).hits}
        assert len(shown) > 5, shown
        closed = {url: status for url in shown if (status := client.get(url, follow=True).status_code) != 200}
        assert not closed, closed

    @pytest.mark.parametrize("typed", ["vault", "vualt", "vault safe", "Quotes of vault", "vault-remains", "remains"])
    def test_a_stranger_is_told_nothing_of_a_restricted_system(self, world: World, typed: str) -> None:
        for persona in ("stranger", "storefront_maintainer", "platform_engineer"):
            found = search(world.organisation.rights(persona), typed)
            assert not any("vault" in f"{hit.title} {hit.about} {hit.url}" for hit in found.hits)
            assert "vault" not in found.instead

    def test_what_becomes_restricted_is_hidden_at_once(self, world: World) -> None:
        rights = world.organisation.rights("stranger")
        assert _kinds(rights, "checkout") >= {"system", "environment", "component", "resource", "change", "run", "api"}
        System.objects.filter(slug="checkout").update(restricted=True)
        assert not any("checkout" in one.path for one in searching.search(rights, "checkout").entries)

    def test_what_left_a_team_leaves_its_search(self, world: World) -> None:
        assert _kinds(world.organisation.rights("developer"), "vault")
        System.objects.filter(slug="vault").update(team=world.organisation.storefront)
        assert not _kinds(world.organisation.rights("developer"), "vault")
        assert _kinds(world.organisation.rights("stranger"), "vault")

    @pytest.mark.parametrize(
        ("persona", "scopes", "systems"),
        [
            pytest.param("admin", ("read",), (), id="an administrator's token that reads"),
            pytest.param("developer", ("read",), (), id="a token that reads"),
            pytest.param("developer", ("read", "change"), ("checkout",), id="bound to a system"),
            pytest.param("stranger", ("read",), ("shop",), id="of another team, bound to a system"),
            pytest.param("stranger", (), (), id="of another team"),
        ],
    )
    def test_a_token_finds_what_it_may_read(
        self, world: World, persona: str, scopes: tuple[str, ...], systems: tuple[str, ...]
    ) -> None:
        owner = world.organisation.people[persona]
        api = Api(token=token_for(owner, *scopes, systems=systems))
        rights = world.organisation.rights(persona, scopes=scopes or None, systems=systems)
        for typed in ("vault", "checkout", "payments", "postgres"):
            items = api.get(f"search/?q={typed}").json()["items"]
            for item in items:
                if item["url"].startswith("/api/"):
                    assert api.get(item["url"]).status_code == 200, item
                assert "vault" not in item["page"] or _sees_vault(rights, world)
                assert not systems or item["kind"] not in OF_NO_SYSTEM
        assert bool(_kinds(rights, "vault")) is _sees_vault(rights, world)

    def test_nobody_finds_anything(self, world: World) -> None:
        assert Client().get("/search?q=checkout").status_code == 302
        assert Api().get("search/?q=checkout").status_code == 401
        blind = Api(token=token_for(world.organisation.developer, "change"))
        assert blind.get("search/?q=checkout").status_code == 403


def _kinds(rights: Rights, typed: str) -> set[str]:
    return {one.kind for one in searching.search(rights, typed).entries}


def _is_found(rights: Rights, one: SearchEntry) -> bool:
    found = searching.search(rights, one.title, each=MOST, kinds=(one.kind,)).entries
    return one.object_id in {each.object_id for each in found}


def _may_open(client: Client, one: SearchEntry, rights: Rights) -> bool:
    """People have no page for everybody: they are found by all, and lead to where one may look."""
    if one.path:
        return client.get(one.path).status_code == 200
    urls = [hit.url for hit in search(rights, one.title, each=MOST).hits if hit.kind == "Person"]
    assert all(client.get(url).status_code == 200 for url in urls)
    return True


def _sees_vault(rights: Rights, world: World) -> bool:
    return System.objects.filter(rights.sees(), pk=world.organisation.vault.pk).exists()

"""What holds of the search index on either database. The modules beside this one run it on each."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from governance.models import Entity
from idp.catalog.models import Component, System, Team, User
from provisioning.models import Change, Environment, SearchEntry, Stage
from provisioning.models.search_sql import SOURCES, search_install, search_uninstall
from provisioning.selectors.searching import search
from provisioning.services.search_words import search_words_gather
from tests.governance.backstage_catalogs import source
from tests.personas import NOW, Organisation
from tests.portal.pages import estate


def names(organisation: Organisation, typed: str, persona: str = "developer", **given: Any) -> list[tuple[str, str]]:
    found = search(organisation.rights(persona, **given), typed)
    return [(one.kind, one.name) for one in found.entries]


def entity(kind: str, name: str, **fields: Any) -> Entity:
    data = {"kind": kind, "metadata": {"name": name, "description": f"Tells of {name} to partners"}}
    given = {"kind": kind, "name": name, "ref": f"{kind}:default/{name}", "namespace": "default", "digest": name}
    return Entity.objects.create(
        source=source(f"of-{name}"[:30].rstrip("-")), data=data, created_at=NOW, changed_at=NOW, **{**given, **fields}
    )


@pytest.mark.django_db
class IndexCases:
    @pytest.fixture
    def organisation(self) -> Organisation:
        made = Organisation.found()
        stages = estate.install()
        for system in (made.checkout, made.vault):
            environment = estate.environment(system, stages["dev"], made.developer)
            estate.change(environment, made.developer, title=f"More replicas of {system.slug}")
        return made

    def test_a_triggers_entry_follows_its_row(self, organisation: Organisation) -> None:
        Component.objects.create(
            slug="ledger-sync", name="Sync", system=organisation.checkout, type="job", created_at=NOW
        )
        assert ("component", "ledger-sync") in names(organisation, "ledger")
        Component.objects.filter(slug="ledger-sync").update(description="Copies postings nightly")
        assert ("component", "ledger-sync") in names(organisation, "postings")
        Component.objects.filter(slug="ledger-sync").update(description="")
        assert names(organisation, "postings") == []
        Component.objects.filter(slug="ledger-sync").delete()
        assert names(organisation, "ledger") == []

    def test_what_is_written_in_bulk_is_found(self, organisation: Organisation) -> None:
        rows = [Team(slug=f"guild-{n}", name=f"Guild {n}", created_at=NOW) for n in range(3)]
        Team.objects.bulk_create(rows)
        assert len(names(organisation, "guild")) == 3

    def test_what_is_gone_is_not_found(self, organisation: Organisation) -> None:
        assert ("environment", "checkout/dev") in names(organisation, "checkout dev")
        Environment.objects.filter(system__slug="checkout").update(deleted_at=NOW)
        assert ("environment", "checkout/dev") not in names(organisation, "checkout dev")
        User.objects.filter(username="viewer").update(is_active=False)
        assert ("person", "viewer") not in names(organisation, "viewer")

    def test_what_an_entry_speaks_of_is_written_anew(self, organisation: Organisation) -> None:
        Team.objects.filter(slug="payments").update(name="Money")
        found = search(organisation.rights("developer"), "checkout").entries
        assert "Money" in next(one.detail for one in found if (one.kind, one.name) == ("system", "checkout"))
        Stage.objects.filter(name="dev").update(title="Playground")
        assert ("environment", "checkout/dev") in names(organisation, "checkout dev")
        assert SearchEntry.objects.filter(kind="environment", detail__contains="Playground").exists()

    def test_resources_go_and_come_with_their_environment(self, organisation: Organisation) -> None:
        rows = SearchEntry.objects.filter(kind="resource")
        before = rows.count()
        assert before
        Environment.objects.update(deleted_at=NOW)
        assert not rows.exists()
        Environment.objects.update(deleted_at=None)
        assert rows.count() == before

    @pytest.mark.parametrize("typed", ["chekout", "cehckout", "heckou", "Checkot dev", "chekout/devv"])
    def test_a_misspelt_word_is_mended(self, organisation: Organisation, typed: str) -> None:
        search_words_gather()
        found = search(organisation.rights("developer"), typed)
        assert found.entries
        assert found.entries[0].name in ("checkout", "checkout/dev")
        assert found.instead[0] == "checkout"

    def test_a_word_is_not_mended_while_it_stands_somewhere(self, organisation: Organisation) -> None:
        search_words_gather()
        assert search(organisation.rights("developer"), "checkout").instead == ()

    def test_the_vocabulary_is_learnt_once(self, organisation: Organisation) -> None:
        assert search_words_gather() > 10
        assert search_words_gather() == 0
        Team.objects.create(slug="zebra", name="Zebra", created_at=NOW)
        assert search_words_gather() == 1

    def test_a_restricted_system_is_not_even_mended(self, organisation: Organisation) -> None:
        search_words_gather()
        for typed in ("vault", "vuault", "replicas of vault"):
            found = search(organisation.rights("stranger"), typed)
            assert (found.entries, found.instead) == ([], ())
        assert ("system", "vault") in names(organisation, "vault", "viewer")
        System.objects.filter(slug="vault").update(restricted=False)
        assert ("system", "vault") in names(organisation, "vault", "stranger")

    def test_a_narrowed_token_finds_its_systems_only(self, organisation: Organisation) -> None:
        found = names(organisation, "checkout", scopes=("read",), systems=("shop",))
        assert found == []
        assert names(organisation, "pay", scopes=("read",), systems=("shop",)) == []
        assert ("system", "shop") in names(organisation, "shop", scopes=("read",), systems=("shop",))

    @pytest.mark.parametrize("persona", ["admin", "auditor"])
    def test_who_sees_everything_finds_everything(self, organisation: Organisation, persona: str) -> None:
        assert ("system", "vault") in names(organisation, "vault", persona)
        assert ("team", "payments") in names(organisation, "payments", persona)

    def test_apis_and_what_is_nothing_of_ours_are_found(self, organisation: Organisation) -> None:
        entity("api", "ledger-api", system=organisation.checkout, title="Ledger API")
        entity("resource", "ledger-bucket")
        entity("component", "ledger-linked", component=Component.objects.first())
        entity("system", "ledger-system", system=organisation.checkout)
        entity("location", "ledger-files")
        found = search(organisation.rights("stranger"), "ledger").entries
        assert [(one.kind, one.title, one.detail) for one in found] == [
            ("api", "Ledger API", "API of checkout"),
            ("entity", "ledger-bucket", "resource:default/ledger-bucket"),
        ]
        assert found[0].path == "/backstage/entities/api:default/ledger-api/"
        assert names(organisation, "partners ledger api") == [("api", "ledger-api")]
        Entity.objects.filter(name="ledger-api").update(orphaned_at=NOW)
        assert names(organisation, "ledger api") == []

    def test_an_api_of_a_restricted_system_stays_hidden(self, organisation: Organisation) -> None:
        entity("api", "vault-quotes", system=organisation.vault)
        assert names(organisation, "vault-quotes", "stranger") == []
        assert names(organisation, "vault-quotes", "viewer") == [("api", "vault-quotes")]
        Entity.objects.update(withheld=True, system=None)
        assert names(organisation, "vault-quotes", "stranger") == []

    def test_runs_are_found_by_number_and_environment(self, organisation: Organisation) -> None:
        dev = Environment.objects.get(system__slug="checkout", name="dev")
        run = estate.failed_run(dev, organisation.developer, message="No such image.")
        assert ("run", str(run.pk)) in names(organisation, "run checkout dev")
        assert ("run", str(run.pk)) in names(organisation, f"#{run.pk}")

    def test_a_number_finds_change_and_run(self, organisation: Organisation) -> None:
        change = Change.objects.get(title="More replicas of checkout")
        assert names(organisation, f"#{change.pk}")[0] == ("change", f"#{change.pk}")

    def test_it_asks_few_queries(self, organisation: Organisation, django_assert_num_queries: Any) -> None:
        search_words_gather()
        rights, more = organisation.rights("developer"), int(connection.vendor == "postgresql")
        with django_assert_num_queries(1 + more):
            search(rights, "checkout")
        with django_assert_num_queries(3):
            search(rights, "chekout")

    @pytest.mark.parametrize(
        ("name", "typed"),
        [
            pytest.param("Zebra", "zebr", id="a word"),
            pytest.param("l" * 60, "l" * 45, id="a longer word than is learnt"),
            pytest.param("Zebra 4711", "4711", id="a number"),
        ],
    )
    def test_what_came_last_is_found_before_and_after_its_words_are_learnt(
        self, organisation: Organisation, name: str, typed: str
    ) -> None:
        search_words_gather()
        Team.objects.create(slug="newest", name=name, created_at=NOW)
        for _ in range(2):
            found = search(organisation.rights("stranger"), typed)
            assert ([one.name for one in found.entries], found.instead) == (["newest"], ())
            search_words_gather()

    @pytest.mark.parametrize(
        ("persona", "scopes", "found"),
        [
            pytest.param("admin", None, ["viewer"], id="an administrator"),
            pytest.param("admin", ("read",), [], id="a token that may not administer"),
            pytest.param("developer", None, [], id="somebody who sees no addresses"),
        ],
    )
    def test_people_are_found_by_their_address(
        self, organisation: Organisation, persona: str, scopes: tuple[str, ...] | None, found: list[str]
    ) -> None:
        search_words_gather()
        hits = search(organisation.rights(persona, scopes=scopes), " Viewer@exam").entries
        assert [one.name for one in hits] == found

    def test_known_words_that_nothing_has_together_are_not_mended(self, organisation: Organisation) -> None:
        search_words_gather()
        found = search(organisation.rights("developer"), "shop vault")
        assert (found.entries, found.instead) == ([], ())

    def test_no_kind_is_crowded_out_by_another(self, organisation: Organisation) -> None:
        rows = [Team(slug=f"t-{n}", name=f"Guild {n} of the ledger", created_at=NOW) for n in range(120)]
        Team.objects.bulk_create(rows)
        Component.objects.create(
            slug="zz-ledger", name="Sync", system=organisation.checkout, type="job", created_at=NOW
        )  # fmt: skip
        assert ("component", "zz-ledger") in names(organisation, "ledger")

    @pytest.mark.parametrize(
        "typed",
        ['"', "'", "a' OR 1=1 --", "(", "*", "x:y", "NEAR(a b)", "AND", "a AND", "\\", "€", "😀", "%_", "-a", "^a"],
    )
    def test_signs_of_query_languages_mean_nothing(self, organisation: Organisation, typed: str) -> None:
        search(organisation.rights("developer"), typed)

    def test_it_is_made_anew_where_triggers_are_missing(self, organisation: Organisation) -> None:
        assert search_install(connection) == []
        search_uninstall(connection)
        Team.objects.create(slug="quiet", name="Quiet", created_at=NOW)
        assert names(organisation, "quiet") == []
        assert sorted(search_install(connection)) == sorted(source.kind for source in SOURCES)
        assert names(organisation, "quiet") == [("team", "quiet")]
        assert names(organisation, "checkout")[0] == ("system", "checkout")

    def test_every_visible_row_is_in_the_index_once(self, organisation: Organisation) -> None:
        assert SearchEntry.objects.filter(kind="system").count() == System.objects.count()
        assert SearchEntry.objects.filter(kind="change").count() == Change.objects.count()
        assert SearchEntry.objects.filter(kind="capability").exists()

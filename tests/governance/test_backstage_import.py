"""What an import of a catalog writes, keeps, marks and refuses, and that a wrong document costs only itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.access import rights_of
from governance.models import AuditEntry, Entity, EntityRelation
from governance.selectors.entities import entity_list, relations_of_entity
from governance.services import backstage_import
from governance.services.audit import audit_verify
from governance.services.backstage_import import Outcome, entities_import, entities_preview
from governance.services.backstage_reading import SourceFile, entity_items, gather
from governance.services.systems import system_delete
from idp.catalog.models import Component, Dependency, Membership, System, Team, User
from idp.kernel.errors import Forbidden
from tests.governance import backstage_catalogs as catalogs
from tests.governance.backstage_catalogs import API, COMPONENT, GROUP, SYSTEM, file, source
from tests.personas import NOW, PASSWORD, Organisation, actor_of

pytestmark = pytest.mark.django_db
USER = """apiVersion: backstage.io/v1alpha1
kind: User
metadata: {name: new.person}
spec: {memberOf: [payments], profile: {displayName: New Person, email: new@example.com}}
"""


def component(name: str, *, system: str = "Web.Shop", owner: str = "payments", needs: str = "") -> str:
    return COMPONENT.format(name=name, owner=owner, system=system, needs=needs)


SHOP = "---\n".join(
    [
        component("Cart", needs="component:Web_Front"),
        component("Web_Front"),
        SYSTEM.format(name="Web.Shop", owner="payments"),
        API.format(name="cart-api", owner="payments", system="web.shop"),
        GROUP.format(name="payments", title="Payments"),
    ]
)


def take(*texts: str, into: Any = None, path: str = "catalog-info.yaml") -> Outcome:
    where = into or source()
    files = [file(text, path if not number else f"{number}-{path}") for number, text in enumerate(texts)]
    admin = User.objects.get(username="admin")
    return entities_import(actor_of(admin), source=where, gathered=gather(files), now=NOW)


@pytest.fixture(autouse=True)
def organisation() -> Organisation:
    return Organisation.found()


def test_it_makes_systems_and_components_with_their_dependencies() -> None:
    outcome = take(SHOP)

    system = System.objects.get(slug="web-shop")
    cart = Component.objects.get(slug="cart")
    assert outcome.counts == {"created": 5, "changed": 0, "orphaned": 0, "refused": 0, "noted": 0, "unchanged": 0}
    assert (system.name, system.team.slug, system.description) == ("Web.Shop", "payments", "What Web.Shop is for")
    assert (cart.system, cart.type, cart.repository) == (system, "service", "https://github.com/acme/Cart")
    assert cart.links == [{"title": "Docs", "url": "https://docs.example/Cart"}]
    assert [needed.slug for needed in cart.depends_on.all()] == ["web-front"]
    assert Entity.objects.get(ref="api:default/cart-api").system == system
    assert Entity.objects.get(kind="group").team == Team.objects.get(slug="payments")


def test_the_same_again_changes_nothing() -> None:
    take(SHOP)
    where = Entity.objects.first().source
    before = list(Component.objects.values()), AuditEntry.objects.count()

    outcome = take(SHOP, into=where)

    assert outcome.counts["unchanged"] == 5
    assert (list(Component.objects.values()), AuditEntry.objects.count() - 1) == before


def test_what_was_made_by_an_import_follows_it() -> None:
    take(SHOP)
    where = Entity.objects.first().source

    outcome = take(SHOP.replace("Does what Cart does", "Holds goods").replace("component:Web_Front", ""), into=where)

    cart = Component.objects.get(slug="cart")
    assert outcome.changed == ["component:default/cart"]
    assert (cart.description, cart.version, cart.depends_on.count()) == ("Holds goods", 2, 0)


def test_what_was_here_before_keeps_what_people_wrote() -> None:
    before = System.objects.get(slug="checkout")

    outcome = take(SYSTEM.format(name="checkout", owner="storefront"))

    assert [one.code for one in outcome.noted] == ["linked"]
    system = System.objects.get(slug="checkout")
    assert (system.team_id, system.name, system.description) == (before.team_id, before.name, before.description)
    assert Entity.objects.get().system == system


def test_what_the_source_no_longer_has_is_marked_and_stays_and_comes_back() -> None:
    take(SHOP)
    where = Entity.objects.first().source

    outcome = take(SYSTEM.format(name="Web.Shop", owner="payments"), into=where)

    assert len(outcome.orphaned) == 4
    assert Entity.objects.filter(orphaned_at=NOW).count() == 4
    assert Component.objects.filter(slug="cart").exists()
    assert take(SHOP, into=where).counts["changed"] == 4
    assert not Entity.objects.exclude(orphaned_at=None).exists()


def test_what_stands_in_a_broken_file_is_not_gone() -> None:
    take(SHOP)
    where = Entity.objects.first().source

    outcome = take(SHOP.replace("kind: API", "kind: ["), into=where)

    assert [one.code for one in outcome.refused] == ["broken-yaml"]
    assert (outcome.orphaned, outcome.unchanged) == ([], 4)


def test_a_wrong_document_does_not_cost_its_neighbours() -> None:
    outcome = take(f"{component('Bad', owner='')}---\n{SHOP}")

    (refused,) = outcome.refused
    assert (refused.code, refused.path, refused.line, refused.file) == (
        "wrong-type",
        "spec.owner",
        12,
        "catalog-info.yaml",
    )
    assert len(outcome.created) == 5


def test_a_document_that_the_database_refuses_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = backstage_import.rows_take

    def refuse(actor: Any, rows: Any, batch: Any, *, now: Any) -> None:
        usual(actor, rows, batch, now=now)
        if any(item.ref == "component:default/cart" for item in batch):
            Component.objects.filter(slug="cart").update(type="none of ours")

    monkeypatch.setattr(backstage_import, "rows_take", refuse)
    outcome = take(SHOP)

    assert [(one.code, one.ref) for one in outcome.refused] == [("not-stored", "component:default/cart")]
    assert not Component.objects.filter(slug="cart").exists()
    assert not Entity.objects.filter(name="Cart").exists()
    assert outcome.counts["created"] == Entity.objects.count() == 4


def test_names_that_collide_are_told_and_both_kept() -> None:
    outcome = take(
        "---\n".join([SYSTEM.format(name="a.b", owner="payments"), SYSTEM.format(name="a_b", owner="payments")])
    )

    slugs = list(System.objects.filter(slug__startswith="a-b").order_by("slug").values_list("slug", flat=True))
    assert slugs[0] == "a-b"
    assert len(slugs) == 2
    assert [(one.code, one.ref) for one in outcome.noted] == [("name-taken", "system:default/a_b")]


def test_the_second_of_two_with_one_name_is_refused() -> None:
    outcome = take(component("Cart"), component("cart"))

    assert [(one.code, one.file) for one in outcome.refused] == [("stands-twice", "1-catalog-info.yaml")]


def test_an_entity_of_another_source_stays_its() -> None:
    take(SHOP)

    outcome = take(SHOP, into=source("other"))

    assert {one.code for one in outcome.refused} == {"other-source"}
    assert Entity.objects.filter(source__name="backstage").count() == 5


def test_an_owner_that_is_no_team_falls_to_the_source_or_is_told() -> None:
    where = source(owner=None)
    outcome = take(SYSTEM.format(name="lone", owner="group:nobody"), into=where)

    assert [(one.code, one.path) for one in outcome.noted] == [("no-owner", "spec.owner")]
    assert "no team here" in Entity.objects.get().note
    where.owner = Team.objects.get(slug="storefront")
    where.save()
    take(SYSTEM.format(name="lone", owner="group:nobody"), into=where)
    assert System.objects.get(slug="lone").team.slug == "storefront"


def test_another_owner_later_is_told_and_not_taken_over() -> None:
    groups = GROUP.format(name="storefront", title="S") + "---\n"
    take(groups + SYSTEM.format(name="lone", owner="payments"))
    where = Entity.objects.first().source

    outcome = take(groups + SYSTEM.format(name="lone", owner="storefront"), into=where)

    assert [one.code for one in outcome.noted] == ["other-owner"]
    assert System.objects.get(slug="lone").team.slug == "payments"


def test_groups_become_teams_only_where_the_source_says_so() -> None:
    told = take(GROUP.format(name="New_Team", title="New"))
    assert [one.code for one in told.noted] == ["no-team"]
    assert not Team.objects.filter(slug="new-team").exists()

    take(GROUP.format(name="New_Team2", title="New"), into=source("second", groups="create"))
    assert Team.objects.get(slug="new-team2").name == "New"


def test_a_person_who_is_imported_can_do_nothing() -> None:
    take(USER, into=source(users="create"))

    person = User.objects.get(username="new.person")
    assert (person.display_name, person.email) == ("New Person", "new@example.com")
    assert not person.is_active
    assert not person.has_usable_password()
    assert not Membership.objects.filter(user=person).exists()
    assert not rights_of(actor_of(person)).signed_in
    assert authenticate(username="new.person", password=PASSWORD) is None


def test_people_who_are_here_are_linked_and_stay_as_they_are() -> None:
    text = USER.replace("new.person", "Developer").replace("new@example.com", "other@example.com")
    before = User.objects.filter(username="developer").values().get()

    take(text, into=source(users="create"))

    assert User.objects.filter(username="developer").values().get() == before
    assert Entity.objects.get().person.username == "developer"


def test_a_component_without_system_is_data_or_gets_its_own() -> None:
    text = component("Lone").replace("  system: Web.Shop\n", "")
    assert [one.code for one in take(text).noted] == ["no-system"]
    where = Entity.objects.get().source
    where.loose = "own"
    where.save()

    take(text, into=where)

    assert Component.objects.get(slug="lone").system.slug == "lone"


def test_a_component_is_linked_once_its_system_comes() -> None:
    take(component("Cart"))
    where = Entity.objects.get().source
    assert Entity.objects.get().component is None

    take(component("Cart"), SYSTEM.format(name="web.shop", owner="payments"), into=where)

    assert Component.objects.get(slug="cart").system.slug == "web-shop"


def test_dependencies_are_whole_whichever_came_first() -> None:
    system = SYSTEM.format(name="web.shop", owner="payments")
    where = source()
    take(component("Cart", needs="component:store"), system, into=where)
    assert not Dependency.objects.filter(component__slug="cart").exists()

    take(component("Cart", needs="component:store"), system, component("Store"), into=where)

    assert [one.needs.slug for one in Dependency.objects.filter(component__slug="cart")] == ["store"]


def test_unknown_kinds_are_kept_as_they_are() -> None:
    data = {"apiVersion": "acme.example/v1", "kind": "AiResource", "metadata": {"name": "m"}, "spec": {"x": [1, None]}}
    admin = actor_of(User.objects.get(username="admin"))
    served = {**data, "relations": [], "metadata": {"name": "m", "uid": "1", "etag": "2"}}

    entities_import(admin, source=source(), gathered=entity_items([served, 3], "b"), now=NOW)

    assert Entity.objects.get().data == data


def test_relations_are_kept_one_way_round() -> None:
    take(SHOP)

    found = set(EntityRelation.objects.filter(entity__name="Cart").values_list("type", "target_ref"))
    assert ("partOf", "system:default/web.shop") in found
    assert ("providesApi", "api:default/cart-api") in found


def test_what_came_before_its_system_is_linked_with_it_then() -> None:
    api = API.format(name="cart-api", owner="payments", system="web.shop")
    where = source()
    take(api, into=where)
    assert Entity.objects.get().system is None

    take(api, SYSTEM.format(name="web.shop", owner="payments"), into=where)

    assert Entity.objects.get(kind="api").system.slug == "web-shop"


def test_it_belongs_to_a_system_that_was_here_and_that_no_catalog_has(organisation: Organisation) -> None:
    take(component("Cart", system="checkout"), API.format(name="secret-api", owner="payments", system="vault"))

    assert Component.objects.get(slug="cart").system.slug == "checkout"
    assert [one.name for one in entity_list(organisation.rights("stranger"))] == ["Cart"]


def test_a_system_of_the_same_name_in_another_namespace_is_another() -> None:
    take(component("Cart", system="system:other/checkout"))

    assert not Component.objects.filter(slug="cart").exists()


def test_a_system_that_another_entity_holds_is_not_taken_for_it() -> None:
    elsewhere = SYSTEM.format(name="checkout", owner="payments").replace(
        "name: checkout", "name: checkout, namespace: other"
    )
    where = source()
    take(elsewhere, into=where)
    assert Entity.objects.get().system.slug == "checkout"

    take(elsewhere, component("Cart", system="checkout"), into=where)

    assert not Component.objects.filter(slug="cart").exists()


def test_what_it_belongs_to_leads_to_our_teams_and_systems(organisation: Organisation) -> None:
    take(component("Cart", system="checkout", owner="payments", needs="component:elsewhere"))
    entity = Entity.objects.get()

    found = relations_of_entity(organisation.rights("developer"), entity)

    assert {(one.ref, one.known, one.own, one.slug) for one in found} == {
        ("system:default/checkout", False, "system", "checkout"),
        ("group:default/payments", False, "team", "payments"),
        ("component:default/elsewhere", False, "", ""),
        ("api:default/cart-api", False, "", ""),
    }


def test_a_preview_says_the_same_and_writes_nothing() -> None:
    admin = actor_of(User.objects.get(username="admin"))
    where, files = source(), [file(f"{SHOP}---\nkind: [\n")]
    before = AuditEntry.objects.count()

    looked = entities_preview(admin, source=where, gathered=gather(files), now=NOW)

    assert not Entity.objects.exists()
    assert not Component.objects.filter(slug="cart").exists()
    assert AuditEntry.objects.count() == before
    done = entities_import(admin, source=where, gathered=gather(files), now=NOW)
    assert (looked.counts, looked.as_dict()) == (done.counts, done.as_dict())


@pytest.mark.parametrize("who", ["developer", "maintainer", "auditor"])
def test_only_admins_import(organisation: Organisation, who: str) -> None:
    with pytest.raises(Forbidden):
        entities_import(organisation.actor(who), source=source(), gathered=gather([]), now=NOW)


def test_an_import_is_in_the_audit_log() -> None:
    take(SHOP)

    entry = AuditEntry.objects.filter(action="catalog.imported").get()
    assert entry.data["created"] == 5
    assert "component:default/cart" in AuditEntry.objects.get(action="catalog.import").data["entities"]
    assert audit_verify() == []


def test_a_restricted_system_stays_out_of_sight(organisation: Organisation) -> None:
    take(SYSTEM.format(name="vault", owner="payments"))

    assert Entity.objects.filter(organisation.rights("stranger").sees("system")).count() == 0


def test_what_is_left_of_a_restricted_system_stays_hidden(organisation: Organisation) -> None:
    where, vault = source(), SYSTEM.format(name="vault", owner="payments")
    api = API.format(name="secret-api", owner="payments", system="vault")
    take(vault, api, API.format(name="open-api", owner="payments", system="checkout"), into=where)
    system_delete(organisation.actor("admin"), system=organisation.vault, living=lambda system: 0, now=NOW)

    def seen_by(persona: str) -> list[str]:
        return list(entity_list(organisation.rights(persona)).values_list("name", flat=True))

    assert seen_by("stranger") == ["open-api"]
    assert seen_by("auditor") == ["open-api", "secret-api", "vault"]
    take(vault.replace("What", "Again what"), api.replace("3.0.0", "3.1.0"), into=where)
    assert System.objects.get(slug="vault").restricted
    assert "secret-api" not in seen_by("stranger")


def test_many_entities_take_few_queries() -> None:
    where, files = source(), [catalogs.large(63)]
    gathered = gather(files)
    admin = actor_of(User.objects.get(username="admin"))

    with CaptureQueriesContext(connection) as first:
        outcome = entities_import(admin, source=where, gathered=gathered, now=NOW)
    with CaptureQueriesContext(connection) as second:
        entities_import(admin, source=where, gathered=gathered, now=NOW)

    assert len(outcome.created) == 1_008
    assert len(first) <= 110
    assert len(second) <= 16


def test_files_may_take_in_each_other_and_nothing_outside() -> None:
    text = API.format(name="a", owner="payments", system="x").replace('"openapi: 3.0.0"', "{$text: ../specs/a.yaml}")
    files = [SourceFile("one/catalog-info.yaml", text.encode()), SourceFile("specs/a.yaml", b"openapi: 3.1.0")]

    found = gather(files)

    assert found.items["api:default/a"].data["spec"]["definition"] == "openapi: 3.1.0"
    for target in ("../../x", "/etc/passwd", "file:///etc/passwd", "https://x.example/a", "gone.yaml"):
        refused = gather([SourceFile("one/c.yaml", text.replace("../specs/a.yaml", target).encode())]).refused
        assert [one.code for one in refused] == ["placeholder"]

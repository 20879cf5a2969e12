"""Pages of systems and components: what is shown to whom, and that forms keep what was typed."""

from __future__ import annotations

import pytest
from django.urls import reverse

from idp.catalog.models import Component, System
from tests.personas import Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def signed_in(client, organisation):
    def sign_in(persona):
        client.force_login(organisation.people[persona])
        return client

    return sign_in


def page(client, name, *arguments, **query):
    return client.get(reverse(name, args=arguments), query)


SEEN = {
    "a member": ("viewer", True),
    "an admin": ("admin", True),
    "an auditor": ("auditor", True),
    "a developer of another team": ("stranger", False),
}


@pytest.mark.parametrize(("persona", "sees"), SEEN.values(), ids=SEEN.keys())
def test_it_keeps_a_restricted_system_to_those_who_may_see_it(signed_in, organisation, persona, sees):
    client = signed_in(persona)
    assert (b"vault" in page(client, "systems").content) is sees
    for name, arguments in (("system", ["vault"]), ("components", ["vault"]), ("component", ["vault", "vault-api"])):
        assert page(client, name, *arguments).status_code == (200 if sees else 404)


def test_it_does_not_name_components_of_a_system_that_is_hidden(signed_in, organisation):
    checkout, vault = (Component.objects.get(slug=slug) for slug in ("checkout-api", "vault-api"))
    vault.dependencies.create(needs=checkout)
    assert b"vault" not in page(signed_in("stranger"), "component", "checkout", "checkout-api").content
    assert b"vault" not in page(signed_in("stranger"), "system", "checkout").content
    assert b"vault-api" in page(signed_in("viewer"), "component", "checkout", "checkout-api").content


FILTERS = {
    "by a word of the name": ({"q": "chec"}, {"checkout"}),
    "by team": ({"team": "storefront"}, {"shop"}),
    "my teams": ({"mine": "1"}, {"checkout", "vault"}),
    "both": ({"q": "shop", "team": "payments"}, set()),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=FILTERS.keys())
def test_it_filters_by_the_address(signed_in, organisation, query, expected):
    answer = page(signed_in("developer"), "systems", **query)
    assert {line.system.slug for line in answer.context["lines"]} == expected


def test_it_pages_by_keyset(signed_in, organisation):
    estate.systems(organisation.payments, 40)
    client = signed_in("developer")
    first = page(client, "systems")
    second = page(client, "systems", cursor=first.context["next"])
    names = [line.system.slug for answer in (first, second) for line in answer.context["lines"]]
    assert len(names) == len(set(names)) == System.objects.count()
    assert second.context["next"] is None


def test_it_answers_a_broken_cursor_with_a_sentence(signed_in, organisation):
    answer = page(signed_in("developer"), "systems", cursor="nonsense")
    assert answer.status_code == 422
    assert "does not belong to this list" in answer.content.decode()


def test_it_shows_stages_side_by_side_with_the_first_action_where_nothing_runs(signed_in, organisation):
    stages = estate.install()
    estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    text = page(signed_in("developer"), "system", "checkout").content.decode()
    assert "image 1.8.3" in text
    assert "2 of 2 ready" in text
    assert "/environments/new?system=checkout&amp;stage=prod" in text
    other = page(signed_in("stranger"), "system", "checkout").content.decode()
    assert "/environments/new?system=checkout" not in other


NEW = {"slug": "billing", "name": "Billing", "team": "payments", "description": "Bills."}


def test_a_maintainer_makes_a_system(signed_in, organisation):
    answer = signed_in("maintainer").post(reverse("system-new"), NEW)
    assert answer.headers["Location"] == reverse("system", args=["billing"])
    assert System.objects.get(slug="billing").team == organisation.payments


WRONG = {
    "a slug with capitals": ({"slug": "Billing"}, "Use 1 to 30 lower-case letters"),
    "a slug that is taken": ({"slug": "checkout"}, "already exists"),
    "no title": ({"name": ""}, "Title is needed."),
    "a team of others": ({"team": "storefront"}, "Select a valid choice"),
}


@pytest.mark.parametrize(("typed", "sentence"), WRONG.values(), ids=WRONG.keys())
def test_it_says_at_the_field_what_is_right_and_keeps_the_rest(signed_in, organisation, typed, sentence):
    answer = signed_in("maintainer").post(reverse("system-new"), NEW | typed)
    text = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in text
    assert "Bills." in text
    assert 'aria-invalid="true"' in text
    assert not System.objects.filter(slug="billing").exists()


FORBIDDEN = ["developer", "viewer", "stranger", "auditor"]


@pytest.mark.parametrize("persona", FORBIDDEN)
def test_only_those_who_manage_the_team_change_it(signed_in, organisation, persona):
    client = signed_in(persona)
    for name, arguments in (
        ("system-edit", ["checkout"]),
        ("system-delete", ["checkout"]),
        ("component-new", ["checkout"]),
        ("component-edit", ["checkout", "checkout-api"]),
        ("component-delete", ["checkout", "checkout-api"]),
    ):
        answer = client.post(reverse(name, args=arguments), {"name": "Mine now", "confirm_name": arguments[-1]})
        assert answer.status_code == 403, name
    assert System.objects.get(slug="checkout").name == "Checkout"
    assert Component.objects.filter(slug="checkout-api").exists()


def test_it_edits_a_system_and_its_restriction(signed_in, organisation):
    data = {"name": "Checkout", "description": "Basket.", "restricted": "true", "version": "1"}
    assert signed_in("maintainer").post(reverse("system-edit", args=["checkout"]), data).status_code == 302
    assert System.objects.get(slug="checkout").restricted
    assert page(signed_in("stranger"), "system", "checkout").status_code == 404


def test_it_refuses_an_edit_of_an_older_version(signed_in, organisation):
    client = signed_in("maintainer")
    data = {"name": "One", "version": "1"}
    client.post(reverse("system-edit", args=["checkout"]), data)
    answer = client.post(reverse("system-edit", args=["checkout"]), data | {"name": "Two"})
    assert answer.status_code == 412
    assert System.objects.get(slug="checkout").name == "One"


def test_it_deletes_only_with_the_name_typed(signed_in, organisation):
    client = signed_in("maintainer")
    url = reverse("system-delete", args=["checkout"])
    refused = client.post(url, {"confirm_name": "checkuot"})
    assert refused.status_code == 409
    assert "type checkout exactly" in refused.content.decode()
    assert client.post(url, {"confirm_name": "checkout"}).status_code == 302
    assert not System.objects.filter(slug="checkout").exists()


def test_it_keeps_a_system_that_still_runs(signed_in, organisation):
    stages = estate.install()
    estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    answer = signed_in("maintainer").post(reverse("system-delete", args=["checkout"]), {"confirm_name": "checkout"})
    assert answer.status_code == 409
    assert "1 living environment" in answer.content.decode()
    assert System.objects.filter(slug="checkout").exists()


COMPONENT = {
    "slug": "checkout-worker",
    "name": "Worker",
    "type": "job",
    "repository": "https://git.example/worker",
    "links": "Runbook https://wiki.example/worker\n\nOn call https://pager.example/x",
    "depends_on": "checkout-api, shop-web",
}


def test_it_adds_a_component_with_links_and_needs(signed_in, organisation):
    assert signed_in("maintainer").post(reverse("component-new", args=["checkout"]), COMPONENT).status_code == 302
    made = Component.objects.get(slug="checkout-worker")
    assert [link["title"] for link in made.links] == ["Runbook", "On call"]
    assert set(made.dependencies.values_list("needs__slug", flat=True)) == {"checkout-api", "shop-web"}


BAD_COMPONENT = {
    "a link without an address": ({"links": "Runbook"}, "Line 1 is a title"),
    "a link that runs a script": ({"links": "Go javascript:alert(1)"}, "Line 1 is a title"),
    "a need that is not there": ({"depends_on": "nothing-here"}, "no component “nothing-here”"),
    "a need that may not be seen": ({"depends_on": "hidden-api"}, "no component “hidden-api”"),
    "a repository that is no address": ({"repository": "not an address"}, "Enter a valid URL"),
    "a type that is unknown": ({"type": "spaceship"}, "Select a valid choice"),
}


@pytest.mark.parametrize(("typed", "sentence"), BAD_COMPONENT.values(), ids=BAD_COMPONENT.keys())
def test_it_says_what_a_component_lacks(signed_in, organisation, typed, sentence):
    secret = System.objects.create(
        slug="hidden", name="Hidden", team=organisation.storefront, restricted=True, created_at="2026-01-01T00:00Z"
    )
    Component.objects.create(slug="hidden-api", name="x", system=secret, type="job", created_at="2026-01-01T00:00Z")
    answer = signed_in("maintainer").post(reverse("component-new", args=["checkout"]), COMPONENT | typed)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Component.objects.filter(slug="checkout-worker").exists()


def test_the_edit_form_shows_what_is_there_and_saves_it(signed_in, organisation):
    client = signed_in("maintainer")
    client.post(reverse("component-new", args=["checkout"]), COMPONENT)
    url = reverse("component-edit", args=["checkout", "checkout-worker"])
    form = client.get(url)
    assert "On call https://pager.example/x" in form.content.decode()
    assert "checkout-api, shop-web" in form.content.decode()
    data = {key: value for key, value in COMPONENT.items() if key != "slug"} | {"depends_on": "", "version": "1"}
    assert client.post(url, data).status_code == 302
    assert not Component.objects.get(slug="checkout-worker").dependencies.exists()


def test_a_component_is_found_in_its_own_system_only(signed_in, organisation):
    assert page(signed_in("developer"), "component", "shop", "checkout-api").status_code == 404


def test_it_escapes_what_people_wrote(signed_in, organisation):
    System.objects.filter(slug="checkout").update(description="<script>alert(1)</script>")
    assert b"<script>alert(1)" not in page(signed_in("developer"), "system", "checkout").content

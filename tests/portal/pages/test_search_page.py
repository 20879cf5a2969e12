"""Search finds anything by name, and nothing that may not be seen."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.reading.actions import ACTS
from portal.reading.search import search
from provisioning.models import Change
from provisioning.services.search_words import search_words_gather
from tests.personas import Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    made = Organisation.found()
    stages = estate.install()
    for system in (made.checkout, made.vault):
        environment = estate.environment(system, stages["dev"], made.developer)
        estate.change(environment, made.developer, title=f"More replicas of {system.slug}")
    return made


def titles(organisation, persona, typed):
    return {(one.kind, one.title.partition(" ")[2] if one.kind == "Change" else one.title)
            for one in search(organisation.rights(persona), typed).hits}  # fmt: skip


FINDS = {
    "a system": ("shop", ("System", "shop")),
    "an environment by both names": ("checkout dev", ("Environment", "checkout / dev")),
    "an environment with a slash": ("checkout/dev", ("Environment", "checkout / dev")),
    "a component": ("shop-web", ("Component", "shop-web")),
    "a capability": ("postgres", ("Capability", "postgres")),
    "a team": ("pay", ("Team", "Payments")),
    "a change by its title": ("replicas checkout", ("Change", "More replicas of checkout")),
    "capitals do not matter": ("POSTGRES", ("Capability", "postgres")),
}


@pytest.mark.parametrize(("typed", "expected"), FINDS.values(), ids=FINDS.keys())
def test_it_finds(organisation, typed, expected):
    assert expected in titles(organisation, "developer", typed)


def test_it_finds_a_change_by_its_number(organisation):
    change = Change.objects.get(title="More replicas of checkout")
    for typed in (str(change.pk), f"#{change.pk}"):
        assert ("Change", "More replicas of checkout") in titles(organisation, "developer", typed)


def test_it_hides_what_is_restricted(organisation):
    assert titles(organisation, "stranger", "vault") == set()
    assert {kind for kind, _ in titles(organisation, "viewer", "vault")} >= {"System", "Environment", "Component"}


EMPTY = ["", "   ", "#", "nothing-like-this", "%", "\\", "0" * 400, "#99999999999999999999"]


@pytest.mark.parametrize("typed", EMPTY)
def test_it_finds_nothing_for_what_says_nothing(organisation, typed):
    assert search(organisation.rights("developer"), typed).hits == []


def test_the_exact_name_comes_first(organisation):
    estate.systems(organisation.payments, 3, prefix="a-shop")
    assert search(organisation.rights("developer"), "shop").hits[0].title == "shop"


def test_the_page_and_the_palette_show_the_same(client, organisation):
    client.force_login(organisation.developer)
    whole = client.get(reverse("search"), {"q": "checkout"})
    fragment = client.get(reverse("search"), {"q": "checkout"}, headers={"hx-request": "true"})
    for answer in (whole, fragment):
        assert reverse("environment", args=["checkout", "dev"]) in answer.content.decode()
    assert fragment.content.decode().lstrip().startswith('<div id="palette-results"')


def test_it_escapes_what_was_typed(client, organisation):
    client.force_login(organisation.developer)
    assert b"<script>x" not in client.get(reverse("search"), {"q": "<script>x"}).content


WAYS = {
    "a page by its title": ("developer", "envir", "Environments", True),
    "a page by another word": ("developer", "inbox", "Changes", True),
    "an action": ("developer", "new env", "New environment", True),
    "an action that is not for viewers": ("viewer", "new env", "New environment", False),
    "the red switch": ("admin", "freeze", "Freeze everything", True),
    "the red switch is for admins": ("developer", "freeze", "Freeze everything", False),
    "a page of administrators": ("admin", "clusters", "Clusters", True),
    "a page that is not for developers": ("developer", "clusters", "Clusters", False),
    "a page of auditors": ("auditor", "audit", "Audit", True),
}


@pytest.mark.parametrize(("persona", "typed", "title", "found"), WAYS.values(), ids=WAYS.keys())
def test_it_leads_to_pages_and_actions(organisation, persona, typed, title, found):
    assert (title in [one.title for one in search(organisation.rights(persona), typed).hits]) is found


@pytest.mark.parametrize(
    ("persona", "typed", "title", "instead"),
    [
        pytest.param("developer", "enviroments", "Environments", "environments", id="a page"),
        pytest.param("developer", "new enviroment", "New environment", "new environment", id="an action"),
        pytest.param("admin", "freze everything", "Freeze everything", "freeze everything", id="the red switch"),
        pytest.param("developer", "freze everything", None, "", id="an action for others is not even mended"),
        pytest.param("developer", "environments", "Environments", "", id="nothing to mend"),
    ],
)
def test_it_leads_to_misspelt_pages_and_actions(db, persona, typed, title, instead):
    found = search(Organisation.found().rights(persona), typed)
    assert ([one.title for one in found.hits], found.instead) == ([title] if title else [], instead)


def test_what_is_found_instead_may_be_a_page_as_well(organisation):
    search_words_gather()
    estate.systems(organisation.payments, 1, prefix="environments-desk")
    search_words_gather()
    found = search(organisation.rights("developer"), "enviroments")
    assert found.instead == "environments"
    assert [one.title for one in found.hits][:2] == ["Environments", "environments-desk-000"]


def test_every_way_leads_somewhere(client, organisation):
    client.force_login(organisation.people["admin"])
    for one in ACTS:
        assert client.get(one.url).status_code == 200, one.title


@pytest.mark.parametrize(("persona", "path"), [("admin", "/people/viewer/"), ("developer", "/teams/payments/")])
def test_a_person_is_found_where_one_may_look(client, organisation, persona, path):
    hits = [one for one in search(organisation.rights(persona), "viewer").hits if one.kind == "Person"]
    assert [one.url for one in hits] == [path]
    client.force_login(organisation.people[persona])
    assert client.get(path).status_code == 200


def test_the_page_says_what_it_looked_for_instead(client, organisation):
    search_words_gather()
    client.force_login(organisation.developer)
    for headers in ({}, {"hx-request": "true"}):
        shown = client.get(reverse("search"), {"q": "chekout"}, headers=headers).content.decode()
        assert "“checkout”" in shown
        assert reverse("environment", args=["checkout", "dev"]) in shown

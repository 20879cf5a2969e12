"""Search finds anything by name, and nothing that may not be seen."""

from __future__ import annotations

import pytest
from django.urls import reverse

from portal.reading.search import search
from provisioning.models import Change
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
            for one in search(organisation.rights(persona), typed)}  # fmt: skip


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
    assert search(organisation.rights("developer"), typed) == []


def test_the_exact_name_comes_first(organisation):
    estate.systems(organisation.payments, 3, prefix="a-shop")
    assert search(organisation.rights("developer"), "shop")[0].title == "shop"


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

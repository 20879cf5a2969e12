"""The guide beside a page: it exists, and every page on which the platform is run has one."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from portal.reading.administration import SECTIONS
from portal.reading.guide_of import GUIDE_OF, guide_url
from provisioning.selectors.guides import guides
from tests.personas import Organisation

NAMES = [name for name in get_resolver().reverse_dict if isinstance(name, str)]


@pytest.mark.parametrize(("begins", "guide"), GUIDE_OF, ids=[begins for begins, _ in GUIDE_OF])
def test_it_leads_to_a_guide_that_is_there_from_a_page_that_is_there(begins: str, guide: str) -> None:
    assert any(name.startswith(begins) for name in NAMES)
    name, _, section = guide.partition("#")
    found = next(one for one in guides() if one.name == name)
    assert not section or section in {one.anchor for one in found.sections}


@pytest.mark.parametrize("section", SECTIONS, ids=[one.url_name for one in SECTIONS])
def test_every_page_of_administration_has_one(section: object) -> None:
    assert guide_url(section.url_name)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "leads"),
    [
        ("group-rules", "/docs/sign-in/#roles-from-groups"),
        ("group", "/docs/administration/#people-groups-teams"),
        ("home", ""),
    ],
)
def test_the_longest_beginning_counts(name: str, leads: str) -> None:
    assert guide_url(name) == leads


@pytest.mark.django_db
def test_it_stands_in_the_top_bar(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.developer)
    text = client.get(reverse("files")).content.decode()
    assert 'href="/docs/files/"' in text.partition("<main")[0]
    assert "/docs/files/" not in client.get(reverse("home")).content.decode()

"""The page Administration and the way to it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from portal.reading.administration import SECTIONS
from tests.personas import Organisation

pytestmark = pytest.mark.django_db


def test_it_shows_admins_every_section(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.admin)
    page = client.get(reverse("administration")).content.decode()
    assert [one.title for one in SECTIONS if f'href="{one.url}"' not in page] == []


def test_it_shows_others_only_what_they_may_use(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.developer)
    main = client.get(reverse("administration")).content.decode().partition("<main")[2].partition("</main>")[0]
    shown = {one.url_name for one in SECTIONS if f'href="{one.url}"' in main}
    assert shown == {one.url_name for one in SECTIONS if one.who == "everyone"}


@pytest.mark.parametrize(
    ("who", "shown"),
    [("admin", True), ("maintainer", False), ("auditor", False)],
    ids=["admin", "maintainer", "auditor"],
)
def test_it_is_in_the_navigation_of_admins(client: Client, organisation: Organisation, who: str, shown: bool) -> None:
    client.force_login(getattr(organisation, who))
    sidebar = client.get(reverse("home")).content.decode().partition("<main")[0]
    assert (reverse("administration") in sidebar) is shown

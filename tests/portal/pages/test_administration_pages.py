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


@pytest.mark.parametrize("who", ["admin", "maintainer", "auditor", "developer", "stranger"])
def test_it_is_in_the_navigation_of_whoever_finds_a_section_there(
    client: Client, organisation: Organisation, who: str
) -> None:
    client.force_login(getattr(organisation, who))
    page = client.get(reverse("administration")).content.decode()
    main = page.partition("<main")[2].partition("</main>")[0]
    assert any(f'href="{one.url}"' in main for one in SECTIONS)
    sidebar = client.get(reverse("home")).content.decode().partition("<main")[0]
    assert f'href="{reverse("administration")}"' in sidebar


def test_it_is_not_in_the_navigation_of_who_finds_nothing_there(
    client: Client, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tuple(one for one in SECTIONS if one.who == "admins")
    monkeypatch.setattr("portal.reading.administration.SECTIONS", own)
    for who, shown in {"admin": True, "maintainer": False, "auditor": False}.items():
        client.force_login(getattr(organisation, who))
        sidebar = client.get(reverse("home")).content.decode().partition("<main")[0]
        assert (f'href="{reverse("administration")}"' in sidebar) is shown, who


@pytest.mark.parametrize(
    ("who", "shown"), [("admin", True), ("auditor", False), ("maintainer", False)], ids=lambda value: str(value)
)
def test_only_admins_find_the_red_switch_in_the_navigation(
    client: Client, organisation: Organisation, who: str, shown: bool
) -> None:
    client.force_login(getattr(organisation, who))
    sidebar = client.get(reverse("home")).content.decode().partition("<main")[0]
    assert (reverse("freeze-switch") in sidebar) is shown


def test_auditors_find_the_audit_log(client: Client, organisation: Organisation) -> None:
    client.force_login(organisation.auditor)
    main = client.get(reverse("administration")).content.decode().partition("<main")[2].partition("</main>")[0]
    assert f'href="{reverse("audit")}"' in main

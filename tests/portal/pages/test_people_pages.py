"""People, groups, and the place of teams on their pages: looked at, saved, taken back."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import PeopleEdit
from idp.catalog.models import Team, User
from provisioning.models import Change
from tests.personas import Organisation
from tests.portal.pages.test_freeze_pages import looked, text

pytestmark = pytest.mark.django_db


def test_an_admin_sees_what_ends_before_an_account_is_switched_off(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    for other in ("stranger", "storefront_maintainer"):
        shown = text(admin.post(f"/people/{other}/", {"email": "a@example.com", "do": "look"}))
        assert "What ends" in shown
        assert "Nobody is left in" not in shown.partition("What ends")[2] or other == "storefront_maintainer"
        assert looked(admin, f"/people/{other}/", {"email": "a@example.com"}).status_code == 302
    assert not User.objects.get(username="stranger").is_active
    assert text(admin.get("/people/stranger/")).count("Switched off")


def test_it_names_the_systems_that_would_have_no_owner(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    looked(admin, "/people/stranger/", {"email": ""})
    shown = text(admin.post("/people/storefront_maintainer/", {"do": "look"}))
    assert "Nobody is left in" in shown
    assert "/systems/shop/" in shown


def test_nothing_is_saved_that_was_not_looked_at(organisation: Organisation, sign_in: Any) -> None:
    assert sign_in("admin").post("/people/viewer/", {"do": "save"}).status_code == 200
    assert User.objects.get(username="viewer").is_active


def test_it_says_at_the_field_what_is_wrong(organisation: Organisation, sign_in: Any) -> None:
    answer = looked(sign_in("admin"), "/people/viewer/", {"email": "nowhere", "active": "on"})
    assert answer.status_code == 422
    assert "such as ada@example.com" in text(answer)


def test_people_are_found(organisation: Organisation, sign_in: Any) -> None:
    shown = text(sign_in("admin").get("/people/?q=second"))
    assert "second_maintainer" in shown
    assert "/people/viewer/" not in shown


def test_a_group_is_made_filled_and_its_edit_taken_back(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert admin.post("/groups/", {"name": "Security"}).status_code == 422
    assert admin.post("/groups/", {"name": "security"}).status_code == 302
    assert admin.post("/groups/security/", {"user": "nobody"}).status_code == 422
    assert admin.post("/groups/security/", {"user": "viewer", "do": "save"}).status_code == 200
    assert not organisation.viewer.groups.filter(name="security").exists()
    assert looked(admin, "/groups/security/", {"user": "viewer", "member": "in"}).status_code == 302
    assert "/people/viewer/" in text(admin.get("/groups/security/"))
    edit = PeopleEdit.objects.latest("pk")
    assert "Add viewer to security" in text(admin.get("/administration/"))
    assert admin.post(f"/administration/undo/{edit.pk}").status_code == 302
    assert not User.objects.get(username="viewer").groups.filter(name="security").exists()
    assert "Taken back by admin" in text(admin.get("/administration/"))
    assert "It was edited since" not in text(admin.get("/administration/"))


def test_a_team_is_put_below_another_and_not_archived_while_it_owns(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert looked(admin, "/teams/payments/place", {"parent": "storefront"}).status_code == 302
    assert Team.objects.get(slug="payments").parent == organisation.storefront
    answer = looked(admin, "/teams/payments/place", {"parent": "storefront", "archived": "on"})
    assert answer.status_code == 422
    assert "still owns checkout" in text(answer)


def test_it_says_which_decisions_somebody_gains_or_loses(waiting: Change, sign_in: Any) -> None:
    admin, url = sign_in("admin"), "/groups/platform-admins/"
    shown = text(admin.post(url, {"user": "viewer", "member": "in", "do": "look"}))
    assert "viewer may administer the platform" in shown
    assert f"/changes/{waiting.pk}/" in shown
    assert looked(admin, url, {"user": "viewer", "member": "in"}).status_code == 302
    shown = text(admin.post(url, {"user": "viewer", "member": "out", "do": "look"}))
    assert "May no longer decide" in shown
    assert f"/changes/{waiting.pk}/" in shown
    shown = text(admin.post(url, {"user": "maintainer", "member": "in", "do": "look"}))
    assert "Nothing that waits now" in shown


def test_a_group_is_deleted_and_comes_back_with_one_click(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert "Delete platform" in text(admin.get("/groups/platform/"))
    assert admin.post("/groups/platform/delete").status_code == 302
    assert admin.get("/groups/platform/").status_code == 404
    edit = PeopleEdit.objects.latest("pk")
    back = admin.post(f"/administration/undo/{edit.pk}", {"next": "/groups/"})
    assert (back.status_code, back["Location"]) == (302, "/groups/")
    assert "/people/platform_engineer/" in text(admin.get("/groups/platform/"))
    assert admin.post("/groups/auditors/delete")["Location"] == "/groups/auditors/"
    back = admin.post(f"/administration/undo/{edit.pk}", {"next": "//elsewhere.example/"})
    assert back["Location"] == "/administration/"


def test_it_names_who_takes_over(organisation: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    looked(admin, "/teams/storefront/place", {"parent": "payments"})
    looked(admin, "/people/stranger/", {"email": ""})
    shown = text(admin.post("/people/storefront_maintainer/", {"do": "look"}))
    assert "Team payments takes over" in shown
    looked(admin, "/teams/storefront/place", {"parent": ""})
    assert "The platform admins take over" in text(admin.post("/people/storefront_maintainer/", {"do": "look"}))

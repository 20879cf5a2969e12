"""The page of provisioning, what the pages of people say of a directory, and what they ask of the database."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import AuditEntry, PeopleEdit, ScimGroup, ScimRefusal, ScimToken, ScimUser
from governance.selectors.provisioned import managed
from governance.services.scim_tokens import scim_authenticate, scim_token_make
from governance.services.scim_users import scim_user_adopt, scim_user_create, scim_user_patch, scim_user_release
from idp.catalog.models import Membership
from idp.kernel import clock
from idp.kernel.actor import PLATFORM, Actor
from tests.personas import Organisation
from tests.portal.pages.conftest import SignIn

pytestmark = pytest.mark.django_db
LOOKED = "/provisioning/hand-over?" + "&".join(f"person={name}" for name in ("developer", "viewer", "p20-7"))
DIRECTORY = Actor(None, "scim", via="scim", scopes=frozenset({"scim"}))


@pytest.fixture
def admin(sign_in: SignIn) -> Client:
    return sign_in("admin")


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def provisioned(name: str) -> ScimUser:
    return scim_user_create(DIRECTORY, sent={"userName": name, "emails": f"{name}@example.com"}, now=clock.now())


def test_an_admin_opens_turns_over_and_closes_the_door(admin: Client) -> None:
    assert "Make a token" in text(admin, "/provisioning/")
    made = admin.post("/provisioning/token", {"days": "180"})
    assert made["Cache-Control"] == "no-store"
    found = re.search(r"slw_[a-z0-9]+_[\w-]{30,}", made.content.decode())
    assert found
    scim_authenticate(found[0], clock.now())
    page = text(admin, "/provisioning/")
    assert found[0] not in page
    assert "Make another token" in page
    assert "made by admin" in page

    assert "holds for 24 hours more" in admin.post("/provisioning/token", {"days": "90"}).content.decode()
    assert admin.post("/provisioning/token", {"days": "1"}).status_code == 422
    admin.post("/provisioning/end")
    assert not ScimToken.objects.filter(revoked_at=None).exists()
    assert list(AuditEntry.objects.filter(object_type="scim").values_list("action", flat=True).order_by("pk")) == [
        "scim.open",
        "scim.open",
        "scim.close",
    ]


def test_it_tells_what_was_refused_and_what_came(admin: Client) -> None:
    ada = provisioned("ada")
    now = clock.now()
    group = ScimGroup.objects.create(display_name="Guides", display_name_key="guides", created_at=now, updated_at=now)
    group.members.add(ada)
    ScimRefusal.objects.create(at=now, request="GET /scim/v2/Users?filter=<b>", status=400, detail="It is wrong.")
    page = text(admin, "/provisioning/")
    for told in ("Guides", "It is wrong.", "filter=&lt;b&gt;"):
        assert told in page


def test_a_person_of_the_directory_is_marked_and_not_edited(admin: Client) -> None:
    ada = provisioned("ada")
    assert text(admin, "/people/").count(">Directory</span>") == 1
    page = text(admin, "/people/ada/")
    assert "The directory manages this account" in page
    assert "Hand over" not in page
    look = {"display_name": "Ada", "email": "x@example.com", "active": "on", "do": "look"}
    looked = admin.post("/people/ada/", look).content.decode()
    seen = re.search(r'name="looked_at" value="([^"]+)"', looked)
    assert seen
    saved = admin.post("/people/ada/", look | {"do": "save", "looked_at": seen[1]})
    assert saved.status_code == 422
    assert "The directory says this" in saved.content.decode()
    scim_user_patch(
        DIRECTORY, ada.key, sent={"Operations": [{"op": "replace", "path": "active", "value": False}]}, now=clock.now()
    )
    assert "it has switched the person off" in text(admin, "/people/ada/")


def test_an_account_made_here_is_handed_over(admin: Client) -> None:
    assert "Hand over" not in text(admin, "/people/developer/"), "there is no directory yet"
    scim_token_make(PLATFORM, days=90, now=clock.now())
    assert "Hand over" in text(admin, "/people/developer/")
    assert "Hand over" not in text(admin, "/people/admin/")
    assert 'value="developer"' in text(admin, "/provisioning/hand-over")
    assert 'value="admin"' not in text(admin, "/provisioning/hand-over")
    looked = admin.get("/provisioning/hand-over", {"person": ["developer", "admin", "nobody"]})
    assert looked.context["looked"].able == ["developer"]
    page = looked.content.decode()
    assert "1 person is handed over" in page
    assert "admin is a platform admin" in page
    assert "so they would stay outside" in page
    assert admin.post("/provisioning/hand-over", {"person": "developer", "do": "save"}).status_code == 200
    assert not ScimUser.objects.exists()
    sent = {"person": "developer", "do": "save", "looked_at": looked.context["looked_at"]}
    assert admin.post("/provisioning/hand-over", sent | {"person": "viewer"}).status_code == 200
    assert not ScimUser.objects.exists(), "only what was looked at is saved"
    assert admin.post("/provisioning/hand-over", sent).status_code == 302
    assert "The directory manages this account" in text(admin, "/people/developer/")


def test_a_hand_over_is_taken_back_with_the_password(admin: Client, organisation: Organisation) -> None:
    developer, known = organisation.developer, organisation.developer.password
    scim_user_adopt(PLATFORM, username="developer", now=clock.now())
    developer.refresh_from_db()
    assert not developer.has_usable_password()
    edit = PeopleEdit.objects.get(kind="hand-over")
    admin.post(reverse("people-undo", args=[edit.pk]))
    developer.refresh_from_db()
    assert (developer.password, managed(developer)) == (known, None)
    assert Membership.objects.filter(user=developer).exists()
    sides = AuditEntry.objects.get(action="account.hand-back").data
    assert (sides["before"], sides["after"]) == ({"managed": True}, {"managed": False})
    assert known not in str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_no_password_comes_back_once_the_directory_switched_the_person_off(organisation: Organisation) -> None:
    row = scim_user_adopt(PLATFORM, username="developer", now=clock.now())
    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        scim_user_patch(DIRECTORY, row.key, sent={"Operations": [operation]}, now=clock.now())
    assert not scim_user_release(PLATFORM, username="developer", now=clock.now()).has_usable_password()


@pytest.mark.parametrize("path", ["/provisioning/", "/provisioning/hand-over", LOOKED, "/people/", "/people/p2-0/"])
def test_it_asks_no_more_for_many_than_for_few(admin: Client, path: str) -> None:
    scim_token_make(PLATFORM, days=90, now=clock.now())
    counted = []
    for size in (2, 20):
        people = [provisioned(f"p{size}-{number}") for number in range(size)]
        for one in people:
            name, now = f"g-{one.user_name}", clock.now()
            ScimGroup.objects.create(display_name=name, display_name_key=name, created_at=now, updated_at=now)
        admin.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert admin.get(path).status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1] <= 12


def test_a_look_at_nobody_asks_for_somebody(admin: Client) -> None:
    assert "Choose at least one person." not in text(admin, "/provisioning/hand-over")
    assert "Choose at least one person." in text(admin, "/provisioning/hand-over?look=1")

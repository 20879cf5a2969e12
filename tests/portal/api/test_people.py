"""People, groups, and edits that are taken back, over the API."""

from __future__ import annotations

from typing import Any

import pytest

from governance.services.teams import team_update
from idp.kernel import clock
from tests.personas import Organisation

pytestmark = pytest.mark.django_db


def test_people_are_found_page_by_page(api: Any) -> None:
    admin, names, path = api("admin"), [], "people/?q=maintainer&limit=1"
    while path:
        page = admin.get(path).json()
        names += [one["username"] for one in page["items"]]
        path = page["next"]
    assert names == ["maintainer", "second_maintainer", "storefront_maintainer"]
    assert api("auditor").get("people/").status_code == 403
    assert api("admin", systems=("checkout",)).get("people/").status_code == 403
    assert admin.get("people/nobody/").status_code == 404


def test_a_person_is_edited_at_what_was_read(api: Any) -> None:
    admin, at = api("admin"), "people/viewer/"
    read = admin.get(at)
    assert admin.patch(at, {"display_name": "V"}).status_code == 428
    edited = admin.patch(at, {"display_name": "V"}, If_Match=read["ETag"])
    assert (edited.status_code, edited.json()["display_name"]) == (200, "V")
    assert admin.patch(at, {"display_name": "W"}, If_Match=read["ETag"]).status_code == 412
    wrong = admin.patch(at, {"email": "nowhere"}, If_Match=edited["ETag"])
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "email")


def test_switching_off_says_what_is_left_behind_and_who_takes_over(api: Any, organisation: Organisation) -> None:
    admin = api("admin")
    team_update(organisation.actor("admin"), team=organisation.storefront, parent="payments", now=clock.now())
    assert admin.post("people/stranger/deactivate/", {}).json()["leaves"]["teams_alone"] == []
    read = admin.get("people/storefront_maintainer/").json()["leaves"]
    expected = {
        "tokens": 0,
        "open_changes": 0,
        "teams_alone": ["storefront"],
        "systems": [{"system": "shop", "team": "storefront", "successor": "payments"}],
    }
    assert read == expected
    off = admin.post("people/storefront_maintainer/deactivate/", {}).json()
    assert (off["active"], off["leaves"]) == (False, expected)
    assert api("storefront_maintainer").get("me").status_code == 401
    assert admin.post("people/stranger/reactivate/", {}).json()["active"]
    assert admin.get("people/storefront_maintainer/").json()["leaves"]["teams_alone"] == []


def test_nobody_switches_themselves_off(api: Any) -> None:
    refused = api("admin").post("people/admin/deactivate/", {})
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "active")


def test_a_group_lives_and_is_taken_back(api: Any) -> None:
    admin = api("admin")
    made = admin.post("groups/", {"name": "security"})
    assert (made.status_code, made.json()["members"]) == (201, [])
    assert admin.post("groups/", {"name": "security"}).status_code == 409
    added = admin.post("groups/security/members/", {"username": "viewer"})
    assert added.json()["members"] == ["viewer"]
    assert admin.post("groups/security/members/", {"username": "nobody"}).status_code == 404
    assert admin.delete("groups/security/", If_Match=made["ETag"]).status_code == 412
    assert admin.delete("groups/security/", If_Match=admin.get("groups/security/")["ETag"]).status_code == 204
    edit = admin.get("people-edits/?limit=1").json()["items"][0]
    assert edit["what"] == "Delete group security"
    assert admin.post(f"people-edits/{edit['id']}/take-back/", {}).json()["taken_back_by"] == "admin"
    assert admin.get("groups/security/").json()["members"] == ["viewer"]
    assert admin.post(f"people-edits/{edit['id']}/take-back/", {}).status_code == 409
    gone = admin.post("groups/security/members/remove/", {"username": "viewer"})
    assert gone.json()["members"] == []


def test_a_group_that_the_platform_needs_stays(api: Any) -> None:
    refused = api("admin").delete("groups/auditors/", If_Match="*")
    assert (refused.status_code, refused.json()["code"]) == (409, "illegal-state")
    assert api("admin").get("groups/team:payments:viewer/").status_code == 404

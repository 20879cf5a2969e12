"""Notices over the API: one's own, read and chosen."""

from __future__ import annotations

import pytest

from governance.domain.notice import KINDS
from governance.models import Notice
from governance.services.notices import notify
from tests.personas import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(organisation):
    for number in range(3):
        notify(
            "change-failed",
            to=[organisation.developer.pk],
            title=f"Failed {number}",
            text="It did.",
            url="/changes/1/",
            key=str(number),
            now=NOW,
        )
    return list(Notice.objects.order_by("-pk"))


def test_it_lists_newest_first_in_pages(api, told):
    caller, seen, url = api("developer"), [], "notices/?limit=2&unread=true&kind=change-failed"
    while url:
        body = caller.get(url).json()
        seen += body["items"]
        url = body["next"]
    assert [one["id"] for one in seen] == [one.pk for one in told]
    assert seen[0] == {
        "id": told[0].pk,
        "kind": "change-failed",
        "title": "Failed 2",
        "text": "It did.",
        "page": "/changes/1/",
        "at": "2026-03-02T09:30:00Z",
        "read_at": None,
    }
    assert api("maintainer").get("notices/").json()["items"] == []


def test_it_marks_as_read(api, told):
    caller = api("developer")
    assert caller.post("notices/read/", {"ids": [told[0].pk]}).json() == {"read": 1}
    assert caller.post("notices/read/", {"until": told[0].pk}).json() == {"read": 2}
    assert caller.get("notices/?unread=true").json()["items"] == []


@pytest.mark.parametrize("wrong", [{}, {"ids": []}, {"ids": [1], "until": 1}, {"ids": "all"}, {"every": True}], ids=str)
def test_it_says_what_to_send(api, told, wrong):
    assert api("developer").post("notices/read/", wrong).status_code == 422


def test_it_keeps_tokens_bound_to_systems_out(api, told):
    caller = api("developer", "read", "change", systems=("checkout",))
    assert caller.get("notices/").json()["code"] == "token-scope"
    assert caller.post("notices/read/", {"until": told[0].pk}).status_code == 403


def test_it_shows_and_changes_how_one_is_told(api, organisation):
    caller = api("developer")
    read = caller.get("me/notices")
    before = read.json()
    assert before["deliveries"] == {key: kind.default for key, kind in KINDS.items()}
    assert before["kinds"]["change-waits"] == KINDS["change-waits"].title
    sent = {"deliveries": {"change-waits": "digest"}, "digest_hour": 7, "time_zone": "Europe/Berlin"}
    assert caller.patch("me/notices", sent).status_code == 428
    after = caller.patch("me/notices", sent, If_Match=read["ETag"]).json()
    assert after["deliveries"] == before["deliveries"] | {"change-waits": "digest"}
    assert (after["digest_hour"], after["time_zone"]) == (7, "Europe/Berlin")
    assert caller.get("me/notices").json() == after
    assert caller.patch("me/notices", {"digest_hour": 8}, If_Match=read["ETag"]).status_code == 412
    refused = caller.patch("me/notices", {"time_zone": "Mars/Olympus"}, If_Match="*")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["path"] == "time_zone"

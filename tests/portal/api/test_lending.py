"""Sharing over the API: a grant is given, read, ended and taken back; who it is for may be hidden."""

from __future__ import annotations

import pytest

from idp.kernel import clock
from provisioning.models import ResourceGrant, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.provisioning.organisation import Clock, carry_out, create

pytestmark = pytest.mark.django_db
AT = "environments/checkout/try/grants/"
TAKES = {
    "stage": "dev",
    "resources": {"orders": {"from": {"system": "checkout", "environment": "try", "resource": "db"}}},
}


@pytest.fixture
def world(api, organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    return organisation


def test_a_grant_is_given_used_closed_and_taken_back(api, world):
    maintainer, stranger = api("maintainer"), api("stranger")
    made = maintainer.post(AT, {"resource": "db", "to_system": "shop", "score_id": "postgres.default#orders"})
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["to_system"], row["in_force"], row["users"]) == ("shop", True, [])
    [offer] = stranger.get("systems/shop/offers/").json()["items"]
    assert offer["from"] == {"system": "checkout", "environment": "try", "resource": "db"}
    asked = stranger.post("changes/", {"kind": "create", "system": "shop", "environment": "lab", "spec": TAKES})
    assert asked.status_code == 202, asked.content
    carry_out(Run.objects.get(change=asked.json()["id"]), Clock(clock.now()))
    at = f"{AT}{row['id']}/"
    read = maintainer.get(at)
    assert [one["environment"] for one in read.json()["users"]] == ["lab"]
    refused = maintainer.delete(at, If_Match=read["ETag"])
    assert (refused.status_code, refused.json()["code"]) == (409, "grant-in-use")
    closed = maintainer.patch(at, {"ends_at": "2026-12-31T00:00:00Z"}, If_Match=read["ETag"])
    assert (closed.status_code, closed.json()["ends_at"]) == (200, "2026-12-31T00:00:00Z")
    assert maintainer.patch(at, {"ends_at": None}, If_Match=read["ETag"]).status_code == 412
    away = ChangeRequest("delete", "shop", "lab", confirm="lab")
    gone = change_submit(world.actor("stranger"), away, now=clock.now())
    carry_out(Run.objects.get(change=gone), Clock(clock.now()))
    assert maintainer.delete(at, If_Match=closed["ETag"]).status_code == 204
    assert maintainer.get(at).status_code == 404
    assert ResourceGrant.objects.get().ended_at is not None


def test_a_restricted_taker_is_not_named(api, world):
    made = api("maintainer").post(AT, {"resource": "db", "to_system": "shop"})
    type(world.checkout).objects.filter(slug="shop").update(restricted=True)
    shown = api("viewer").get(f"{AT}{made.json()['id']}/").json()
    assert (shown["to_system"], shown["to_team"]) == ("", False)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"resource": "nothing", "to_system": "shop"}, "resource"),
        ({"resource": "db", "to_system": "nowhere"}, "to_system"),
        ({"resource": "db"}, "to_system"),
        ({"resource": "db", "to_system": "shop", "ends_at": "2001-01-01T00:00:00Z"}, "ends_at"),
    ],
    ids=["no such resource", "no such system", "nobody", "over"],
)
def test_what_is_wrong_is_said_at_its_place(api, world, body, path):
    answer = api("maintainer").post(AT, body)
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, [path])

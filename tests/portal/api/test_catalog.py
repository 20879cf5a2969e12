"""Teams, members, systems and components over the API."""

from __future__ import annotations

import pytest

from idp.catalog.models import Component, Membership, System, Team

pytestmark = pytest.mark.django_db

SEARCH = {"slug": "search", "name": "Search", "description": "Finds things."}
BASKET = {"slug": "basket", "name": "Basket", "team": "payments"}
BASKET_API = {"slug": "basket-api", "name": "Basket API", "system": "checkout", "type": "service"}


def test_it_makes_a_team_and_reads_it_back(api):
    made = api("admin").post("teams/", SEARCH)
    assert made.status_code == 201
    assert made["Location"] == "/api/v1/teams/search/"
    read = api("viewer").get("teams/search/")
    assert read.json() == made.json()
    assert read["ETag"] == made["ETag"] == '"1"'


@pytest.mark.parametrize(
    ("path", "body", "stored"),
    [
        pytest.param("teams/", SEARCH, Team, id="team"),
        pytest.param("systems/", BASKET, System, id="system"),
        pytest.param("components/", BASKET_API, Component, id="component"),
    ],
)
@pytest.mark.parametrize("persona", ["viewer", "developer", "stranger", "auditor"])
def test_it_lets_only_those_who_may_make_things(api, persona, path, body, stored):
    response = api(persona).post(path, body)
    assert response.status_code == 403
    assert response.json()["remedy"]
    assert not stored.objects.filter(slug=body["slug"]).exists()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        pytest.param("systems/", BASKET | {"slug": "checkout"}, "slug", id="taken"),
        pytest.param("systems/", BASKET | {"slug": "Basket"}, "slug", id="capital"),
        pytest.param("systems/", BASKET | {"team": "nobody"}, "team", id="unknown-team"),
        pytest.param("systems/", BASKET | {"restricted": "yes"}, "restricted", id="text-for-flag"),
        pytest.param("systems/", BASKET | {"owner": "me"}, "owner", id="unknown-field"),
        pytest.param("systems/", {"slug": "basket", "name": "Basket"}, "team", id="missing"),
        pytest.param("systems/", BASKET | {"name": ""}, "name", id="empty-name"),
        pytest.param("components/", BASKET_API | {"type": "pet"}, "type", id="unknown-type"),
        pytest.param("components/", BASKET_API | {"system": "nothing"}, "system", id="unknown-system"),
        pytest.param("components/", BASKET_API | {"depends_on": ["ghost"]}, "depends_on", id="unknown-need"),
        pytest.param("components/", BASKET_API | {"repository": "javascript:1"}, "repository", id="repository"),
        pytest.param(
            "components/", BASKET_API | {"links": [{"title": "x", "url": "ftp://x"}]}, "links.0.url", id="link"
        ),
    ],
)
def test_it_names_the_field_that_is_wrong(api, path, body, field):
    response = api("admin").post(path, body)
    assert response.status_code == 422
    assert field in [error["path"] for error in response.json()["errors"]]


def test_it_edits_what_was_read_and_nothing_newer(api):
    maintainer = api("maintainer")
    etag = maintainer.get("systems/checkout/")["ETag"]
    first = maintainer.patch("systems/checkout/", {"description": "Takes orders."}, If_Match=etag)
    assert (first.status_code, first["ETag"]) == (200, '"2"')
    late = maintainer.patch("systems/checkout/", {"description": "Mine."}, If_Match=etag)
    assert late.status_code == 412
    assert System.objects.get(slug="checkout").description == "Takes orders."


@pytest.mark.parametrize(
    ("header", "status"),
    [
        pytest.param(None, 428, id="missing"),
        pytest.param('"7"', 412, id="other"),
        pytest.param('W/"1"', 412, id="weak"),
        pytest.param("1", 400, id="no-quotes"),
        pytest.param("*", 200, id="any"),
        pytest.param('"7", "1"', 200, id="list"),
    ],
)
@pytest.mark.parametrize("path", ["teams/payments/", "systems/checkout/", "components/checkout-api/"])
def test_it_asks_for_the_version(api, path, header, status):
    headers = {} if header is None else {"If_Match": header}
    assert api("maintainer").patch(path, {"name": "New"}, **headers).status_code == status


def test_it_adds_changes_and_removes_a_member(api, organisation):
    maintainer, path = api("maintainer"), "teams/payments/members/stranger/"
    made = maintainer.put(path, {"role": "viewer"})
    assert made.status_code == 201
    assert maintainer.put(path, {"role": "developer"}).status_code == 428
    changed = maintainer.put(path, {"role": "developer"}, If_Match=made["ETag"])
    assert changed.json()["role"] == "developer"
    assert maintainer.delete(path, If_Match=made["ETag"]).status_code == 412
    assert maintainer.delete(path, If_Match=changed["ETag"]).status_code == 204
    assert not Membership.objects.filter(team=organisation.payments, user=organisation.stranger).exists()
    assert maintainer.get(path).status_code == 404


def test_it_lists_members_in_pages(api):
    caller, seen, url = api("developer"), [], "teams/payments/members/?limit=2"
    while url:
        body = caller.get(url).json()
        seen += [one["username"] for one in body["items"]]
        url = body["next"]
    assert seen == ["developer", "maintainer", "second_maintainer", "viewer"]


def test_it_deletes_a_system_only_without_history(api, living):
    maintainer = api("maintainer")
    assert maintainer.delete("systems/checkout/", If_Match="*").status_code == 409
    api("admin").post("systems/", BASKET)
    assert maintainer.delete("systems/basket/", If_Match='"1"').status_code == 204
    assert maintainer.get("systems/basket/").status_code == 404


def test_it_makes_edits_and_deletes_a_component(api):
    maintainer = api("maintainer")
    made = maintainer.post("components/", BASKET_API | {"depends_on": ["checkout-api"]})
    assert made.json()["depends_on"] == ["checkout-api"]
    edited = maintainer.patch("components/basket-api/", {"depends_on": [], "type": "job"}, If_Match=made["ETag"])
    assert (edited.json()["depends_on"], edited.json()["type"]) == ([], "job")
    assert maintainer.delete("components/basket-api/", If_Match=edited["ETag"]).status_code == 204


@pytest.mark.parametrize(
    ("persona", "seen"),
    [
        pytest.param("stranger", {"checkout", "shop"}, id="stranger"),
        pytest.param("viewer", {"checkout", "shop", "vault"}, id="member"),
        pytest.param("auditor", {"checkout", "shop", "vault"}, id="auditor"),
        pytest.param("admin", {"checkout", "shop", "vault"}, id="admin"),
    ],
)
def test_it_lists_only_what_one_may_see(api, persona, seen):
    caller = api(persona)
    assert {one["slug"] for one in caller.get("systems/").json()["items"]} == seen
    systems = {one["system"] for one in caller.get("components/").json()["items"]}
    assert systems == seen
    assert caller.get("systems/vault/").status_code == (200 if "vault" in seen else 404)
    assert caller.get("components/vault-api/").status_code == (200 if "vault" in seen else 404)


def test_it_narrows_a_token_to_its_systems(api):
    bound = api("admin", systems=("shop",))
    assert [one["slug"] for one in bound.get("systems/").json()["items"]] == ["shop"]
    assert bound.get("systems/checkout/").status_code == 404
    assert bound.patch("teams/payments/", {"name": "X"}, If_Match="*").status_code == 403

"""Who owns what, confirmations and transfers, over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from governance.domain.ownership import CONFIRM_EVERY
from governance.models import Ownership
from governance.services.people import account_update
from governance.services.teams import team_update
from idp.catalog.models import System
from idp.kernel import clock
from tests.personas import Organisation

pytestmark = pytest.mark.django_db


def needs(api: Any, who: str = "admin", query: str = "") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    path: str | None = f"ownership/?limit=1{query}"
    while path:
        page = api(who).get(path).json()
        found |= {one["system"]: one["needs"] for one in page["items"]}
        path = page["next"]
    return found


def leave(organisation: Organisation, *people: str) -> None:
    for name in people:
        account_update(organisation.actor("admin"), username=name, active=False, now=clock.now())


def test_it_lists_what_needs_its_owners_and_why(api: Any, organisation: Organisation) -> None:
    System.objects.update(created_at=clock.now())
    assert needs(api) == {}
    System.objects.filter(slug="checkout").update(created_at=clock.now() - CONFIRM_EVERY - timedelta(days=1))
    leave(organisation, "storefront_maintainer")
    assert needs(api) == {"checkout": ["confirmation"], "shop": ["maintainer"]}
    leave(organisation, "stranger")
    assert needs(api, query="&needs=owner") == {"shop": ["owner"]}
    assert needs(api, query="&needs=maintainer") == {}
    assert api("admin").get("ownership/?needs=love").status_code == 400


def test_restricted_systems_are_not_named_to_strangers(api: Any) -> None:
    assert "vault" in needs(api, "viewer")
    assert "vault" not in needs(api, "stranger")


def test_owners_confirm(api: Any, organisation: Organisation) -> None:
    assert api("stranger").post("systems/checkout/ownership/confirm/", {}).status_code == 403
    before = api("developer").get("systems/checkout/ownership/").json()
    assert (before["needs"], before["may_confirm"]) == (["confirmation"], True)
    after = api("developer").post("systems/checkout/ownership/confirm/", {}).json()
    assert (after["needs"], after["confirmed_by"]) == ([], "developer")
    assert after["due_at"] > before["due_at"]


def test_it_names_who_takes_over_and_when_it_comes_to_rest(api: Any, organisation: Organisation) -> None:
    read = "systems/shop/ownership/"
    assert api("viewer").get(read).json()["successor"] is None
    team_update(organisation.actor("admin"), team=organisation.storefront, parent="payments", now=clock.now())
    leave(organisation, "stranger", "storefront_maintainer")
    Ownership.objects.create(system=organisation.systems["shop"], alone_since="2026-03-02T09:30:00Z")
    found = api("viewer").get(read).json()
    assert (found["needs"], found["people"], found["successor"]) == (["owner"], 0, "payments")
    assert (found["sleeps_at"], found["ends_at"]) == ("2026-03-09T09:30:00Z", "2026-04-01T09:30:00Z")


def test_a_system_changes_hands_when_both_agree(api: Any, organisation: Organisation) -> None:
    body = {"system": "checkout", "team": "storefront", "reason": "They build on it."}
    assert api("developer").post("transfers/", body).status_code == 403
    wrong = api("maintainer").post("transfers/", body | {"team": "payments"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "team")
    made = api("maintainer").post("transfers/", body)
    assert (made.status_code, made.json()["given_by"], made.json()["taken_by"]) == (201, "maintainer", None)
    assert api("maintainer").post("transfers/", body).status_code == 409
    at = made["Location"]
    assert not api("maintainer").get(at).json()["may_agree"]
    assert api("storefront_maintainer").get(at).json()["may_agree"]
    assert api("stranger").post(f"{at}agree/", {}).status_code == 403
    done = api("storefront_maintainer").post(f"{at}agree/", {}).json()
    assert (done["state"], done["taken_by"]) == ("done", "storefront_maintainer")
    assert api("viewer").get("systems/checkout/").json()["team"] == "storefront"
    assert api("viewer").post(f"{at}decline/", {}).status_code in (403, 409)
    listed = api("viewer").get("transfers/?team=storefront&system=checkout&state=done").json()["items"]
    assert [one["id"] for one in listed] == [done["id"]]
    assert api("viewer").get("transfers/?state=open").json()["items"] == []


def test_the_other_side_declines(api: Any, organisation: Organisation) -> None:
    body = {"system": "vault", "team": "storefront", "reason": "They build on it."}
    at = api("maintainer").post("transfers/", body)["Location"]
    assert api("stranger").get(at).status_code == 404
    assert api("second_maintainer").post(f"{at}decline/", {}).json()["state"] == "refused"
    assert api("maintainer").post(f"{at}agree/", {}).status_code == 409

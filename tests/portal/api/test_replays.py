"""Replays of limits and of approval routes over the API; those of policies are in ``test_policies``."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from governance.services.routes import route_save
from idp.kernel import clock
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.services.setup import sandbox_install
from tests.personas import NOW, Organisation
from tests.portal.api.conftest import Caller
from tests.portal.pages.test_replay_pages import ROUTE
from tests.provisioning.services.test_policy_replays import record

pytestmark = pytest.mark.django_db
NAME = ROUTE["metadata"]["name"]


def route(**spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = deepcopy(ROUTE)
    made["spec"] |= spec
    return made


@pytest.fixture(autouse=True)
def saved(organisation: Organisation) -> None:
    sandbox_install(now=NOW)
    for title in ("First", "Second"):
        route_save(organisation.actor("admin"), document=route(title=title), now=NOW)


@pytest.mark.parametrize(
    ("asked", "version"),
    [({"route": NAME}, 2), ({"route": NAME, "version": 1}, 1), ({"document": route(title="Third")}, None)],
    ids=["as it is", "an older version", "a draft"],
)
def test_it_replays_a_route(
    api: Caller, organisation: Organisation, asked: dict[str, Any], version: int | None
) -> None:
    record(organisation, 2, at=clock.now())
    begun = api("admin").post("route-replays/", {**asked, "days": 7})
    assert (begun.status_code, begun["Retry-After"]) == (202, "1")
    told = begun.json()
    assert (told["subject"], told["policy"], told["version"], told["changes"]) == ("route", NAME, version, 2)
    replay_advance(told["id"])
    read = api("auditor").get(told["url"].removeprefix("/api/v1/"))
    assert (read.status_code, read.json()["state"], read.json()["changes_done"]) == (200, "succeeded", 2)
    assert api("auditor").get(told["items_url"].removeprefix("/api/v1/")).status_code == 200
    again = api("admin").post("route-replays/", {**asked, "days": 7})
    assert (again.status_code, again.json()["id"]) == (200, told["id"])


def test_it_replays_limits_and_leaves_what_is_not_named_as_it_is(api: Caller, organisation: Organisation) -> None:
    record(organisation, 3, at=clock.now())
    begun = api("admin").post("quota-replays/", {"team": "payments", "cpu": 12, "days": 7}).json()
    assert (begun["subject"], begun["policy"], begun["changes"]) == ("quota", "payments", 3)
    replay_advance(begun["id"])
    read = api("admin").get(begun["url"].removeprefix("/api/v1/")).json()
    assert read["state"] == "succeeded"
    same = api("admin").post("quota-replays/", {"team": "payments", "cpu": "12", "days": 7})
    assert same.status_code == 422
    assert api("admin").post("quota-replays/", {"team": "payments", "cpu": 12.0, "days": 7}).json()["id"] == read["id"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("route-replays/", {}, 422),
        ("route-replays/", {"route": NAME, "document": route()}, 422),
        ("route-replays/", {"route": "nothing"}, 404),
        ("route-replays/", {"route": NAME, "version": 9}, 404),
        ("route-replays/", {"document": route(stages=[])}, 422),
        ("quota-replays/", {"team": "nobody"}, 404),
        ("quota-replays/", {"team": "payments", "days": 0}, 422),
        ("quota-replays/", {"team": "payments", "ceilings": {"monthly_cost": "much"}}, 422),
    ],
    ids=["nothing", "both", "unknown", "version", "wrong", "team", "days", "ceilings"],
)
def test_it_says_what_it_needs(api: Caller, path: str, body: dict[str, Any], status: int) -> None:
    assert api("admin").post(path, body).status_code == status


@pytest.mark.parametrize("body", [{"route": NAME}, {"team": "payments"}], ids=["a route", "limits"])
def test_only_admins_ask(api: Caller, body: dict[str, Any]) -> None:
    path = "route-replays/" if "route" in body else "quota-replays/"
    assert api("auditor").post(path, body).status_code == 403
    assert api("maintainer").post(path, body).status_code == 403

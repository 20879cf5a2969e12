"""Versions, checks and replays of policies over the API."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml

from governance.models import Policy
from governance.services.policies import policy_save
from idp.kernel import clock
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.services.setup import sandbox_install
from tests.personas import NOW, Organisation
from tests.portal.api.conftest import Caller
from tests.provisioning.services.test_policy_replays import NO_LATEST, record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def saved(organisation: Organisation) -> Policy:
    sandbox_install(now=NOW)
    second = deepcopy(NO_LATEST)
    second["spec"]["title"] = "Second"
    policy_save(organisation.actor("admin"), document=NO_LATEST, now=NOW)
    return policy_save(organisation.actor("admin"), document=second, now=NOW)


def draft(**spec: Any) -> dict[str, Any]:
    made = deepcopy(NO_LATEST)
    made["spec"] |= spec
    return made


def test_it_lists_versions_and_reads_one(api: Caller) -> None:
    listed = api("viewer").get("policies/no-latest/versions/").json()["items"]
    assert [(one["number"], one["by"]) for one in listed] == [(2, "admin"), (1, "admin")]
    one = api("viewer").get(listed[1]["url"].removeprefix("/api/v1/")).json()
    assert one["document"]["spec"]["title"] == "No latest"
    assert "title: No latest" in one["text"]
    assert api("viewer").get("policies/no-latest/versions/9/").status_code == 404


def test_it_takes_a_version_back(api: Caller) -> None:
    answer = api("admin").post("policies/no-latest/versions/1/restore/", {})
    assert (answer.status_code, answer.json()["title"], answer.json()["version"]) == (200, "No latest", 3)
    assert answer["ETag"]
    assert api("maintainer").post("policies/no-latest/versions/1/restore/", {}).status_code == 403


def test_it_checks_a_draft_with_the_place(api: Caller) -> None:
    tests = [{"name": "a", "facts": {}, "expect": "deny"}]
    told = api("admin").post("policy-checks/", draft(tests=tests)).json()
    assert (told["may_be_saved"], told["may_be_enforced"], told["found"]) == (True, False, [])
    assert told["tests"] == [{"name": "a", "expect": "deny", "came": "pass", "holds": False, "detail": ""}]
    text = yaml.safe_dump(draft(when="stge.production")).encode()
    told = api("admin").call("POST", "policy-checks/", text, media="application/yaml").json()
    [found] = told["found"]
    assert (found["path"], found["source"], found["pointer"]) == ("spec.when", "stge.production", "^")
    assert found["line"] > 1
    assert not told["may_be_saved"]
    assert api("maintainer").post("policy-checks/", draft()).status_code == 403


def test_it_replays_a_policy_a_version_and_a_draft(api: Caller, organisation: Organisation) -> None:
    record(organisation, 2, image="api:latest", at=clock.now())
    asked = api("admin").post("policy-replays/", {"policy": "no-latest", "version": 1, "days": 7})
    assert (asked.status_code, asked["Retry-After"]) == (202, "1")
    assert (asked.json()["state"], asked.json()["version"], asked.json()["changes"]) == ("queued", 1, 2)
    replay_advance(asked.json()["id"])
    read = api("auditor").get(asked.json()["url"].removeprefix("/api/v1/"))
    assert (read.status_code, read.json()["counts"]) == (200, {"denies": 2})
    assert read.json()["teams"] == [{"team": "payments", "counts": {"denies": 2}}]
    items = (
        api("auditor").get(f"policy-replays/{read.json()['id']}/items/?outcome=denies&team=payments").json()["items"]
    )
    assert [one["outcome"] for one in items] == ["denies", "denies"]
    assert items[0]["url"] == f"/api/v1/changes/{items[0]['change']}/"
    other = api("admin").post("policy-replays/", {"document": draft(effect="warn"), "days": 7}).json()
    assert (other["version"], other["id"] != read.json()["id"]) == (None, True)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"policy": "no-latest", "document": draft()}, 422),
        ({"policy": "nothing"}, 404),
        ({"policy": "no-latest", "days": 0}, 422),
        ({"document": draft(when="true &&")}, 422),
    ],
    ids=["nothing", "both", "unknown", "days", "wrong"],
)
def test_it_says_what_it_needs(api: Caller, body: dict[str, Any], status: int) -> None:
    assert api("admin").post("policy-replays/", body).status_code == status


def test_only_admins_ask_and_others_read_nothing(api: Caller) -> None:
    assert api("auditor").post("policy-replays/", {"policy": "no-latest"}).status_code == 403
    asked = api("admin").post("policy-replays/", {"policy": "no-latest"}).json()
    assert api("maintainer").get(f"policy-replays/{asked['id']}/").status_code == 403
    assert api("maintainer").get(f"policy-replays/{asked['id']}/items/").status_code == 403

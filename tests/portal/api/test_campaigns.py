"""Campaigns over the API: looked at, drafted, conducted, answered by owners. Every answer is held against OpenAPI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp.kernel import clock
from provisioning.models import Campaign
from provisioning.services.campaign_sweep import campaigns_advance_due
from tests.provisioning.campaigns.fleet import next_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(living: Any) -> dict[str, Any]:
    next_version()
    starts_at = (clock.now() + timedelta(days=2)).isoformat()
    return {"capability": "web-service", "target": "1.1.0", "starts_at": starts_at, "reason": "Newer is better."}


def test_it_is_looked_at_drafted_started_paused_and_cancelled(api, asked):
    admin = api("admin")
    preview = admin.post("campaigns/preview/", asked)
    assert [(one["title"], one["environments"]) for one in preview["waves"]] == [("Stage dev", ["checkout/try"])]
    made = admin.post("campaigns/", {**asked, "pace": {"interval_hours": 0.5, "threshold": 10}})
    assert admin.last.status_code == 201
    assert (made["state"], made["pace"]["interval_hours"], made["environments"]) == ("draft", 0.5, {"planned": 1})
    at = made["url"].removeprefix("/api/v1/")
    assert admin.post(f"{at}start/", {})["state"] == "running"
    assert admin.post(f"{at}start/", {})["code"] == "illegal-state"
    assert admin.post(f"{at}pause/", {"reason": "Lunch."})["state_reason"] == "admin: Lunch."
    assert admin.post(f"{at}resume/", {})["state"] == "running"
    assert admin.post(f"{at}waves/1/rollback/", {})["code"] == "illegal-state"
    assert admin.post(f"{at}waves/9/retry/", {})["errors"][0]["path"] == "wave"
    assert admin.post(f"{at}cancel/", {})["waves"][0]["state"] == "cancelled"
    assert [one["id"] for one in admin.get("campaigns/?state=cancelled")["items"]] == [made["id"]]
    assert admin.get("campaigns/?capability=postgres")["items"] == []


def test_an_owner_chooses_another_moment_and_then_takes_it(api, asked):
    made = api("admin").post("campaigns/", asked)
    api("admin").post(f"campaigns/{made['id']}/start/", {})
    developer = api("developer")
    [item] = developer.get(f"campaigns/{made['id']}/items/?state=planned")["items"]
    assert (item["may_take"], item["may_postpone"], item["resources"]) == (True, True, ["api"])
    at = f"campaigns/{made['id']}/items/{item['id']}"
    late = developer.post(f"{at}/postpone/", {"until": "2099-01-01T00:00:00Z"})
    assert (developer.last.status_code, late["errors"][0]["path"]) == (422, "until")
    until = (clock.now() + timedelta(days=5)).replace(microsecond=0)
    moved = developer.post(f"{at}/postpone/", {"until": until.isoformat()})
    assert (moved["state"], moved["due_at"]) == ("rescheduled", until.isoformat()[:-6] + "Z")
    taken = developer.post(f"{at}/take/", {})
    assert (taken["state"], taken["asked_by"], taken["may_take"]) == ("running", "developer", False)
    assert developer.get(taken["change"].removeprefix("/api/v1/"))["kind"] == "upgrade"
    campaigns_advance_due(now=clock.now())
    assert Campaign.objects.get().state == "running"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        pytest.param("pace", {"threshold": 100}, id="never pauses"),
        pytest.param("pace", {"speed": 1}, id="unknown pace"),
        pytest.param("order", "luck", id="unknown order"),
        pytest.param("starts_at", "soon", id="no moment"),
        pytest.param("target", "9.9.9", id="unknown version"),
        pytest.param("shares", [0], id="nobody"),
    ],
)
def test_it_names_the_field_that_is_wrong(api, asked, field, value):
    admin = api("admin")
    wrong = admin.post("campaigns/", {**asked, field: value})
    assert admin.last.status_code == 422
    assert wrong["errors"][0]["path"].split(".")[0] == field
    assert not Campaign.objects.exists()

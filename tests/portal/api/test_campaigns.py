"""Campaigns over the API: looked at, drafted, conducted, answered by owners. Every answer is held against OpenAPI."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from idp.kernel import clock
from provisioning.models import Campaign
from tests.portal.api.client import Api
from tests.provisioning.campaigns.fleet import next_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(living: Any) -> dict[str, Any]:
    next_version()
    starts_at = (clock.now() + timedelta(days=2)).isoformat()
    return {"capability": "web-service", "target": "1.3.0", "starts_at": starts_at, "reason": "Newer is better."}


@pytest.fixture
def started(api, asked) -> dict[str, Any]:
    made = _post(api("admin"), "campaigns/", asked, status=201)
    return _post(api("admin"), f"campaigns/{made['id']}/start/")


def _post(client: Api, path: str, body: Any = None, *, status: int = 200) -> Any:
    response = client.post(path, body if body is not None else {})
    assert response.status_code == status, response.content
    return response.json()


def test_it_shows_the_waves_and_writes_nothing(api, asked):
    preview = _post(api("admin"), "campaigns/preview/", asked)
    assert [(one["title"], one["environments"]) for one in preview["waves"]] == [("Stage dev", ["checkout/try"])]
    assert not Campaign.objects.exists()


def test_it_is_drafted_with_a_pace_and_found_in_the_list(api, asked):
    admin = api("admin")
    made = _post(admin, "campaigns/", {**asked, "pace": {"interval_hours": 0.5, "threshold": 10}}, status=201)
    assert (made["state"], made["pace"]["interval_hours"], made["environments"]) == ("draft", 0.5, {"planned": 1})
    assert [one["id"] for one in admin.get("campaigns/?capability=web-service").json()["items"]] == [made["id"]]
    assert admin.get("campaigns/?state=running").json()["items"] == []
    assert admin.get(made["url"]).json() == made


def test_it_is_started_paused_resumed_and_cancelled(api, started):
    admin, at = api("admin"), f"campaigns/{started['id']}"
    assert started["state"] == "running"
    assert _post(admin, f"{at}/start/", status=409)["code"] == "illegal-state"
    assert _post(admin, f"{at}/pause/", {"reason": "Lunch."})["state_reason"] == "admin: Lunch."
    assert _post(admin, f"{at}/resume/")["state"] == "running"
    assert _post(admin, f"{at}/waves/1/rollback/", status=409)["code"] == "illegal-state"
    assert _post(admin, f"{at}/waves/9/retry/", status=422)["errors"][0]["path"] == "wave"
    assert _post(admin, f"{at}/cancel/")["waves"][0]["state"] == "cancelled"


def test_an_owner_chooses_another_moment_and_then_takes_it(api, started):
    developer = api("developer")
    [item] = developer.get(f"campaigns/{started['id']}/items/?state=planned&team=payments").json()["items"]
    assert (item["may_take"], item["may_postpone"], item["resources"]) == (True, True, ["api"])
    at = f"campaigns/{started['id']}/items/{item['id']}"
    late = _post(developer, f"{at}/postpone/", {"until": "2099-01-01T00:00:00Z"}, status=422)
    assert late["errors"][0]["path"] == "until"
    until = (clock.now() + timedelta(days=5)).replace(microsecond=0)
    moved = _post(developer, f"{at}/postpone/", {"until": until.isoformat()})
    assert (moved["state"], moved["due_at"]) == ("rescheduled", until.isoformat()[:-6] + "Z")
    taken = _post(developer, f"{at}/take/")
    assert (taken["state"], taken["asked_by"], taken["may_take"]) == ("running", "developer", False)
    assert developer.get(taken["change"]).json()["kind"] == "upgrade"


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
    wrong = _post(api("admin"), "campaigns/", {**asked, field: value}, status=422)
    assert wrong["errors"][0]["path"].split(".")[0] == field
    assert not Campaign.objects.exists()

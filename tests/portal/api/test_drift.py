"""Drift over the API: read, adopted, reverted, snoozed; stages that correct it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.kernel import clock
from provisioning.domain.driver import ObjectRef
from provisioning.models import Drift, Environment
from provisioning.services.drift_rows import drift_count
from tests.provisioning.organisation import sandbox

pytestmark = pytest.mark.django_db

API = ObjectRef("apps/v1", "Deployment", "checkout-try", "api")
FIELD = {"kind": "changed", "path": "spec.replicas", "wanted": 2, "live": 5, "manager": "kubectl-edit", "at": None}


@pytest.fixture
def drift(living) -> Drift:
    """Somebody scaled the api by hand, as a controller stores it."""
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    place = Environment.objects.get(name="try")
    row = Drift.objects.create(
        environment=place,
        resource="api",
        api_version="apps/v1",
        kind="Deployment",
        namespace="checkout-try",
        name="api",
        fields=[FIELD | {"operation": "Update"}],
        fingerprint="f" * 64,
        managers="kubectl-edit",
        state="open",
        seen_at=clock.now(),
    )
    drift_count(place.pk)
    return row


def test_it_reads_who_changed_what(api, drift):
    [one] = api("viewer").get("environments/checkout/try/drift/?state=open").json()["items"]
    assert (one["object"], one["managers"], one["fields"][0]["live"]) == ("Deployment/api", "kubectl-edit", 5)
    assert api("viewer").get(f"drift/{drift.pk}/").json() == one
    assert api("viewer").get("environments/checkout/try/drift/?state=adopted").json()["items"] == []
    [place] = api("viewer").get("environments/?drift=open").json()["items"]
    assert place["drifted"] == 1


@pytest.mark.parametrize(
    ("verb", "kind", "path", "after"),
    [
        pytest.param("revert", "revert", "Deployment/api spec.replicas", 2, id="revert"),
        pytest.param("adopt", "adopt", "replicas", 5, id="adopt"),
    ],
)
def test_it_asks_for_a_change(api, drift, verb, kind, path, after):
    answer = api("developer").post(f"drift/{drift.pk}/{verb}/", {"reason": "Agreed"})
    assert answer.status_code == 202, answer.json()
    change = api("developer").get(f"changes/{answer.json()['id']}/").json()
    assert (change["kind"], change["reason"]) == (kind, "Agreed")
    resource = next(one for one in change["plan"]["resources"] if one["name"] == "api")
    assert [(one["path"], one["after"]) for one in resource["fields"]] == [(path, after)]
    read = api("developer").get(f"drift/{drift.pk}/").json()
    assert (read["decision"], read["change"], read["answered"]) == (kind, change["id"], True)


def test_it_shows_what_a_revert_would_do_and_writes_nothing(api, drift):
    body = {"kind": "revert", "system": "checkout", "environment": "try", "objects": ["Deployment/api"]}
    planned = api("developer").post("plans/", body).json()
    assert (planned["outcome"], planned["plan"]["corrects"][0]["object"]) == ("starts", "Deployment/api")
    wrong = api("developer").post("plans/", body | {"objects": ["Service/none"]}).json()
    assert wrong["outcome"] == "invalid"
    assert "Deployment/api has" in wrong["problems"][0]["message"]
    drift.refresh_from_db()
    assert drift.decision == ""


def test_it_snoozes(api, drift):
    until = (clock.now() + timedelta(days=3)).isoformat()
    answer = api("developer").post(f"drift/{drift.pk}/snooze/", {"until": until, "reason": "Load test"})
    assert (answer.status_code, answer.json()["state"]) == (200, "snoozed")
    assert api("developer").get("environments/?drift=open").json()["items"] == []
    late = api("developer").post(f"drift/{drift.pk}/snooze/", {"until": "2020-01-01T00:00:00Z", "reason": "x"})
    assert (late.status_code, late.json()["errors"][0]["path"]) == (422, "until")
    words = api("developer").post(f"drift/{drift.pk}/snooze/", {"until": "some day", "reason": "x"})
    assert words.status_code == 422


def test_it_says_that_drift_is_over(api, drift):
    Drift.objects.update(state="vanished")
    answer = api("developer").post(f"drift/{drift.pk}/revert/", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "drift-over")


def test_a_stage_reports_or_corrects(api, organisation):
    body = {"name": "try-out", "title": "Try", "order": 40, "cluster": "sandbox"}
    assert api("admin").post("stages/", body).json()["drift_mode"] == "report"
    other = api("admin").post("stages/", body | {"name": "strict", "order": 41, "drift_mode": "correct"})
    assert other.json()["drift_mode"] == "correct"
    wrong = api("admin").post("stages/", body | {"name": "odd", "order": 42, "drift_mode": "ignore"})
    assert wrong.json()["errors"][0]["path"] == "drift_mode"

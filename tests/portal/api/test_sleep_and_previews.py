"""Sleep plans, reports of activity, and previews by a label, over the API as CI uses it."""

from __future__ import annotations

import pytest

from idp.kernel import clock
from provisioning.models import Environment, Preview, Run, SleepPlan
from provisioning.services.changes import ChangeRequest, change_submit
from tests.portal.api.client import token_for
from tests.provisioning.organisation import Clock, carry_out, equip, spec

pytestmark = pytest.mark.django_db
HERE = "/api/v1/environments/checkout/try/"
LABELS = {"slipway.dev/preview": "pr-123"}


@pytest.fixture
def ask(client, organisation):
    """``ask(method, path, body)`` with a token of the developer's that may read and ask for changes."""
    equip(organisation)
    made = spec()
    made["resources"]["api"]["component"] = "checkout-api"
    change = change_submit(
        organisation.actor("developer"), ChangeRequest("create", "checkout", "try", made), now=clock.now()
    )
    carry_out(Run.objects.get(change=change), Clock(clock.now()))
    token = token_for(organisation.developer, "read", "change")

    def asked(method: str, path: str, body=None, **headers: str):
        sent = {"Authorization": f"Bearer {token}", **headers}
        return getattr(client, method)(path, body, content_type="application/json", headers=sent)

    return asked


def preview(**more):
    body = {
        "kind": "create",
        "system": "checkout",
        "from": "try",
        "labels": LABELS,
        "images": {"checkout-api": "registry.example/checkout-api:pr-123"},
        "spec": {"resources": {"shop": {"inputs": {"host": "pr-123.example"}}}},
    }
    return {**body, **more}


def test_a_plan_is_read_set_and_guarded_by_its_version(ask):
    first = ask("get", HERE + "sleep/")
    assert (first.json()["schedule"], first.json()["version"]) == ([], 0)
    body = {"schedule": [{"days": ["mon"], "from": "19:00", "to": "07:00"}], "timezone": "Europe/Berlin"}
    kept = ask("put", HERE + "sleep/", body, **{"If-Match": first["ETag"]})
    assert kept.status_code == 200
    assert kept.json()["hours_asleep_per_week"] == 12
    assert kept.json()["monthly_saving"] > 0
    assert kept.json()["next"]["power"] in ("awake", "asleep")
    assert ask("put", HERE + "sleep/", body, **{"If-Match": first["ETag"]}).status_code == 412
    wrong = ask("put", HERE + "sleep/", {**body, "timezone": "Mars"}, **{"If-Match": "*"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "timezone")


def test_activity_is_reported_with_a_token(ask):
    assert ask("post", HERE + "activity/", {}).json()["active_at"]
    assert SleepPlan.objects.get().active_at is not None
    assert ask("post", HERE + "activity/", {"at": "soon"}).status_code == 422
    assert ask("post", HERE + "sleep/hold/", {"for": "4h"}).json()["awake_until"]


def test_one_call_makes_a_preview_and_says_where_it_is(ask):
    answer = ask("post", "/api/v1/changes/", preview())
    assert answer.status_code == 202
    assert answer.json()["links"]["page"] == "/environments/checkout/pr-123/"
    assert ask("get", answer.json()["links"]["environment"]).json()["stage"] == "preview"
    assert Preview.objects.get().key == "pr-123"
    again = ask("post", "/api/v1/changes/", preview())
    assert (again.status_code, again.json()["id"]) == (202, answer.json()["id"])


def test_a_preview_is_planned_before_it_is_made_and_taken_away_by_its_key(ask):
    planned = ask("post", "/api/v1/plans/", preview()).json()
    assert (planned["environment"], planned["outcome"]) == ("pr-123", "starts")
    assert Environment.objects.count() == 1
    change = ask("post", "/api/v1/changes/", preview()).json()
    carry_out(Run.objects.get(change=change["id"]), Clock(clock.now()))
    gone = ask("post", "/api/v1/changes/", {"kind": "delete", "system": "checkout", "labels": LABELS})
    assert (gone.status_code, gone.json()["kind"], gone.json()["environment"]) == (202, "delete", "pr-123")


@pytest.mark.parametrize(
    ("body", "path"),
    [
        pytest.param({"kind": "create", "system": "checkout"}, "environment", id="neither name nor label"),
        pytest.param(preview(kind="sleep"), "kind", id="a kind that previews do not have"),
        pytest.param(preview(labels={}, environment="other"), "images", id="images without a label"),
        pytest.param(preview(spec={"resources": []}), "spec.resources", id="resources that are a list"),
        pytest.param(preview(spec={"stage": 7}), "spec.stage", id="a stage that is a number"),
    ],
)
def test_it_says_what_a_body_lacks(ask, body, path):
    answer = ask("post", "/api/v1/changes/", body)
    assert answer.status_code == 422
    assert path in {one["path"] for one in answer.json()["errors"]}

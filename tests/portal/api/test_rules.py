"""Policies and quotas over the API."""

from __future__ import annotations

from copy import deepcopy

import pytest

from governance.models import Policy, Quota
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER

pytestmark = pytest.mark.django_db


def policy_document(name: str = "no-friday", **spec: object) -> dict:
    document = deepcopy(PROD_NEEDS_A_MAINTAINER)
    document["metadata"]["name"] = name
    document["spec"].update(spec)
    return document


def test_it_makes_edits_and_retires_a_policy(api, organisation):
    admin = api("admin")
    made = admin.post("policies/", policy_document())
    assert (made.status_code, made.json()["active"]) == (201, True)
    assert admin.post("policies/", policy_document()).status_code == 409
    changed = admin.put("policies/no-friday/", policy_document(title="Other"), If_Match=made["ETag"])
    assert (changed.json()["title"], changed["ETag"]) == ("Other", '"2"')
    assert admin.put("policies/no-friday/", policy_document(), If_Match=made["ETag"]).status_code == 412
    assert admin.delete("policies/no-friday/", If_Match=changed["ETag"]).status_code == 204
    assert admin.get("policies/no-friday/").json()["active"] is False
    assert [one["name"] for one in admin.get("policies/?active=false").json()["items"]] == ["no-friday"]


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        pytest.param({"when": "stage.production &&"}, "spec.when", id="does-not-compile"),
        pytest.param({"effect": "explode"}, "spec.effect", id="effect"),
        pytest.param({"approvals": [{"from": "group:nobody", "count": 1}]}, "spec.approvals.0.from", id="group"),
    ],
)
def test_it_names_what_is_wrong_with_a_policy(api, organisation, spec, path):
    refused = api("admin").post("policies/", policy_document(**spec))
    assert refused.status_code == 422
    assert [error for error in refused.json()["errors"] if error["path"].startswith(path)]
    assert not Policy.objects.filter(name="no-friday").exists()


def test_it_refuses_to_rename_a_policy(api, organisation):
    refused = api("admin").put("policies/prod-needs-a-maintainer/", policy_document(), If_Match="*")
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "metadata.name")


def test_it_shows_and_sets_a_quota(api, waiting):
    admin = api("admin")
    before = admin.get("quotas/payments/")
    shown = before.json()
    assert shown["held"]["environments"] == 1
    assert shown["left"]["cpu"] == pytest.approx(shown["limit"]["cpu"] - shown["held"]["cpu"])
    wanted = {"cpu": 16.5, "memory_gib": 32, "storage_gib": 200, "environments": 10}
    after = admin.put("quotas/payments/", wanted, If_Match=before["ETag"])
    assert after.json()["limit"] == wanted
    assert admin.put("quotas/payments/", wanted, If_Match=before["ETag"]).status_code == 412
    assert len(admin.get("quotas/").json()["items"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"cpu": -1}, id="negative"),
        pytest.param({"environments": 1.5}, id="fraction"),
        pytest.param({"memory_gib": "much"}, id="text"),
        pytest.param({"cpu": True}, id="flag"),
    ],
)
def test_it_refuses_a_quota_that_is_none(api, organisation, wanted_quota, wrong):
    refused = api("admin").put("quotas/payments/", wanted_quota | wrong, If_Match="*")
    assert refused.status_code == 422
    assert [error["path"] for error in refused.json()["errors"]] == list(wrong)
    assert Quota.objects.get(team=organisation.payments).version == 2


@pytest.fixture
def wanted_quota() -> dict:
    return {"cpu": 16, "memory_gib": 32, "storage_gib": 200, "environments": 10}


@pytest.mark.parametrize("persona", ["viewer", "developer", "maintainer", "auditor"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "policies/", policy_document(), id="make"),
        pytest.param("PUT", "policies/prod-needs-a-maintainer/", PROD_NEEDS_A_MAINTAINER, id="edit"),
        pytest.param("DELETE", "policies/prod-needs-a-maintainer/", None, id="retire"),
        pytest.param(
            "PUT", "quotas/payments/", {"cpu": 1, "memory_gib": 1, "storage_gib": 1, "environments": 1}, id="quota"
        ),
    ],
)
def test_it_is_for_admins(api, organisation, persona, method, path, body):
    assert api(persona).call(method, path, body, headers={"If_Match": "*"}).status_code == 403

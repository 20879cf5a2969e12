"""Stages and clusters over the API."""

from __future__ import annotations

import pytest

from provisioning.models import Cluster, Stage

pytestmark = pytest.mark.django_db

QA = {"name": "qa", "title": "Trials", "order": 15, "cluster": "local", "default_days": 3}
TRIAL = {"name": "trial", "title": "Trial", "driver": "sandbox", "prices": {"cpu": 20.5}}


@pytest.fixture(autouse=True)
def cluster_name(organisation):
    QA["cluster"] = Cluster.objects.get().name


def test_it_makes_and_edits_a_stage(api):
    admin = api("admin")
    made = admin.post("stages/", QA)
    assert made.status_code == 201
    edit = {key: value for key, value in QA.items() if key != "name"} | {
        "title": "Previews",
        "promotes_from": "dev",
    }
    changed = admin.put("stages/qa/", edit, If_Match=made["ETag"])
    assert (changed.json()["title"], changed.json()["promotes_from"], changed["ETag"]) == ("Previews", "dev", '"2"')
    assert admin.put("stages/qa/", edit, If_Match=made["ETag"]).status_code == 412
    assert admin.post("stages/", QA).status_code == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"cluster": "nowhere"}, "cluster", id="cluster"),
        pytest.param({"promotes_from": "nothing"}, "promotes_from", id="promotes-from"),
        pytest.param({"default_days": 10, "max_days": 5}, "default_days", id="days"),
        pytest.param({"order": 1.5}, "order", id="fraction"),
        pytest.param({"default_days": 0}, "default_days", id="zero-days"),
        pytest.param({"name": "Qa"}, "name", id="name"),
    ],
)
def test_it_names_what_is_wrong_with_a_stage(api, change, field):
    refused = api("admin").post("stages/", QA | change)
    assert refused.status_code == 422
    assert field in [error["path"] for error in refused.json()["errors"]]
    assert not Stage.objects.filter(title="Trials").exists()


def test_it_registers_checks_and_edits_a_cluster(api):
    admin = api("admin")
    made = admin.post("clusters/", TRIAL)
    assert made.status_code == 201
    assert made.json()["prices"] == {"cpu": 20.5, "memory_gib": 0, "storage_gib": 0}
    assert admin.post("clusters/trial/check/").json()["version"]
    changed = admin.patch("clusters/trial/", {"title": "A trial"}, If_Match=made["ETag"])
    assert changed.json()["title"] == "A trial"
    assert admin.patch("clusters/trial/", {"title": "Late"}, If_Match=made["ETag"]).status_code == 412
    assert admin.post("clusters/", TRIAL).status_code == 409


def test_it_never_shows_a_kubeconfig(api):
    Cluster.objects.filter(name=QA["cluster"]).update(credentials="secret-kubeconfig")
    for path in ("clusters/", f"clusters/{QA['cluster']}/"):
        response = api("admin").get(path)
        assert b"secret-kubeconfig" not in response.content
        assert b'"has_credentials":true' in response.content


def test_it_refuses_a_kubeconfig_that_is_none(api):
    body = {"name": "real", "title": "Real", "driver": "kubernetes", "kubeconfig": "not: [a kubeconfig"}
    refused = api("admin").post("clusters/", body)
    assert refused.status_code == 422
    assert not Cluster.objects.filter(name="real").exists()


@pytest.mark.parametrize("persona", ["viewer", "developer", "maintainer", "auditor"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("POST", "stages/", QA, id="make-stage"),
        pytest.param("PUT", "stages/dev/", {"title": "x", "order": 1, "cluster": "local"}, id="edit-stage"),
        pytest.param("POST", "clusters/", TRIAL, id="register"),
        pytest.param("PATCH", "clusters/local/", {"title": "x"}, id="edit-cluster"),
        pytest.param("POST", "clusters/local/check/", {}, id="check"),
    ],
)
def test_it_is_for_admins(api, persona, method, path, body):
    assert api(persona).call(method, path, body, headers={"If_Match": "*"}).status_code == 403


def test_it_cordons_and_removes_a_cluster(api):
    admin = api("admin")
    admin.post("clusters/", TRIAL | {"labels": {"region": "eu"}, "capacity": {"cpu": 8}})
    cordoned = admin.post("clusters/trial/cordon/", {"reason": "Old."}).json()
    assert cordoned["cordoned_at"]
    assert cordoned["capacity"] == {"cpu": 8, "memory_gib": None, "storage_gib": None}
    assert admin.post("clusters/trial/uncordon/").json()["cordoned_at"] is None
    refused = admin.post(f"clusters/{QA['cluster']}/remove/", {"confirm": QA["cluster"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "cluster-not-empty")
    assert admin.post("clusters/trial/remove/", {"confirm": "trial"}).status_code == 204
    assert admin.get("clusters/trial/").status_code == 404


def test_a_stage_chooses_clusters_by_labels(api):
    made = api("admin").post("stages/", QA | {"cluster_labels": {"region": "eu"}})
    assert made.json()["cluster_labels"] == {"region": "eu"}
    refused = api("admin").post("stages/", QA | {"name": "other", "order": 16, "cluster_labels": {"R x": "eu"}})
    assert refused.status_code == 422
    assert [one["path"] for one in refused.json()["errors"]] == ["cluster_labels"]

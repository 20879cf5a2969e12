"""Documents over the API: applied from files, tried, pruned, and exported so that they apply to no changes."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile

import pytest
import yaml
from django.test import Client

from idp.kernel import clock
from idp.kernel.documents import load_all_yaml
from provisioning.models import AppliedDocument, Change, Environment, Run
from tests.portal.api.client import token_for
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = pytest.mark.django_db

DOCUMENT = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Environment",
    "metadata": {"system": "checkout", "name": "filed"},
    "spec": spec("dev"),
}


@pytest.fixture
def equipped(organisation):
    equip(organisation)
    return organisation


def body(*documents: dict, path: str = "checkout/filed.yaml") -> dict:
    return {"files": [{"path": path, "text": yaml.safe_dump_all(documents, sort_keys=False)}]}


def settle() -> None:
    for run in Run.objects.filter(finished_at=None):
        carry_out(run, Clock(clock.now()))


def download(user, path: str):
    return Client().get(f"/api/v1/{path}", headers={"Authorization": f"Bearer {token_for(user)}"})


def test_it_tries_then_applies_then_changes_nothing(api, equipped):
    developer = api("developer")
    tried = developer.post("apply/?dry_run=true", body(DOCUMENT)).json()
    assert (tried["dry_run"], tried["applied"], tried["results"][0]["outcome"]) == (True, False, "created")
    assert Change.objects.count() == 0
    applied = developer.post("apply/?reason=Because", body(DOCUMENT)).json()
    change = Change.objects.get()
    assert (applied["applied"], applied["results"][0]["url"]) == (True, f"/api/v1/changes/{change.pk}/")
    assert change.reason == "Because"
    settle()
    assert developer.post("apply/", body(DOCUMENT)).json()["results"][0]["outcome"] == "unchanged"
    assert Change.objects.count() == 1


def test_what_is_wrong_is_named_with_file_and_line(api, equipped):
    wrong = json.loads(json.dumps(DOCUMENT))
    wrong["spec"]["resources"]["api"]["inputs"]["replicas"] = -1
    refused = api("developer").post("apply/", body(wrong))
    assert refused.status_code == 422
    problem = refused.json()
    assert problem["code"] == "apply-refused"
    assert problem["errors"][0]["path"] == "checkout/filed.yaml: spec.resources.api.inputs.replicas"
    assert "replicas: -1" in body(wrong)["files"][0]["text"].splitlines()[problem["errors"][0]["line"] - 1]
    tried = api("developer").post("apply/?dry_run=true", body(wrong))
    assert (tried.status_code, tried.json()["results"][0]["outcome"]) == (200, "refused")


def test_a_stream_of_yaml_is_a_body_too(api, equipped):
    text = yaml.safe_dump_all([DOCUMENT, {**DOCUMENT, "metadata": {"system": "checkout", "name": "other"}}])
    answer = Client().post(
        "/api/v1/apply/?dry_run=true",
        text,
        content_type="application/yaml",
        headers={"Authorization": f"Bearer {token_for(equipped.developer)}"},
    )
    rows = [(one["file"], one["name"]) for one in answer.json()["results"]]
    assert rows == [("documents.yaml", "checkout/filed"), ("documents.yaml", "checkout/other")]


def test_pruning_must_be_confirmed(api, equipped):
    developer = api("developer")
    developer.post("apply/?owner=payments/infra", body(DOCUMENT))
    settle()
    other = body({**DOCUMENT, "metadata": {"system": "checkout", "name": "next"}})
    other["files"][0]["text"] = other["files"][0]["text"].replace("shop.dev.example", "next.dev.example")
    tried = developer.post("apply/?owner=payments/infra&prune=true&dry_run=true", other).json()
    (item,) = tried["prune"]["items"]
    assert (item["kind"], item["name"], item["outcome"]) == ("Environment", "checkout/filed", "deleted")
    assert "shop.dev.example leads nowhere any more" in item["message"]
    assert tried["prune"]["staying"] == []
    unconfirmed = developer.post("apply/?owner=payments/infra&prune=true", other)
    assert (unconfirmed.status_code, unconfirmed.json()["code"]) == (409, "prune-unconfirmed")
    confirm = tried["prune"]["confirm"]
    done = developer.post(f"apply/?owner=payments/infra&prune=true&confirm={confirm}", other).json()
    assert [one["outcome"] for one in done["results"]] == ["created", "deleted"]


def test_an_export_applies_again_to_no_changes(api, equipped):
    carry_out(Run.objects.get(change=create(equipped)))
    for who in ("admin", "developer"):
        files = api(who).get("export/").json()
        assert len(files["files"]) > 20
        before = Change.objects.count()
        again = api(who).post("apply/", files).json()
        assert {one["outcome"] for one in again["results"]} == {"unchanged"}
        assert Change.objects.count() == before


def test_what_others_have_applies_again_for_who_may_only_see_it(api, equipped):
    carry_out(Run.objects.get(change=create(equipped)))
    stranger = api("stranger")
    (file,) = stranger.get("export/?system=checkout").json()["files"]
    again = stranger.post("apply/?owner=stranger/label", {"files": [file]}).json()
    assert [one["outcome"] for one in again["results"]] == ["unchanged"]
    assert not AppliedDocument.objects.filter(owner="stranger/label").exists()
    edited = {**file, "text": file["text"].replace("name: try", "name: other")}
    assert stranger.post("apply/", {"files": [edited]}).status_code == 422
    edited = {**file, "text": file["text"].replace("replicas: ", "replicas: 1")}
    assert stranger.post("apply/", {"files": [edited]}).status_code == 422


def test_an_export_shows_nobody_more_than_they_may_see(api, equipped):
    hidden = create(equipped)
    Environment.objects.filter(pk=hidden.environment_id).update(system=equipped.vault)
    assert "environments/vault/" in json.dumps(api("developer").get("export/").json())
    assert "vault" not in json.dumps(api("stranger").get("export/").json())


def test_it_packs_files(api, equipped):
    carry_out(Run.objects.get(change=create(equipped)))
    developer = api("developer")
    listed = {one["path"]: one["text"] for one in developer.get("export/?system=checkout").json()["files"]}
    assert list(listed) == ["environments/checkout/try.yaml"]
    packed = download(equipped.developer, "export/?system=checkout&form=tar").content
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        assert {one.name: archive.extractfile(one).read().decode() for one in archive} == listed
    with zipfile.ZipFile(
        io.BytesIO(download(equipped.developer, "export/?system=checkout&form=zip").content)
    ) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == listed
    stream = download(equipped.developer, "export/?environment=try&form=yaml")
    assert [one.data["metadata"]["name"] for one in load_all_yaml(stream.content)] == ["try"]
    assert download(equipped.developer, "export/?system=checkout&form=tar").content == packed
    assert developer.get("export/?form=xml").status_code == 400


def test_files_of_more_than_a_megabyte_are_taken_from_who_says_who_they_are(api, equipped):
    large = {"files": [{"path": f"{at}.yaml", "text": "#" * 700_000} for at in range(2)]}
    assert api("developer").post("apply/", large).json()["code"] == "nothing-to-apply"
    unknown = Client().post("/api/v1/apply/", json.dumps(large), content_type="application/json")
    assert unknown.status_code == 413
    assert "slipway apply" in unknown.json()["remedy"]


def test_what_other_calls_hold_is_not_pruned(api, equipped):
    developer = api("developer")
    developer.post("apply/?owner=payments/infra", body(DOCUMENT))
    settle()
    other = body({**DOCUMENT, "metadata": {"system": "checkout", "name": "next"}})
    other["files"][0]["text"] = other["files"][0]["text"].replace("shop.dev.example", "next.dev.example")
    kept = {**other, "keep": [{"kind": "Environment", "name": "checkout/filed"}]}
    pruned = [
        developer.post("apply/?owner=payments/infra&prune=true&dry_run=true", sent).json()["prune"]["items"]
        for sent in (other, kept)
    ]
    assert [len(one) for one in pruned] == [1, 0]


def test_the_page_says_what_takes_more_than_it_does(equipped):
    many = "---\n".join(
        yaml.safe_dump({**DOCUMENT, "metadata": {"system": "checkout", "name": f"e{at}"}}) for at in range(201)
    )
    client = Client()
    client.force_login(equipped.developer)
    answer = client.post("/files/", {"text": many, "do": "look"})
    assert answer.status_code == 422
    assert "slipway apply does so by itself" in answer.content.decode()

"""The API of files in Git: pushes count when they are signed, and once; a source is followed from end to end."""

from __future__ import annotations

import hmac
import json
from hashlib import sha256
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from provisioning.models import GitSync
from provisioning.services.git_sources import git_source_hook
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import URL, Repository, carried, started, web
from tests.provisioning.organisation import equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> Repository:
    equip(organisation)
    made = Repository(monkeypatch)
    made.commit(a=web(), b="kind: [")
    return made


SIGNED = {
    "github": lambda secret, body: {"HTTP_X_HUB_SIGNATURE_256": f"sha256={_mac(secret, body)}"},
    "gitea": lambda secret, body: {"HTTP_X_GITEA_SIGNATURE": _mac(secret, body)},
    "gitlab": lambda secret, body: {"HTTP_X_GITLAB_TOKEN": secret},
}
FORGED = {
    "nothing": {},
    "github": {"HTTP_X_HUB_SIGNATURE_256": "sha256=00"},
    "gitea": {"HTTP_X_GITEA_SIGNATURE": "0" * 64},
    "gitlab": {"HTTP_X_GITLAB_TOKEN": "guess"},
}


def _mac(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, sha256).hexdigest()


def test_a_push_counts_only_when_it_is_signed_and_once(organisation: Organisation, repository: Repository) -> None:
    started(organisation)
    secret = git_source_hook(organisation.actor("maintainer"), name="infra", now=NOW)
    queued = GitSync.objects.filter(state="queued")

    def push(body: bytes, **headers: str) -> int:
        at = "/api/v1/git/sources/infra/push/"
        return Client().post(at, body, content_type="application/json", **headers).status_code

    body = json.dumps({"ref": "refs/heads/main"}).encode()
    assert {push(body, **headers) for headers in FORGED.values()} == {403}
    assert push(b'{"other": 1}', **SIGNED["github"](secret, body)) == 403
    assert not queued.exists()
    for number, signed in enumerate(SIGNED.values()):
        cache.clear()
        queued.delete()
        told = json.dumps({"push": number}).encode()
        assert push(told, **signed(secret, told)) == 202
        assert queued.count() == 1
        carried(queued.get())
        assert push(told, **signed(secret, told)) == 202
        assert not queued.exists()
    git_source_hook(organisation.actor("maintainer"), name="infra", now=NOW)
    assert push(b"{}", **SIGNED["github"](secret, b"{}")) == 403


def test_the_api_tells_what_a_sync_did(organisation: Organisation, repository: Repository, api: Any) -> None:
    admin = api("admin")
    at = "git/sources/"
    made = admin.post(at, {"name": "infra", "team": "payments", "url": URL, "secret": "s3cret"})
    assert (made.status_code, made.json()["has_secret"], made.json()["active"]) == (201, True, False)
    assert "s3cret" not in made.content.decode()
    looked = admin.post(f"{at}infra/syncs/", {"preview": True})
    carried(GitSync.objects.get())
    report = admin.get(looked["Location"].removeprefix("/api/v1/")).json()["report"]
    assert {one["file"]: one["outcome"] for one in report} == {"a.yaml": "created", "b.yaml": "refused"}

    assert admin.post(f"{at}infra/start/", {"active": True}).json()["active"]
    admin.post(f"{at}infra/syncs/", {})
    carried(GitSync.objects.get(mode="sync"))

    listed = admin.get(f"{at}infra/documents/").json()["items"]
    assert [(one["file"], one["state"]) for one in listed] == [("a.yaml", "waiting"), ("b.yaml", "refused")]
    assert admin.get(f"{at}infra/").json()["head"]["author"] == "Ada Lovelace"
    assert admin.post(at, {"name": "infra", "team": "payments", "url": URL}).status_code == 409

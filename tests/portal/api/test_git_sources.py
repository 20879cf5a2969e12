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
    "nothing": lambda secret, body: {},
    "github, nonsense": lambda secret, body: {"HTTP_X_HUB_SIGNATURE_256": "sha256=00"},
    "github, by another secret": lambda secret, body: SIGNED["github"]("guess", body),
    "github, of another body": lambda secret, body: SIGNED["github"](secret, b"{}"),
    "github, the old header": lambda secret, body: {"HTTP_X_HUB_SIGNATURE": f"sha1={_mac(secret, body)[:40]}"},
    "gitea, by another secret": lambda secret, body: SIGNED["gitea"]("guess", body),
    "gitea, of another body": lambda secret, body: SIGNED["gitea"](secret, b"{}"),
    "gitlab, another token": lambda secret, body: SIGNED["gitlab"]("guess", body),
    "gitlab, part of the token": lambda secret, body: SIGNED["gitlab"](secret[:-1], body),
    "a forged signature beside the token": lambda secret, body: (
        SIGNED["gitlab"](secret, body) | {"HTTP_X_HUB_SIGNATURE_256": "sha256=00"}
    ),
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
    assert {name: push(body, **forge(secret, body)) for name, forge in FORGED.items()} == dict.fromkeys(FORGED, 403)
    assert not queued.exists()
    for number, signed in enumerate(SIGNED.values()):
        cache.clear()
        queued.delete()
        told = json.dumps({"push": number}).encode()
        assert push(told, **signed(secret, told)) == 202
        assert queued.count() == 1
        carried(queued.get())
        cache.clear()  # as another process has it
        assert push(told, **signed(secret, told)) == 202  # told again, as who listened could
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

    (listed_source,) = admin.get(at).json()["items"]
    assert listed_source == admin.get(f"{at}infra/").json()
    standing = {name: listed_source[name] for name in ("state", "documents", "refused")}
    assert standing == {"state": "refused", "documents": 2, "refused": 1}
    assert listed_source["last"]["mode"] == "sync"

    listed = admin.get(f"{at}infra/documents/").json()["items"]
    assert [(one["file"], one["state"]) for one in listed] == [("a.yaml", "waiting"), ("b.yaml", "refused")]
    assert admin.get(f"{at}infra/").json()["head"]["author"] == "Ada Lovelace"
    assert admin.post(at, {"name": "infra", "team": "payments", "url": URL}).status_code == 409

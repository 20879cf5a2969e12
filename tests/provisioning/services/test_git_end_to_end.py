"""Files in Git from real servers, over HTTP and over SSH, to what runs: nothing between the server and the gate is put
aside. What repositories refuse and what limits hold is in ``tests/idp/kernel/test_git_reader.py``.
"""

from __future__ import annotations

import hmac
import io
import json
from contextlib import ExitStack
from hashlib import sha256
from typing import Any

import paramiko
import pytest
import yaml
from django.test import Client
from django.urls import reverse
from dulwich.repo import MemoryRepo

from governance.models import AuditEntry, Notice
from idp.kernel.errors import Conflict
from idp.kernel.git_transport import fingerprint
from provisioning.models import Change, Environment, GitSource, GitSync, Run
from provisioning.services.git_sources import git_source_hook, git_source_trust
from tests.idp.kernel.git_servers import commit, http_server, ssh_server
from tests.personas import NOW, Organisation
from tests.provisioning.git_repository import carried, outcomes, source, started, sync, web
from tests.provisioning.organisation import carry_out, equip

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def this_machine_is_allowed(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]


@pytest.fixture
def world(organisation: Organisation) -> Organisation:
    equip(organisation)
    return organisation


def files(**documents: Any) -> dict[str, bytes]:
    return {f"envs/{name}.yaml": yaml.safe_dump(one).encode() for name, one in documents.items()}


def finish() -> None:
    for run in Run.objects.filter(state="queued"):
        carry_out(run)


def test_a_commit_becomes_what_runs_and_a_signed_push_brings_the_next(world: Organisation) -> None:
    with http_server() as server:
        first = commit(server.repo, {**files(one=web("one")), "envs/bad.yaml": b"kind: ["}, subject="Begin")
        row = started(world, url=server.url, pattern="envs/*.yaml")
        made = sync(world)
        finish()
        assert (made.state, made.commit["id"]) == ("done", first)
        assert outcomes(made) == {"checkout/one": "created", "envs/bad.yaml": "refused"}
        assert Environment.objects.get(name="one").state == "ready"
        change = Change.objects.get(environment__name="one")
        assert (change.requester.username, "Ada Lovelace" in change.reason) == (row.account.username, True)
        assert first[:8] in change.reason

        second = commit(server.repo, files(one=web("one", 2), two=web("two")), subject="Grow")
        secret = git_source_hook(world.actor("maintainer"), name="infra", now=NOW)
        body = json.dumps({"ref": "refs/heads/main", "after": second}).encode()
        signed = {"HTTP_X_HUB_SIGNATURE_256": f"sha256={hmac.new(secret.encode(), body, sha256).hexdigest()}"}
        at = "/api/v1/git/sources/infra/push/"
        assert Client().post(at, body, content_type="application/json", **signed).status_code == 202
        pushed = carried(GitSync.objects.get(state="queued"))
        finish()
    assert outcomes(pushed) == {"checkout/one": "changed", "checkout/two": "created"}
    assert {one.name: one.state for one in Environment.objects.filter(name__in=("one", "two"))} == {
        "one": "ready",
        "two": "ready",
    }
    one = Environment.objects.get(name="one")
    assert one.desired.document["resources"]["api"]["inputs"]["replicas"] == 2


def test_a_host_that_shows_another_key_is_read_again_when_somebody_compared_them(
    world: Organisation,
) -> None:
    own, before, after = (paramiko.ECDSAKey.generate() for _ in range(3))
    text = io.StringIO()
    own.write_private_key(text)
    repo = MemoryRepo()
    commit(repo, files(one=web("one")))
    with ExitStack() as servers:
        url = servers.enter_context(ssh_server(repo, own, before))
        started(world, url=url, secret=text.getvalue())
        assert sync(world).state == "done"
        shown = f"{before.get_name()} {before.get_base64()}"
        assert GitSource.objects.get().host_key == shown
        port = int(url.rpartition(":")[2].partition("/")[0])
        servers.close()

        servers.enter_context(ssh_server(repo, own, after, port=port))
        commit(repo, files(one=web("one"), two=web("two")))
        failed = sync(world)
        assert failed.state == "failed"
        assert "another host key" in failed.message
        assert Notice.objects.filter(kind="git-trouble").exists()
        met = fingerprint(f"{after.get_name()} {after.get_base64()}")

        client = Client()
        client.force_login(world.maintainer)
        page = client.get(reverse("git-host-key", args=["infra"])).content.decode()
        assert fingerprint(shown) in page
        assert met in page
        assert (
            reverse("git-host-key", args=["infra"])
            in client.get(reverse("git-source", args=["infra"])).content.decode()
        )
        with pytest.raises(Conflict, match="another key since"):
            git_source_trust(world.actor("maintainer"), name="infra", shown=fingerprint(shown), now=NOW)
        answer = client.post(reverse("git-host-key", args=["infra"]), {"do": "trust", "shown": met})
        assert answer.status_code == 302
        told = AuditEntry.objects.filter(action="git-source.host-key").latest("sequence").data
        assert (told["before"]["key"], told["after"]["key"]) == (fingerprint(shown), met)
        assert outcomes(sync(world))["checkout/two"] == "created"


def test_a_secret_is_given_to_the_host_that_it_was_given_for(world: Organisation) -> None:
    row = source(world, url="https://git.example/a.git", secret="t0ken")
    assert row.secret
    source(world, url="https://git.example/b.git")
    assert GitSource.objects.get().secret
    source(world, url="https://git.example.org/b.git")
    assert not GitSource.objects.get().secret

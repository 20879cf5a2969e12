"""No secret in clear: not in a table, a page, an answer of the API or a log line.

One story with every kind of secret in it is told through the faces: signing in, a token, a cluster's kubeconfig (taken,
refused, and met by a fault of ours), an environment with a password that the cluster makes. Then everything that was
written is searched for the values.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from governance.models import ApiToken, IdempotencyRecord
from provisioning.domain.driver import ClusterInfo, PermanentError
from provisioning.models import Change, Cluster, Run
from provisioning.services import clusters
from tests.personas import PASSWORD, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = pytest.mark.django_db

KUBE_TOKEN = "eyJhbGciOiJSUzI1NiJ9.c2xpcHdheS1zZWNyZXQ.c2lnbmF0dXJl"
KUBE_KEY = base64.b64encode(b"-----BEGIN PRIVATE KEY----- not for you").decode()
WRONG_PASSWORD = "hunter2-typed-into-the-wrong-window"
KUBECONFIG = f"""
apiVersion: v1
kind: Config
current-context: c
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "https://127.0.0.1:6443"}}}}]
users: [{{name: u, user: {{token: "{KUBE_TOKEN}", client-key-data: "{KUBE_KEY}"}}}}]
"""
BROKEN = {
    "a tag": KUBECONFIG.replace(f'"{KUBE_TOKEN}"', f"!{KUBE_TOKEN} x"),
    "an alias": KUBECONFIG.replace(f'"{KUBE_TOKEN}"', f"*{KUBE_TOKEN}"),
    "no quotes": KUBECONFIG.replace(f'"{KUBE_TOKEN}"', f"{KUBE_TOKEN}: {{"),
    "a value as the document": KUBE_TOKEN,
    "a key": f"{KUBE_TOKEN}: 1\n{KUBE_TOKEN}: 2",
}


class Answering:
    def probe(self) -> ClusterInfo:
        return ClusterInfo("v1.33.1")


def raising(error: Exception) -> Any:
    def open_driver(kind: str, options: Any) -> Any:
        raise error

    return open_driver


@pytest.fixture
def logs() -> Iterator[list[str]]:
    """Every line as it would be written, by the formatter of the settings."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Kept(), logging.getLogger()
    written = [one for one in root.handlers if one.formatter is not None and "slipway" in str(type(one.formatter))]
    handler.setFormatter(written[0].formatter if written else next(one.formatter for one in root.handlers))
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


class Story:
    """What happened, and the texts that came back."""

    def __init__(self, organisation: Organisation) -> None:
        self.organisation = organisation
        self.answers: dict[str, str] = {}
        self.secrets: dict[str, str] = {
            "the password": PASSWORD,
            "the wrong password": WRONG_PASSWORD,
            "the cluster's token": KUBE_TOKEN,
            "the cluster's key": KUBE_KEY,
            "our key": settings.SECRET_KEY,
            "our key for credentials": settings.ENCRYPTION_KEYS[0],
        }

    def sign_in(self) -> Client:
        browser = Client(raise_request_exception=False)
        name = {"username": "admin"}
        self.answers["wrong"] = self._text(browser.post(reverse("login"), {**name, "password": WRONG_PASSWORD}))
        browser.post(reverse("login"), {**name, "password": PASSWORD})
        assert "_auth_user_id" in browser.session
        self.answers["ended"] = self._text(browser.post(reverse("account-sessions"), {"password": WRONG_PASSWORD}))
        return browser

    def make_token(self, browser: Client) -> str:
        sent = {"name": "ci", "scopes": ["read", "change", "approve", "admin"], "systems": "", "days": "7"}
        shown = self._text(browser.post(reverse("token-new"), sent))
        prefix = ApiToken.objects.get(name="ci").prefix
        start = shown.index(f"slw_{prefix}_")
        plaintext = shown[start : start + 200].split("<")[0].split('"')[0].strip()
        self.secrets["a token"] = plaintext.split("_", 2)[2]
        assert len(self.secrets["a token"]) > 20
        return plaintext

    def register(self, program: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        body = {"name": "real", "title": "Real", "driver": "kubernetes", "kubeconfig": KUBECONFIG}
        for kind, text in BROKEN.items():
            self.call(program, 422, body | {"kubeconfig": text}, kind)
        refusal = PermanentError("unauthorized", "Not known.", raw=KUBE_TOKEN)
        monkeypatch.setattr(clusters, "open_driver", raising(refusal))
        self.call(program, 422, body, "refused")
        monkeypatch.setattr(clusters, "open_driver", raising(RuntimeError("an own fault")))
        self.call(program, 500, body, "fault")
        monkeypatch.setattr(clusters, "open_driver", lambda kind, options: Answering())
        self.call(program, 201, body, "registered", HTTP_IDEMPOTENCY_KEY="once")
        assert IdempotencyRecord.objects.exists()

    def call(self, program: Client, status: int, body: Any, kind: str, **meta: str) -> None:
        data = json.dumps(body)
        answer = program.post("/api/v1/clusters/", data, content_type="application/json", **meta)
        self.answers[kind] = self._text(answer)
        assert answer.status_code == status, self.answers[kind]

    def run(self) -> None:
        assert carry_out(Run.objects.get(change=create(self.organisation))).state == "succeeded"

    def read(self, client: Client, paths: list[str]) -> None:
        for path in paths:
            answer = client.get(path)
            assert answer.status_code in (200, 286), path
            self.answers[path] = self._text(answer)

    @staticmethod
    def _text(answer: Any) -> str:
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return body.decode() + str(dict(answer.headers))


PAGES = [
    "/", "/systems/", "/systems/checkout/", "/capabilities/", "/capabilities/postgres/", "/teams/", "/teams/payments/",
    "/environments/", "/environments/checkout/try/", "/environments/checkout/try/revisions/?show=1",
    "/environments/checkout/try/changes/", "/environments/checkout/try/settings/", "/environments/checkout/try/edit",
    "/changes/?tab=all", "/changes/{change}/", "/changes/{change}/?view=objects", "/runs/{run}/", "/runs/{run}/stream",
    "/account/", "/search?q=real",
]  # fmt: skip
ADDRESSES = [
    "me", "clusters/", "clusters/real/", "stages/", "audit/?limit=200", "environments/", "environments/checkout/try/",
    "environments/checkout/try/resources/", "environments/checkout/try/revisions/", "changes/", "changes/{change}/",
    "runs/{run}/", "runs/{run}/events/", "search/?q=real", "teams/payments/members/", "openapi.json",
]  # fmt: skip


def tables() -> dict[str, str]:
    """Every row of every table as text."""
    return {
        model._meta.db_table: "\n".join(repr(row) for row in model._default_manager.values_list())
        for model in apps.get_models(include_auto_created=True)
    }


def found(secrets: dict[str, str], texts: dict[str, str]) -> list[str]:
    """Where which secret stands, also as base64 or as it is escaped in JSON and HTML."""
    return [
        f"{what} in {where}"
        for what, value in secrets.items()
        for where, text in texts.items()
        if value in text or base64.b64encode(value.encode()).decode() in text
    ]


@pytest.fixture
def story(organisation: Organisation, monkeypatch: pytest.MonkeyPatch, logs: list[str]) -> Story:
    cache.clear()
    equip(organisation)
    told = Story(organisation)
    browser = told.sign_in()
    program = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {told.make_token(browser)}"})
    told.register(program, monkeypatch)
    told.run()
    numbers = {"change": Change.objects.get().pk, "run": Run.objects.get().pk}
    told.read(browser, [path.format(**numbers) for path in PAGES])
    told.read(program, [f"/api/v1/{path}".format(**numbers) for path in ADDRESSES])
    body = {"kind": "update", "system": "checkout", "environment": "try", "spec": spec(api={"replicas": 3})}
    plan = program.post("/api/v1/plans/?objects=true", json.dumps(body), content_type="application/json")
    told.answers["plan"] = plan.content.decode()
    return told


def test_it_shows_stores_and_logs_no_secret(story, logs):
    assert found(story.secrets, story.answers) == []
    assert found(story.secrets, tables()) == []
    assert found(story.secrets, {"the log": "\n".join(logs)}) == []
    assert "an own fault" in "\n".join(logs)  # faults are logged, so the search above looked at something


def test_it_keeps_what_it_must_use_again(story):
    from idp.kernel.vault import decrypt

    stored = Cluster.objects.get(name="real")
    assert decrypt(stored.credentials) == KUBECONFIG
    assert KUBE_TOKEN not in repr(stored) + repr(vars(stored))


def test_it_would_see_a_leak(story):
    leak = {"a page": f"<code>{KUBE_TOKEN}</code>", "a Secret": base64.b64encode(KUBE_KEY.encode()).decode()}
    assert found(story.secrets, leak) == ["the cluster's token in a page", "the cluster's key in a Secret"]

"""What nobody types by accident: NUL, other scripts' digits, endless numbers and texts, on every page and address.

Run on PostgreSQL as well, which refuses what SQLite takes. Nothing of it may end in a fault of ours, nor in a
value that the tables do not hold whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, get_resolver, reverse
from django.urls.converters import IntConverter

from governance.services.quota import quota_set
from idp.catalog.models import System, Team
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Environment, Run
from tests.personas import NOW, Organisation
from tests.portal.api.client import token_for
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = [pytest.mark.django_db]

NUL = "a\x00b"
LONG = "x" * 5_000
DIGITS = "9" * 40
OTHER_DIGITS = "²"


@pytest.fixture
def world(organisation: Organisation) -> Organisation:
    cache.clear()
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    create(organisation, "live", stage="prod")
    return organisation


@pytest.fixture
def browser(world: Organisation) -> Client:
    """An admin's, who comes furthest; faults are answers here, as they are to a stranger."""
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    return client


READS = (
    "", "systems/", "systems/checkout/", "capabilities/", "capabilities/postgres/", "teams/", "teams/payments/",
    "environments/", "environments/new", "environments/checkout/try/", "environments/checkout/try/revisions/",
    "environments/checkout/try/changes/", "environments/checkout/try/edit", "changes/", "account/", "search",
)  # fmt: skip
QUERIES = ("q", "team", "system", "state", "stage", "category", "version", "cursor", "tab", "view", "show", "from",
           "capability", "example", "resource", "next", "mine")  # fmt: skip
VALUES = {"NUL": NUL, "long": LONG, "digits": DIGITS, "other digits": OTHER_DIGITS}
FORMS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "system-new": ([], ("slug", "name", "description", "team")),
    "team-new": ([], ("slug", "name", "description")),
    "team-quota": (["payments"], ("cpu", "memory_gib", "storage_gib", "environments")),
    "team-member-set": (["payments"], ("user", "role")),
    "team-member-remove": (["payments"], ("user",)),
    "component-new": (["checkout"], ("slug", "name", "repository", "links", "depends_on", "type")),
    "token-new": ([], ("name", "systems", "days", "scopes")),
    "account-theme": ([], ("theme",)),
    "account-sessions": ([], ("password",)),
    "environment-new": ([], ("system", "environment", "stage", "reason", "do", "yaml", "expires", "r", "add")),
    "environment-plan": ([], ("system", "environment", "stage", "reason", "shown_stage")),
    "environment-draft-forget": ([], ("token",)),
    "environment-suggest": ([], ("system", "stage", "r", "name")),
    "environment-edit": (["checkout", "try"], ("reason", "do", "yaml", "r", "add", "base", "expires")),
    "environment-delete": (["checkout", "try"], ("reason", "confirm_name")),
    "changes-decide": ([], ("change",)),
}
DECISIONS = ("approve", "reject", "request-info", "comment", "cancel", "resume", NUL, LONG)
HIGH = ("0", "9" * 18, "9" * 30, "9" * 5_000)
NUMBERED = ("changes/{}/", "runs/{}/", "runs/{}/progress", "runs/{}/stream", "api/v1/changes/{}/", "api/v1/runs/{}/",
            "api/v1/runs/{}/events/")  # fmt: skip


def faults_of(answers: Iterator[tuple[str, HttpResponse]]) -> list[str]:
    """Which of many requests ended in a fault of ours. Asked in one world, for that takes longest to make."""
    return [f"{what}: {answer.status_code}" for what, answer in answers if answer.status_code >= 500]


def test_it_reads_with_any_query(browser):
    def answers():
        for path in READS:
            for kind, value in VALUES.items():
                for name in ("q", "state") if kind in ("long", "digits") else QUERIES:
                    yield f"/{path} {name} {kind}", browser.get(f"/{path}", {name: value})

    assert faults_of(answers()) == []


def test_it_posts_any_field(browser):
    base = {"system": "checkout", "stage": "dev", "environment": "", "slug": "fine", "name": "Fine", "type": "service"}

    def answers():
        for name, (arguments, fields) in FORMS.items():
            for field in fields:
                for kind, value in VALUES.items():
                    url = reverse(name, args=arguments)
                    yield f"{name} {field} {kind}", browser.post(url, base | {field: value})

    assert faults_of(answers()) == []


def test_it_decides_with_any_words(browser):
    change = Change.objects.get(state="pending")
    url = reverse("change-decide", args=[change.pk])

    def answers():
        for decision in DECISIONS:
            for kind, value in VALUES.items():
                for field in ("comment", "plan_digest"):
                    sent = {"decision": decision, "plan_digest": change.plan_digest, "comment": "Because."}
                    yield f"{decision[:9]} {field} {kind}", browser.post(url, sent | {field: value})

    assert faults_of(answers()) == []


def test_it_signs_in_with_any_words(organisation):
    client = Client(raise_request_exception=False)

    def answers():
        for kind, value in VALUES.items():
            for field in ("username", "password", "next"):
                sent = {"username": "developer", "password": "wrong", field: value}
                yield f"{field} {kind}", client.post(reverse("login"), sent)

    assert faults_of(answers()) == []


def test_a_number_that_no_row_has_is_not_found(browser):
    asked = [path.format(number) for path in NUMBERED for number in HIGH]
    assert {path[:40] for path in asked if browser.get(f"/{path}").status_code != 404} == set()


def numbered_addresses() -> list[str]:
    """Every address of ours with a number in it, with one that no database keeps; other parts are just a letter."""
    found = []
    for route, named in walked(get_resolver()):
        if any(isinstance(converter, IntConverter) for converter in named.values()):
            parts = {name: "9" * 30 if isinstance(one, IntConverter) else "x" for name, one in named.items()}
            found.append("/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda part, parts=parts: parts[part[1]], route))
    return found


def walked(resolver, before: str = "", named=MappingProxyType({})):
    for one in resolver.url_patterns:
        route, converters = before + str(one.pattern), {**named, **one.pattern.converters}
        if isinstance(one, URLResolver):
            yield from walked(one, route, converters)
        else:
            yield route, converters


def test_no_address_looks_for_a_number_that_databases_do_not_keep(client):
    asked = numbered_addresses()
    assert len(asked) > 100
    assert {path for path in asked if client.post(path).status_code != 404} == set()


def test_no_body_holds_a_number_that_databases_do_not_keep(call):
    answer = call("POST", "notices/read/", {"ids": [2**63]})
    assert answer.status_code == 422, answer.content
    assert "ids.0" in answer.content.decode()
    assert call("POST", "notices/read/", {"ids": [2**63 - 1]}).status_code == 200


def test_a_stream_begins_whatever_was_seen(browser):
    run = Run.objects.order_by("id").first()
    for seen in ("²", "9" * 30, "-1", "x"):
        answer = browser.get(reverse("run-events", args=[run.pk]), headers={"Last-Event-ID": seen})
        assert answer.status_code == 200, seen
        assert b"event: over" in b"".join(answer.streaming_content)


HEADERS = {
    "an endless idempotency key": {"Idempotency-Key": "k" * 10_000},
    "an idempotency key of other letters": {"Idempotency-Key": "é\xff"},
    "a weird type": {"Content-Type": "application/json; charset=utf-7; boundary=\x7f"},
    "no type": {"Content-Type": ""},
    "a form": {"Content-Type": "application/x-www-form-urlencoded"},
    "a form of parts without a boundary": {"Content-Type": "multipart/form-data"},
    "a weird taste": {"Accept": "*/*;q=x, \xff"},
    "a length of other digits": {"Content-Length": "²"},
    "a length below zero": {"Content-Length": "-1"},
    "two tokens": {"Authorization": "Bearer a b c"},
    "a token of other letters": {"Authorization": "Bearer slw_é_ÿ"},
    "an endless token": {"Authorization": "Bearer slw_" + "a" * 20_000},
    "If-Match of nothing": {"If-Match": '"' * 99},
    "another request's id": {"X-Request-Id": "x" * 10_000},
    "a host that is a script": {"Host": "<script>"},
    "an old htmx": {"HX-Request": "true", "HX-Current-URL": "javascript:alert(1)"},
}

META = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH", "Host": "SERVER_NAME"}
ASKED = (("GET", "/"), ("GET", "/api/v1/me"), ("POST", "/api/v1/plans/"), ("POST", "/environments/plan"))


def test_it_answers_any_header(browser):
    def answers():
        for kind, headers in HEADERS.items():
            meta = {META.get(name, f"HTTP_{name.upper().replace('-', '_')}"): value for name, value in headers.items()}
            for method, url in ASKED:
                sent = {"content_type": "application/json", **meta}
                yield f"{method} {url} {kind}", browser.generic(method, url, b'{"kind": "create"}', **sent)

    assert faults_of(answers()) == []


UNSENT = {"chunks": {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}, "no number": {"CONTENT_LENGTH": "1e3"}}


@pytest.mark.parametrize("meta", UNSENT.values(), ids=UNSENT.keys())
def test_a_body_says_its_length(client, meta):
    answer = client.generic("POST", "/api/v1/plans/", b"{}", content_type="application/json", **meta)
    assert answer.status_code == 400
    assert "Content-Length" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_may_ask_by_address(client, settings, path):
    settings.ALLOWED_HOSTS = ["slipway.example"]
    assert client.get(path, SERVER_NAME="10.0.0.7").status_code == 200
    assert client.get("/login/", SERVER_NAME="10.0.0.7").status_code == 400


@pytest.fixture
def call(world: Organisation):
    token = token_for(world.admin)
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {token}"})

    def send(method: str, path: str, body: Any) -> Any:
        return client.generic(method, f"/api/v1/{path}", json.dumps(body), content_type="application/json")

    return send


BODIES = {
    "a name that goes on in the next line": ("teams/", {"slug": "fine\n", "name": "Fine"}),
    "a system's name likewise": ("systems/", {"slug": "fine\n", "name": "Fine", "team": "payments"}),
    "a cluster's name likewise": ("clusters/", {"name": "fine\n", "title": "Fine", "driver": "sandbox"}),
    "a stage's name likewise": ("stages/", {"name": "fine\n", "title": "Fine", "order": 9, "cluster": "sandbox"}),
}


def test_a_name_ends_where_it_ends(call):
    taken = {kind: call("POST", path, body).status_code for kind, (path, body) in BODIES.items()}
    assert taken == dict.fromkeys(BODIES, 422)
    assert not Team.objects.filter(slug__endswith="\n").exists()
    assert not System.objects.filter(slug__endswith="\n").exists()


def test_an_environments_name_ends_where_it_ends(call):
    body = {"kind": "create", "system": "checkout", "environment": "fine\n", "spec": spec(), "reason": "x"}
    assert call("POST", "changes/", body).status_code == 422
    assert not Environment.objects.filter(name__startswith="fine").exists()


def test_a_hundred_long_names_fit_the_steps(call, world):
    """Every step says what it waits for or removes, however many that are."""
    resources = {
        f"n{number:02}-{'x' * 26}": {"capability": "postgres@1", "inputs": {"storageGiB": 1}} for number in range(18)
    }
    refer = {f"V{number}": f"${{resources.{name}.outputs.host}}" for number, name in enumerate(resources)}
    web = {"capability": "web-service@1", "inputs": {"image": "registry.example/a:1", "env": refer}}
    quota_set(PLATFORM, team=world.payments, cpu=900, memory_gib=900, storage_gib=900, environments=90, now=NOW)
    made = {"stage": "dev", "resources": {**resources, "web": web}}
    body = {"kind": "create", "system": "checkout", "environment": "wide", "spec": made, "reason": "x"}
    answer = call("POST", "changes/", body)
    assert answer.status_code == 202, answer.content

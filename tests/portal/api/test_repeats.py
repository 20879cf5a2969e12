"""Idempotency keys: a POST that is sent twice is done once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import IdempotencyRecord
from idp.catalog.models import Team
from idp.kernel import clock
from provisioning.models import Change
from tests.provisioning.organisation import spec

pytestmark = pytest.mark.django_db

KEY = '"8e03978e-40d5-43dd-bc93-6894a57f9324"'
TEAM = {"slug": "search", "name": "Search"}
CREATE = {"kind": "create", "system": "checkout", "environment": "try", "spec": spec()}


def test_it_answers_the_second_time_as_the_first(api):
    caller = api("developer")
    first = caller.post("changes/", CREATE, Idempotency_Key=KEY)
    second = caller.post("changes/", CREATE, Idempotency_Key=KEY)
    assert (first.status_code, second.status_code) == (202, 202)
    assert second.content == first.content
    assert second["Location"] == first["Location"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert Change.objects.count() == 1


def test_it_takes_the_key_bare_or_quoted(api):
    caller = api("admin")
    caller.post("teams/", TEAM, Idempotency_Key=KEY)
    assert caller.post("teams/", TEAM, Idempotency_Key=KEY.strip('"'))["Idempotency-Replayed"] == "true"


def test_it_repeats_a_refusal_too(api):
    caller = api("admin")
    first = caller.post("teams/", TEAM | {"slug": "payments"}, Idempotency_Key=KEY)
    Team.objects.filter(slug="payments").update(slug="other")
    second = caller.post("teams/", TEAM | {"slug": "payments"}, Idempotency_Key=KEY)
    assert (first.status_code, second.status_code) == (422, 422)
    assert second["Content-Type"] == "application/problem+json"
    assert second["Idempotency-Replayed"] == "true"


def test_it_refuses_the_key_with_another_body(api):
    caller = api("admin")
    caller.post("teams/", TEAM, Idempotency_Key=KEY)
    other = caller.post("teams/", TEAM | {"slug": "find"}, Idempotency_Key=KEY)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert not Team.objects.filter(slug="find").exists()


@pytest.mark.parametrize(
    ("persona", "path"),
    [pytest.param("maintainer", "systems/", id="other-principal"), pytest.param("admin", "systems/", id="other-route")],
)
def test_a_key_belongs_to_one_principal_and_route(api, persona, path):
    api("admin").post("teams/", TEAM, Idempotency_Key=KEY)
    body = {"slug": "basket", "name": "Basket", "team": "payments"}
    made = api(persona).post(path, body, Idempotency_Key=KEY)
    assert made.status_code == 201
    assert "Idempotency-Replayed" not in made


def test_it_asks_to_wait_while_the_first_is_running(api):
    caller = api("admin")
    caller.post("teams/", TEAM, Idempotency_Key=KEY)
    IdempotencyRecord.objects.update(status=None)
    second = caller.post("teams/", TEAM, Idempotency_Key=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "request-in-progress")


def test_it_forgets_a_key_after_a_day(api):
    caller = api("admin")
    caller.post("teams/", TEAM, Idempotency_Key=KEY)
    IdempotencyRecord.objects.update(expires_at=clock.now() - timedelta(seconds=1))
    again = caller.post("teams/", TEAM, Idempotency_Key=KEY)
    assert "Idempotency-Replayed" not in again
    assert again.status_code == 422


def test_it_keeps_no_fault_of_ours(api, monkeypatch):
    caller = api("admin")
    caller.client.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr("governance.services.teams.team_create", lambda *args, **kwargs: 1 / 0)
        assert caller.post("teams/", TEAM, Idempotency_Key=KEY).status_code == 500
    assert not IdempotencyRecord.objects.exists()
    assert caller.post("teams/", TEAM, Idempotency_Key=KEY).status_code == 201


@pytest.mark.parametrize("key", ['""', '"a', "a b", "x" * 161, "schlüssel", '"a"b"'])
def test_it_refuses_a_key_that_is_none(api, key):
    refused = api("admin").post("teams/", TEAM, Idempotency_Key=key)
    assert refused.status_code == 400
    assert not Team.objects.filter(slug="search").exists()


def test_it_keeps_no_secret_of_the_request(api):
    body = {"name": "real", "title": "Real", "driver": "kubernetes", "kubeconfig": "token: hunter2"}
    api("admin").post("clusters/", body, Idempotency_Key=KEY)
    record = IdempotencyRecord.objects.get()
    assert "hunter2" not in record.body + str(record.headers) + record.fingerprint + record.key

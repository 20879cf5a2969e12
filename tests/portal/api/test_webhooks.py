"""Webhooks over the API: made, read, changed, sent again, and the types of events with their schemas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from governance.domain.event import EVENT_TYPES
from governance.models import WebhookDelivery
from governance.services.webhook_delivery import webhooks_send
from idp.kernel import clock
from tests.governance.receiver import receiving
from tests.portal.api.client import document
from tests.portal.api.conftest import Caller

pytestmark = pytest.mark.django_db
NEW = {"name": "Bot", "url": "https://hooks.example.com/in?key=hush", "team": "payments", "events": ["run.failed"]}


def made(api: Any, **more: Any) -> dict[str, Any]:
    answer = api.post("webhooks/", {**NEW, **more})
    assert answer.status_code == 201, answer.content
    return dict(answer.json())


def test_its_secret_is_in_one_answer_and_nowhere_else(api: Caller) -> None:
    client = api("maintainer")
    first = made(client)
    assert first["secret"].startswith("whsec_")
    row = first["webhook"]
    assert (row["team"], row["system"], row["events"], row["url"]) == (
        "payments",
        None,
        ["run.failed"],
        "https://hooks.example.com/in?…",
    )
    told = [client.get(f"webhooks/{row['id']}/"), client.get("webhooks/")]
    assert all(first["secret"] not in one.content.decode() and "hush" not in one.content.decode() for one in told)


def test_an_edit_needs_the_version_that_was_read(api: Caller) -> None:
    client = api("maintainer")
    url = f"webhooks/{made(client)['webhook']['id']}/"
    tag = client.get(url)["ETag"]
    assert client.patch(url, {"events": []}).status_code == 428
    edited = client.patch(url, {"events": []}, If_Match=tag)
    assert (edited.status_code, edited.json()["events"]) == (200, [])
    assert client.patch(url, {"name": "x"}, If_Match=tag).status_code == 412
    assert client.delete(url, If_Match=edited["ETag"]).status_code == 204
    assert client.get(url).status_code == 404


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"url": "http://127.0.0.1/x"}, "url"),
        ({"url": "https://user:x@a.example/"}, "url"),
        ({"team": "nobody"}, "team"),
        ({"system": "nothing"}, "system"),
        ({"events": ["run.flew"]}, "events.0"),
        ({"kind": "pigeon"}, "kind"),
        ({"notices": ["second-factor"]}, "notices.0"),
        ({"notices": ["drain-over"]}, "notices"),
    ],
)
def test_it_says_what_is_wrong_and_where(api: Caller, body: dict[str, Any], path: str) -> None:
    answer = api("maintainer").post("webhooks/", {**NEW, **body})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


def test_kinds_of_notices_are_chosen(api: Caller) -> None:
    client = api("maintainer")
    row = made(client, events=["notice.told"], notices=["loan-due", "train-moved"])["webhook"]
    assert row["notices"] == ["train-moved", "loan-due"]
    at = f"webhooks/{row['id']}/"
    edited = client.patch(at, {"notices": []}, If_Match=client.get(at)["ETag"])
    assert (edited.status_code, edited.json()["notices"]) == (200, [])


def test_a_restricted_system_of_others_does_not_exist(api: Caller) -> None:
    answer = api("storefront_maintainer").post("webhooks/", {**NEW, "team": "storefront", "system": "vault"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "system")


def test_a_test_event_is_sent_logged_and_sent_again(api: Caller, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    client = api("maintainer")
    with receiving() as receiver:
        receiver.answers = [(500, {}, b"no"), 204]
        at = f"webhooks/{made(client, url=receiver.url)['webhook']['id']}/"
        sent = client.post(f"{at}test/")
        assert (sent.status_code, sent.json()["state"]) == (202, "due")
        webhooks_send(now=clock.now())
        (row,) = client.get(f"{at}deliveries/?type=webhook.test").json()["items"]
        assert (row["state"], row["status"], row["tries"]) == ("due", 500, 1)
        WebhookDelivery.objects.update(state="failed", due_at=None)
        again = client.post(f"{at}deliveries/{row['id']}/replay/")
        assert again.status_code == 202
        webhooks_send(now=clock.now())
        read = client.get(f"{at}deliveries/{row['id']}/").json()
        assert [one["status"] for one in read["log"]] == [204, 500]
        assert read["log"][1]["answer"] == "no"
        assert {one.headers["webhook-id"] for one in receiver.received} == {read["event"]}
        assert json.loads(receiver.received[0].body) == read["body"]
        period = {"since": "2020-01-01T00:00:00Z", "until": "2999-01-01T00:00:00Z"}
        assert client.post(f"{at}replay/", period).json() == {"deliveries": 0}
        assert client.post(f"{at}replay/", {**period, "every": True}).json() == {"deliveries": 1}


def test_what_is_on_its_way_is_not_sent_again(api: Caller) -> None:
    client = api("maintainer")
    at = f"webhooks/{made(client)['webhook']['id']}/"
    delivery = client.post(f"{at}test/").json()["id"]
    assert client.post(f"{at}deliveries/{delivery}/replay/").status_code == 409


def test_it_is_paused_and_goes_on(api: Caller) -> None:
    client = api("maintainer")
    at = f"webhooks/{made(client)['webhook']['id']}/"
    assert client.post(f"{at}pause/").json()["reason"] == "maintainer paused it."
    assert client.post(f"{at}pause/").status_code == 409
    assert client.post(f"{at}test/").status_code == 409
    assert client.post(f"{at}resume/").json()["state"] == "active"


def test_a_period_needs_moments(api: Caller) -> None:
    client = api("maintainer")
    at = f"webhooks/{made(client)['webhook']['id']}/replay/"
    for since in ("yesterday", "2026-01-01", "2026-01-01T00:00:00"):
        answer = client.post(at, {"since": since, "until": "2026-02-01T00:00:00Z"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "since"), since


def test_every_type_is_listed_with_a_schema_that_its_example_fits(api: Caller) -> None:
    rows = api().get("events/types/").json()["items"]
    assert [one["key"] for one in rows] == list(EVENT_TYPES)
    assert [one["key"] for one in rows if one["explicit"]] == ["notice.told"]
    for row in rows:
        answer = api().get(row["schema"])
        assert answer["Content-Type"] == "application/schema+json"
        Draft202012Validator(answer.json()).validate(row["example"])
    assert api().get("events/types/run.flew/schema.json").status_code == 404


def test_the_document_tells_of_every_webhook() -> None:
    told = document()["webhooks"]
    assert set(told) == set(EVENT_TYPES)
    for key, one in told.items():
        schema = one["post"]["requestBody"]["content"]["application/cloudevents+json"]["schema"]
        assert schema["properties"]["type"]["const"] == f"dev.slipway.{key}"

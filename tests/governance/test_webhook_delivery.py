"""Deliveries against a receiver that listens: signatures, retries, leases, disabling, and what is kept of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from standardwebhooks import Webhook

from governance.models import AuditEntry, Notice, OutgoingEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from governance.services import webhook_delivery, webhooks
from governance.services.events import event_tell
from governance.services.webhook_delivery import events_spread, webhooks_send
from idp.kernel import clock, vault
from tests import names
from tests.governance.receiver import Receiver, receiving
from tests.personas import Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.BASE_URL = "https://slipway.example"
    with receiving() as found:
        yield found


@pytest.fixture
def now() -> datetime:
    """The moment it is: the reference library refuses what is older than five minutes."""
    return clock.now()


def endpoint(organisation: Organisation, url: str, now: datetime, **given: Any) -> tuple[WebhookEndpoint, str]:
    given = {"name": "Bot", "team": organisation.payments, **given}
    return webhooks.webhook_create(organisation.actor("maintainer"), url=url, now=now, **given)


def told(organisation: Organisation, now: datetime, key: str = "change.commented") -> OutgoingEvent:
    data = {"system": "checkout", "environment": "dev", "page": "/changes/7/", "text": "Grüße", "actor": "dana"}
    assert event_tell(key, system=organisation.checkout, subject="checkout/dev", data=data, now=now)
    return OutgoingEvent.objects.latest("pk")


def test_it_sends_a_signed_cloud_event(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    _, secret = endpoint(organisation, receiver.url, now)
    event = told(organisation, now)
    assert webhooks_send(now=now) == 1
    (got,) = receiver.received
    body = Webhook(secret).verify(got.body, dict(got.headers))
    assert (got.headers["webhook-id"], body["id"], body["type"]) == (
        event.uid,
        event.uid,
        "dev.slipway.change.commented",
    )
    assert (body["specversion"], body["source"], body["subject"]) == ("1.0", "https://slipway.example", "checkout/dev")
    assert body["data"]["page"] == "https://slipway.example/changes/7/"
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert WebhookDelivery.objects.get().state == "delivered"


def test_a_repeat_has_the_same_id_and_body_and_a_new_moment(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    _, secret = endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [500, 204]
    webhooks_send(now=now)
    later = now + timedelta(seconds=90)
    webhooks_send(now=later)
    first, second = receiver.received
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    stamps = [int(one.headers["webhook-timestamp"]) for one in (first, second)]
    assert stamps == [int(now.timestamp()), int(later.timestamp())]
    assert Webhook(secret).verify(second.body, dict(second.headers))
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.tries) == ("delivered", 2, 2)


def test_both_secrets_sign_for_a_day(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    row, old = endpoint(organisation, receiver.url, now)
    _, new = webhooks.webhook_rotate(organisation.actor("maintainer"), row.pk, now=now)
    told(organisation, now)
    webhooks_send(now=now)
    (got,) = receiver.received
    assert Webhook(old).verify(got.body, dict(got.headers)) == Webhook(new).verify(got.body, dict(got.headers))
    WebhookEndpoint.objects.update(old_until=now)
    told(organisation, now)
    webhooks_send(now=now)
    assert len(receiver.received[1].headers["webhook-signature"].split()) == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        pytest.param(200, "delivered", id="ok"),
        pytest.param(202, "delivered", id="taken"),
        pytest.param((302, {"Location": "http://127.0.0.1:1/"}, b""), "due", id="elsewhere"),
        pytest.param(400, "due", id="not liked"),
        pytest.param(503, "due", id="away"),
        pytest.param(410, "failed", id="gone"),
        pytest.param((200, {}, b"x" * 100_000), "due", id="endless"),
    ],
)
def test_what_an_answer_means(
    organisation: Organisation, receiver: Receiver, now: datetime, answer: Any, state: str
) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [answer]
    webhooks_send(now=now)
    assert WebhookDelivery.objects.get().state == state
    assert len(receiver.received) == 1


def test_it_waits_as_long_as_it_was_asked_to(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [(429, {"Retry-After": "7200"}, b"")]
    webhooks_send(now=now)
    assert WebhookDelivery.objects.get().due_at == now + timedelta(hours=2)


def test_it_gives_up_after_ten_attempts(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [500]
    events_spread(now=now)
    WebhookDelivery.objects.update(attempts=9)
    webhooks_send(now=now)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.outcome) == ("failed", "Answered 500.")


def test_nobody_there_is_tried_again(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, "http://127.0.0.1:9/hook", now)
    told(organisation, now)
    webhooks_send(now=now)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.status) == ("due", None)
    assert "Nothing answers" in delivery.outcome


def test_a_name_that_leads_inside_is_not_called(
    organisation: Organisation, receiver: Receiver, now: datetime, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that was fine when it was typed and is bound to a private address by the time of the call."""
    settings.OUTBOUND_ALLOW = []
    port = int(receiver.url.split(":")[2].split("/")[0])
    endpoint(organisation, f"http://rebound.example:{port}/hook", now)
    told(organisation, now)
    names.leads_to(monkeypatch, "127.0.0.1")
    webhooks_send(now=now)
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, receiver.received) == ("failed", [])
    assert "private network" in delivery.outcome


def test_the_log_keeps_no_secret_and_little_of_an_answer(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    _, secret = endpoint(organisation, receiver.url + "?key=hush", now)
    told(organisation, now)
    receiver.answers = [(500, {}, b"\x00no\xff" + b"y" * 5_000)]
    webhooks_send(now=now)
    kept = WebhookAttempt.objects.get()
    assert set(kept.headers) == {"webhook-id", "webhook-timestamp", "content-type"}
    assert len(kept.answer) <= 2_000
    assert not any(word in f"{kept.headers}{kept.answer}{kept.outcome}" for word in (secret, "hush"))


def test_a_killed_workers_delivery_is_sent_once_its_lease_ends(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    events_spread(now=now)
    (claimed,) = webhook_delivery._claim(now)
    assert webhooks_send(now=now) == 0
    WebhookDelivery.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert webhooks_send(now=now) == 1
    webhook_delivery._settle(claimed, webhook_delivery.Attempted(500), {}, now)
    assert WebhookDelivery.objects.get().state == "delivered"
    assert WebhookAttempt.objects.count() == 1


def test_two_workers_never_claim_the_same(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    events_spread(now=now)
    assert [len(webhook_delivery._claim(now)), len(webhook_delivery._claim(now))] == [1, 0]


def test_a_replay_takes_a_delivery_from_who_still_sends_it(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    events_spread(now=now)
    (claimed,) = webhook_delivery._claim(now)
    WebhookDelivery.objects.update(epoch=F("epoch") + 1)
    webhook_delivery._settle(claimed, webhook_delivery.Attempted(200), {}, now)
    assert WebhookDelivery.objects.get().state == "sending"
    assert not WebhookAttempt.objects.exists()


def test_a_replayed_delivery_has_the_same_id(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    row, _ = endpoint(organisation, receiver.url, now)
    told(organisation, now)
    webhooks_send(now=now)
    webhooks.webhook_replay(organisation.actor("maintainer"), row.pk, WebhookDelivery.objects.get().pk, now=now)
    webhooks_send(now=now)
    first, second = receiver.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert WebhookAttempt.objects.count() == 2


def test_a_slow_endpoint_gets_a_few_at_a_time(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, receiver.url, now)
    endpoint(organisation, receiver.url, now, name="Other")
    for _ in range(9):
        told(organisation, now)
    events_spread(now=now)
    names = [one.endpoint.name for one in webhook_delivery._claim(now)]
    assert (names.count("Bot"), names.count("Other")) == (4, 4)


def test_all_that_is_due_is_sent(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    endpoint(organisation, receiver.url, now)
    for _ in range(11):
        told(organisation, now)
    assert webhooks_send(now=now) == 11
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 11


def test_gone_disables_it_and_tells_its_owners(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    row, _ = endpoint(organisation, receiver.url, now)
    told(organisation, now)
    told(organisation, now)
    receiver.answers = [410]
    events_spread(now=now)
    WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.latest("pk").pk).update(due_at=now + timedelta(hours=1))
    webhooks_send(now=now)
    row.refresh_from_db()
    assert (row.state, row.reason) == ("disabled", "It answered 410: it wants nothing any more.")
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["dropped", "failed"]
    told_of = Notice.objects.filter(kind="webhook-disabled").values_list("person__username", "url")
    assert sorted(told_of) == [("maintainer", f"/webhooks/{row.pk}/"), ("second_maintainer", f"/webhooks/{row.pk}/")]
    assert AuditEntry.objects.get(action="webhook.disable").team_slug == "payments"


def test_three_days_of_failures_disable_it(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    row, _ = endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [500]
    webhooks_send(now=now)
    row.refresh_from_db()
    assert (row.state, row.failing_since) == ("active", now)
    webhooks_send(now=now + timedelta(days=3))
    row.refresh_from_db()
    assert row.state == "disabled"


def test_a_success_ends_a_time_of_failures(organisation: Organisation, receiver: Receiver, now: datetime) -> None:
    row, _ = endpoint(organisation, receiver.url, now)
    told(organisation, now)
    receiver.answers = [500, 204]
    webhooks_send(now=now)
    webhooks_send(now=now + timedelta(minutes=1))
    row.refresh_from_db()
    assert row.failing_since is None


def test_admins_are_told_of_an_endpoint_of_the_organisation(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    webhooks.webhook_create(organisation.actor("admin"), name="All", url=receiver.url, team=None, now=now)
    told(organisation, now)
    receiver.answers = [410]
    webhooks_send(now=now)
    assert [one.person.username for one in Notice.objects.filter(kind="webhook-disabled")] == ["admin"]


def test_what_became_restricted_meanwhile_is_not_sent(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    maker = organisation.actor("storefront_maintainer")
    webhooks.webhook_create(
        maker, name="Spy", url=receiver.url, team=organisation.storefront, system=organisation.checkout, now=now
    )
    told(organisation, now)
    events_spread(now=now)
    organisation.checkout.restricted = True
    organisation.checkout.save()
    webhooks_send(now=now)
    assert (WebhookDelivery.objects.get().state, receiver.received) == ("failed", [])


def test_a_test_event_is_sent_whatever_was_chosen(
    organisation: Organisation, receiver: Receiver, now: datetime
) -> None:
    row, secret = endpoint(organisation, receiver.url, now, events=["run.failed"])
    webhooks.webhook_test(organisation.actor("maintainer"), row.pk, now=now)
    webhooks_send(now=now)
    (got,) = receiver.received
    body = Webhook(secret).verify(got.body, dict(got.headers))
    assert (body["type"], body["data"]["actor"]) == ("dev.slipway.webhook.test", "maintainer")


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_chat_gets_a_message_without_a_signature(
    organisation: Organisation, receiver: Receiver, now: datetime, kind: str
) -> None:
    row, _ = endpoint(organisation, "https://chat.example/x", now, kind=kind)
    WebhookEndpoint.objects.filter(pk=row.pk).update(address=vault.encrypt(receiver.url))
    told(organisation, now)
    webhooks_send(now=now)
    (got,) = receiver.received
    assert "webhook-signature" not in got.headers
    sent = json.loads(got.body)
    assert ("blocks" in sent) is (kind == "slack")
    assert "https://slipway.example/changes/7/" in json.dumps(sent)


def test_a_lost_key_is_said_and_tried_again(
    organisation: Organisation, receiver: Receiver, now: datetime, settings: Any
) -> None:
    endpoint(organisation, receiver.url, now)
    told(organisation, now)
    kept = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = ["x" * 43 + "="]
    webhooks_send(now=now)
    assert "cannot be decrypted" in WebhookDelivery.objects.get().outcome
    settings.ENCRYPTION_KEYS = kept
    webhooks_send(now=now + timedelta(minutes=1))
    assert WebhookDelivery.objects.get().state == "delivered"

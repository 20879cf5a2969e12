"""Pages of webhooks: making an endpoint, its secret once, its log, and sending again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from governance.models import WebhookDelivery, WebhookEndpoint
from governance.services import webhooks as services
from governance.services.webhook_delivery import webhooks_send
from idp.kernel import clock
from tests.governance.receiver import receiving
from tests.personas import Organisation

pytestmark = pytest.mark.django_db
NEW = {"name": "Deploy bot", "kind": "webhook", "url": "https://hooks.example.com/in?key=hush", "team": "payments"}


def text(answer: Any) -> str:
    return str(answer.content.decode())


def endpoint(organisation: Organisation, **given: Any) -> WebhookEndpoint:
    given = {"name": "Deploy bot", "url": "https://hooks.example.com/in", "team": organisation.payments, **given}
    return services.webhook_create(organisation.actor("maintainer"), now=clock.now(), **given)[0]


def test_a_secret_is_shown_once_and_not_kept_by_the_browser(equipped: Organisation, sign_in: Any) -> None:
    client = sign_in("maintainer")
    answer = client.post(reverse("webhook-new"), {**NEW, "events": ["run.failed"]})
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", text(answer))
    assert answer["Cache-Control"] == "no-store"
    row = WebhookEndpoint.objects.get()
    assert row.events == ["run.failed"]
    again = text(client.get(reverse("webhook", args=[row.pk])))
    assert secret not in again
    assert "hush" not in again


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param({"url": "http://10.0.0.1/x"}, "private network", id="private"),
        pytest.param({"name": ""}, "Name is needed.", id="no name"),
        pytest.param({"system": "nothing"}, "no system", id="no such system"),
        pytest.param({"kind": "slack", "url": "http://chat.example/x"}, "begins with https", id="chat in the clear"),
    ],
)
def test_it_says_what_is_wrong_beside_the_field(
    equipped: Organisation, sign_in: Any, sent: dict[str, str], told: str
) -> None:
    answer = sign_in("maintainer").post(reverse("webhook-new"), {**NEW, **sent})
    assert answer.status_code == 422
    assert told in text(answer)
    assert not WebhookEndpoint.objects.exists()


def test_a_team_of_others_cannot_be_chosen(equipped: Organisation, sign_in: Any) -> None:
    for team in ("storefront", ""):
        answer = sign_in("maintainer").post(reverse("webhook-new"), {**NEW, "team": team})
        assert answer.status_code == 422, team
    assert sign_in("admin").post(reverse("webhook-new"), {**NEW, "team": ""}).status_code == 200
    assert WebhookEndpoint.objects.get().team is None


def test_an_edit_keeps_address_and_events_that_were_ticked(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped, events=["run.failed"])
    client, url = sign_in("maintainer"), reverse("webhook-edit", args=[row.pk])
    assert re.search(r'value="run.failed" checked', text(client.get(url)))
    answer = client.post(url, {"name": "Other", "events": ["run.failed", "run.started"]})
    assert answer.status_code == 302
    kept = WebhookEndpoint.objects.get()
    assert (kept.name, kept.events, kept.address) == ("Other", ["run.started", "run.failed"], row.address)


def test_kinds_of_notices_are_ticked_and_shown(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped)
    client, url = sign_in("maintainer"), reverse("webhook-edit", args=[row.pk])
    blank = text(client.get(url))
    assert "but no notices" in blank
    assert '<details class="fold"><summary>' in blank
    wrong = client.post(url, {"name": "Other", "events": ["run.failed"], "notices": ["loan-due"]})
    assert wrong.status_code == 422
    assert '<details class="fold" open>' in text(wrong)
    assert "Choose notice.told among the events too" in text(wrong)
    assert client.post(url, {"name": "Other", "events": ["notice.told"], "notices": ["loan-due"]}).status_code == 302
    kept = WebhookEndpoint.objects.get()
    assert (kept.events, kept.notices) == (["notice.told"], ["loan-due"])
    assert re.search(r'value="loan-due" checked', text(client.get(url)))
    shown = text(client.get(reverse("webhook", args=[row.pk])))
    assert "notice.told" in shown
    assert "Only these notices: loan-due" in shown


def test_a_new_secret_is_shown_once_and_both_sign(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped)
    answer = sign_in("maintainer").post(reverse("webhook-rotate", args=[row.pk]))
    assert "whsec_" in text(answer)
    assert "The secret before signs too" in text(answer)


def test_a_test_event_can_be_read_and_sent_again(equipped: Organisation, sign_in: Any, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    client = sign_in("maintainer")
    with receiving() as receiver:
        receiver.answers = [410]
        row = endpoint(equipped, url=receiver.url)
        client.post(reverse("webhook-act", args=[row.pk, "test"]))
        webhooks_send(now=clock.now())
        assert "It answered 410" in text(client.get(reverse("webhook", args=[row.pk])))
        client.post(reverse("webhook-act", args=[row.pk, "resume"]))
        receiver.answers = [(200, {}, b"<script>hello</script>")]
        at = [row.pk, WebhookDelivery.objects.get().pk]
        assert client.post(reverse("webhook-delivery-replay", args=at)).status_code == 302
        webhooks_send(now=clock.now())
        shown = text(client.get(reverse("webhook-delivery", args=at)))
    assert "Taken with 200." in shown
    assert "&lt;script&gt;hello" in shown
    assert "webhook-timestamp: " in shown
    assert "webhook-signature" not in shown


def test_a_period_is_sent_again(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped)
    services.webhook_test(equipped.actor("maintainer"), row.pk, now=clock.now())
    WebhookDelivery.objects.update(state="delivered", due_at=None)
    client, url = sign_in("maintainer"), reverse("webhook-replay", args=[row.pk])
    client.post(url, {"span": "1h"})
    assert WebhookDelivery.objects.get().state == "delivered"
    client.post(url, {"span": "1h", "every": "true"})
    assert WebhookDelivery.objects.get().state == "due"
    assert client.post(url, {"span": "9y"}).status_code == 422


def test_its_name_is_asked_for_before_it_goes(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped)
    client, url = sign_in("maintainer"), reverse("webhook-delete", args=[row.pk])
    assert client.post(url, {"confirm_name": "deploy"}).status_code == 422
    assert client.post(url, {"confirm_name": "Deploy bot"}).status_code == 302
    assert not WebhookEndpoint.objects.exists()


def test_nobody_else_finds_it(equipped: Organisation, sign_in: Any) -> None:
    row = endpoint(equipped)
    for who in ("developer", "stranger", "auditor"):
        client = sign_in(who)
        assert "Deploy bot" not in text(client.get(reverse("webhooks")))
        assert client.get(reverse("webhook", args=[row.pk])).status_code == 404


def test_the_log_and_the_list_ask_no_more_with_more(
    equipped: Organisation, sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(8):
        row = endpoint(equipped, name=f"Bot {number}")
        for _ in range(5):
            services.webhook_test(equipped.actor("maintainer"), row.pk, now=clock.now())
    client = sign_in("maintainer")
    for url in (reverse("webhooks"), reverse("webhook", args=[row.pk])):
        client.get(url)
        with django_assert_max_num_queries(12):
            client.get(url)


def test_a_team_leads_to_its_webhooks(equipped: Organisation, sign_in: Any) -> None:
    assert "/webhooks/?team=payments" in text(sign_in("maintainer").get(reverse("team", args=["payments"])))
    assert "/webhooks/?team=payments" not in text(sign_in("developer").get(reverse("team", args=["payments"])))


@pytest.mark.parametrize(("query", "place"), [("", "Administration"), ("?team=payments", "Teams")])
def test_the_navigation_marks_where_one_came_from(equipped: Organisation, sign_in: Any, query: str, place: str) -> None:
    sidebar = text(sign_in("maintainer").get(reverse("webhooks") + query)).partition("<main")[0]
    assert re.findall(r'aria-current="(?:page|true)"[^>]*>(?:<svg.*?</svg>)?([^<]+)', sidebar)[0].strip() == place

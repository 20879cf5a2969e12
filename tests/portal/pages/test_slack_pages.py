"""Slack decides: signed by our app, by a linked person, with their rights, for the plan that was read, once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from governance.domain.chat import APPROVE, REASON, REJECT
from governance.domain.slack import signature
from governance.models import AuditEntry, SlackApp, SlackCode, SlackLink, SlackRequest
from governance.services.slack import slack_answers_send, slack_app_set, slack_code_make
from governance.services.teams import membership_set
from idp.kernel import clock, outbound
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden
from provisioning.models import Change
from tests.personas import Organisation
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db
SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def slack(equipped: Organisation) -> Organisation:
    """An app is set up, and the maintainer and the developer are linked."""
    cache.clear()
    slack_app_set(PLATFORM, signing_secret=SECRET, now=clock.now())
    for name in ("maintainer", "developer"):
        SlackLink.objects.create(person=equipped.people[name], workspace="T1", member=name.upper(), made_at=clock.now())
    return equipped


@pytest.fixture
def waiting(slack: Organisation) -> Change:
    return create(slack, "live", stage="prod")


def send(name: str, body: bytes, *, secret: str = SECRET, ago: int = 0, **headers: str) -> Any:
    stamp = str(int(clock.now().timestamp()) - ago)
    given = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(secret, stamp, body), **headers}
    return Client(enforce_csrf_checks=True).post(
        reverse(name), data=body, content_type="application/x-www-form-urlencoded", headers=given
    )


def press(change: Change, who: str = "MAINTAINER", action: str = APPROVE, digest: str = "", reason: str = "") -> bytes:
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": who, "name": "somebody"},
        "actions": [{"action_id": action, "value": f"{change.pk}:{digest or change.plan_digest}"}],
        "response_url": "https://hooks.slack.com/actions/T1/2/x",
        "state": {"values": {REASON: {REASON: {"value": reason}}}},
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def answer() -> dict[str, Any]:
    return dict(SlackRequest.objects.latest("pk").answer)


def refusals() -> list[str]:
    return [one.data["why"] for one in AuditEntry.objects.filter(action="slack.refused").order_by("sequence")]


def test_a_press_is_the_persons_own_decision(waiting: Change) -> None:
    assert send("slack-actions", press(waiting)).status_code == 200
    waiting.refresh_from_db()
    assert waiting.state in ("approved", "running")
    entry = AuditEntry.objects.get(action="change.approve")
    assert (entry.actor_name, entry.via) == ("maintainer", "slack")
    assert answer()["replace_original"] is True
    assert "maintainer agreed to it." in answer()["text"]


def test_a_rejection_takes_the_reason_beside_it(waiting: Change) -> None:
    send("slack-actions", press(waiting, action=REJECT))
    waiting.refresh_from_db()
    assert (waiting.state, answer()["replace_original"]) == ("pending", False)
    assert "Say why." in answer()["text"]
    send("slack-actions", press(waiting, action=REJECT, reason="Not today."))
    waiting.refresh_from_db()
    assert waiting.state == "rejected"
    assert "maintainer rejected it." in answer()["text"]


REFUSED = {
    "one's own change": ({"who": "DEVELOPER"}, "own-change"),
    "not linked": ({"who": "STRANGER"}, "not-linked"),
    "another plan": ({"digest": "ab" * 32}, "stale-plan"),
}


@pytest.mark.parametrize(("given", "why"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_refused_in_the_portal_is_refused_here(waiting: Change, given: dict[str, str], why: str) -> None:
    assert send("slack-actions", press(waiting, **given)).status_code == 200
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert refusals() == [why]
    assert answer()["replace_original"] is False


def test_rights_that_were_withdrawn_are_gone_here_too(slack: Organisation, waiting: Change) -> None:
    person = slack.maintainer
    membership_set(PLATFORM, team=slack.payments, user=person, role="viewer", now=clock.now())
    send("slack-actions", press(waiting))
    person.is_active = False
    person.save()
    send("slack-actions", press(waiting, reason="x"))
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert len(refusals()) == 2
    assert refusals()[1] == "not-linked"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"secret": "f" * 32}, "forged", id="another secret"),
        pytest.param({"ago": 301}, "forged", id="too old"),
        pytest.param({"X-Slack-Signature": ""}, "forged", id="no signature"),
        pytest.param({"X-Slack-Request-Timestamp": "x"}, "forged", id="no moment"),
    ],
)
def test_what_slack_did_not_sign_is_refused(waiting: Change, given: dict[str, Any], why: str) -> None:
    assert send("slack-actions", press(waiting), **given).status_code == 401
    assert send("slack-commands", b"team_id=T1&user_id=U1&text=link+x", **given).status_code == 401
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    assert refusals() == [why]
    assert not SlackRequest.objects.exists()


def test_the_same_request_is_taken_once(waiting: Change) -> None:
    body, stamp = press(waiting, action=REJECT), str(int(clock.now().timestamp()))
    headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(SECRET, stamp, body)}
    assert [send("slack-actions", body, **headers).status_code for _ in range(2)] == [200, 401]
    assert refusals() == ["invalid", "replayed"]


def test_a_form_of_several_parts_is_not_slacks(slack: Organisation) -> None:
    assert Client().post(reverse("slack-actions"), {"payload": "{}"}).status_code == 401


def test_without_an_app_nothing_is_believed(waiting: Change) -> None:
    SlackApp.objects.all().delete()
    assert send("slack-actions", press(waiting)).status_code == 401
    assert refusals() == ["not-set-up"]


@pytest.mark.parametrize("body", [b"", b"payload=nope", b"\xff"])
def test_what_is_not_understood_is_said(slack: Organisation, body: bytes) -> None:
    assert send("slack-actions", body).status_code == 400


def test_an_answer_is_sent_once_by_the_worker(waiting: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, Any]] = []

    def call(method: str, url: str, *, body: bytes, **_: Any) -> outbound.Answer:
        sent.append((url, json.loads(body)))
        return outbound.Answer(200, {}, b"ok", url)

    monkeypatch.setattr(outbound, "call", call)
    send("slack-actions", press(waiting))
    now = clock.now() + timedelta(seconds=1)
    assert [slack_answers_send(now=now), slack_answers_send(now=now + timedelta(hours=1))] == [1, 0]
    ((url, told),) = sent
    assert url == "https://hooks.slack.com/actions/T1/2/x"
    assert "maintainer agreed to it." in told["text"]
    assert SlackRequest.objects.latest("pk").answer_url == ""


def test_slack_away_is_tried_three_times(waiting: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    def call(*_: Any, **__: Any) -> outbound.Answer:
        raise outbound.Unreachable("Nobody there.")

    monkeypatch.setattr(outbound, "call", call)
    send("slack-actions", press(waiting))
    now = clock.now()
    tries = [slack_answers_send(now=now + timedelta(minutes=2 * number)) for number in range(1, 6)]
    assert tries == [1, 1, 1, 0, 0]


# --- linking


def link(code: str, who: str = "NEW") -> str:
    body = urlencode({"team_id": "T1", "user_id": who, "user_name": "s", "text": f"link {code}"}).encode()
    return str(send("slack-commands", body).json()["text"])


def test_a_person_links_themselves_with_a_code_that_works_once(slack: Organisation) -> None:
    actor = slack.actor("second_maintainer")
    code = slack_code_make(actor, now=clock.now())
    assert "You are second_maintainer in Slipway" in link(code)
    assert SlackLink.objects.get(member="NEW").person == slack.second_maintainer
    assert "wrong or too old" in link(code, "OTHER")
    entry = AuditEntry.objects.get(action="slack.link")
    assert (entry.actor_name, entry.via) == ("second_maintainer", "slack")
    assert code not in str(list(AuditEntry.objects.values_list("data", flat=True)))


@pytest.mark.parametrize("case", ["old", "wrong", "gone"])
def test_a_code_that_no_longer_counts(slack: Organisation, case: str) -> None:
    code = slack_code_make(slack.actor("second_maintainer"), now=clock.now())
    if case == "old":
        SlackCode.objects.update(ends_at=clock.now())
    if case == "gone":
        slack.second_maintainer.is_active = False
        slack.second_maintainer.save()
    assert "wrong or too old" in link("X" * 10 if case == "wrong" else code)
    assert not SlackLink.objects.filter(member="NEW").exists()


def test_a_member_is_one_person(slack: Organisation) -> None:
    code = slack_code_make(slack.actor("second_maintainer"), now=clock.now())
    assert "linked to somebody else" in link(code, "MAINTAINER")
    assert SlackLink.objects.get(member="MAINTAINER").person == slack.maintainer


def test_a_token_makes_no_code(slack: Organisation) -> None:
    with pytest.raises(Forbidden):
        slack_code_make(slack.actor("maintainer", scopes=("read", "change", "admin")), now=clock.now())


def test_the_command_says_how_it_is_used(slack: Organisation) -> None:
    body = urlencode({"team_id": "T1", "user_id": "U9", "text": "help"}).encode()
    assert "/slipway link CODE" in send("slack-commands", body).json()["text"]


# --- pages


def test_an_admin_sets_the_app_up_and_takes_it_away(equipped: Organisation, sign_in: Any) -> None:
    client, url = sign_in("admin"), reverse("slack-app")
    assert client.post(url, {"signing_secret": "short"}).status_code == 422
    assert client.post(url, {"signing_secret": SECRET}).status_code == 302
    assert SECRET not in SlackApp.objects.get().signing_secret
    shown = client.get(url).content.decode()
    assert SECRET not in shown
    assert "/chat/slack/actions" in shown
    assert client.post(reverse("slack-app-remove")).status_code == 302
    assert not SlackApp.objects.exists()
    assert SECRET not in str(list(AuditEntry.objects.values_list("data", flat=True)))


def test_a_code_is_made_on_the_account_page_and_a_link_ended_there(slack: Organisation, sign_in: Any) -> None:
    client = sign_in("maintainer")
    assert "MAINTAINER" in client.get(reverse("account-slack")).content.decode()
    made = client.post(reverse("account-slack-code"))
    assert "/slipway link " in made.content.decode()
    assert made["Cache-Control"] == "no-store"
    assert client.post(reverse("account-slack-unlink")).status_code == 302
    assert not SlackLink.objects.filter(person=slack.maintainer).exists()

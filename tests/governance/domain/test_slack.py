"""Whether a request is Slack's, and what it says, by tables of what may come."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from governance.domain import slack
from governance.domain.chat import APPROVE, REASON, REJECT, message_of
from governance.domain.event import EVENT_TYPES

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a1"
    b"4d10d2c447fce8b6703c"
)
STAMP = "1531420618"
SIGNED = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
THEN = datetime.fromtimestamp(int(STAMP), UTC)
DIGEST = "9f2c" * 16


def test_it_signs_as_slack_does() -> None:
    """The example of Slack's own documentation."""
    assert slack.signature(SECRET, STAMP, BODY) == SIGNED


@pytest.mark.parametrize(
    ("given", "believed"),
    [
        pytest.param({}, True, id="as it was signed"),
        pytest.param({"now": THEN + timedelta(minutes=5)}, True, id="just in time"),
        pytest.param({"now": THEN + timedelta(minutes=5, seconds=1)}, False, id="too old"),
        pytest.param({"now": THEN - timedelta(minutes=6)}, False, id="from the future"),
        pytest.param({"secret": "another"}, False, id="another secret"),
        pytest.param({"body": BODY + b"&x=1"}, False, id="another body"),
        pytest.param({"timestamp": "1531420619"}, False, id="another moment"),
        pytest.param({"timestamp": ""}, False, id="no moment"),
        pytest.param({"timestamp": "1e9"}, False, id="a moment that is no number"),
        pytest.param({"given": ""}, False, id="no signature"),
        pytest.param({"given": "v0=ü"}, False, id="a signature that is not ASCII"),
        pytest.param({"given": SIGNED.replace("v0", "v1")}, False, id="another version"),
    ],
)
def test_it_believes_slack_only(given: dict[str, Any], believed: bool) -> None:
    asked = {"secret": SECRET, "timestamp": STAMP, "body": BODY, "given": SIGNED, "now": THEN, **given}
    assert slack.is_slacks(**asked) is believed


def press(action: str = APPROVE, value: str = f"12:{DIGEST}", **more: Any) -> bytes:
    payload = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "name": "mara"},
        "actions": [{"action_id": action, "value": value}],
        "response_url": "https://hooks.slack.com/actions/T1/2/x",
        "state": {"values": {REASON: {REASON: {"value": " Not now. "}}}},
        **more,
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


@pytest.mark.parametrize(("action", "verdict"), [(APPROVE, "approve"), (REJECT, "reject")])
def test_it_reads_what_was_pressed(action: str, verdict: str) -> None:
    assert slack.pressed(press(action)) == slack.Pressed(
        slack.Member("T1", "U1", "mara"), verdict, 12, DIGEST, "Not now.", "https://hooks.slack.com/actions/T1/2/x"
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(press("slipway.open"), id="a link"),
        pytest.param(press(type="view_submission"), id="something else"),
    ],
)
def test_other_presses_do_nothing(body: bytes) -> None:
    assert slack.pressed(body) is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"payload=nope", id="no JSON"),
        pytest.param(b"payload=" + b"[" * 100_000, id="too deep"),
        pytest.param(b"payload=[]", id="a list"),
        pytest.param(press(actions=[]), id="no action"),
        pytest.param(press(team=None), id="no workspace"),
        pytest.param(press(user={"id": "u 1"}), id="no member"),
        pytest.param(press(value="12"), id="no digest"),
        pytest.param(press(value=f"12:{DIGEST}x"), id="a longer digest"),
        pytest.param(press(response_url="https://evil.example/"), id="an answer to somebody else"),
        pytest.param(press(response_url="https://hooks.slack.com@evil.example/"), id="in disguise"),
        pytest.param(press(response_url="http://hooks.slack.com/x"), id="in the clear"),
        pytest.param(press(response_url=7), id="no address"),
    ],
)
def test_it_refuses_what_it_does_not_understand(body: bytes) -> None:
    with pytest.raises(slack.NotUnderstood):
        slack.pressed(body)


def test_it_reads_what_was_typed() -> None:
    body = urlencode({"team_id": "T1", "user_id": "U1", "user_name": "mara", "text": " link  abc "}).encode()
    assert slack.typed(body) == slack.Typed(slack.Member("T1", "U1", "mara"), ("link", "abc"))
    with pytest.raises(slack.NotUnderstood):
        slack.typed(b"team_id=T1")


def test_codes_are_long_and_all_different() -> None:
    made = {slack.new_code() for _ in range(200)}
    assert len(made) == 200
    assert all(len(one) == slack.CODE_LENGTH for one in made)
    assert slack.hash_of(" abc ") == slack.hash_of("ABC")


@pytest.mark.parametrize("waits", [True, False])
def test_a_message_keeps_its_buttons_only_while_it_waits(waits: bool) -> None:
    message = message_of("change.submitted", EVENT_TYPES["change.submitted"].example, "https://slipway.example")
    told = slack.decided(message, "mara <@U2> agreed to it.", waits=waits)
    ids = [one.get("action_id") for block in told["blocks"] for one in block.get("elements", ())]
    assert (APPROVE in ids) is waits
    assert told["replace_original"] is True
    assert told["blocks"][-1]["elements"][0]["text"] == "mara &lt;@U2&gt; agreed to it."


@pytest.mark.parametrize(
    ("address", "workspace"),
    [
        ("https://hooks.slack.com/services/T0AB/B0CD/abcDEF123", "T0AB"),
        ("https://hooks.slack.com/services/T0AB/B0CD", ""),
        ("https://hooks.slack.com/workflows/T0AB/B0CD/abc", ""),
        ("http://hooks.slack.com/services/T0AB/B0CD/abc", ""),
        ("https://hooks.slack.com.evil.example/services/T0AB/B0CD/abc", ""),
        ("https://me@hooks.slack.com/services/T0AB/B0CD/abc", ""),
        ("https://chat.example/services/T0AB/B0CD/abc", ""),
        ("https://[bad/services/T0AB/B0CD/abc", ""),
    ],
)
def test_it_reads_the_workspace_of_an_address_of_slack(address: str, workspace: str) -> None:
    assert slack.workspace_of(address) == workspace

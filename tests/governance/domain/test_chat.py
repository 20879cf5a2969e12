"""Messages of chat, by example of every event, and what people wrote kept from meaning anything to the chat."""

from __future__ import annotations

import json
from typing import Any

import pytest

from governance.domain import chat
from governance.domain.event import EVENT_TYPES, EventType

BASE = "https://slipway.example"


@pytest.mark.parametrize("one", EVENT_TYPES.values(), ids=list(EVENT_TYPES))
def test_it_has_words_for_every_event(one: EventType) -> None:
    message = chat.message_of(one.key, one.example, BASE)
    assert message.title.startswith(chat.HEADLINES[one.key])
    slack, teams = chat.slack_message(message, buttons=True), chat.teams_message(message)
    assert slack["text"]
    assert len(slack["blocks"]) <= 50
    card = teams["attachments"][0]["content"]
    assert (teams["type"], card["type"], card["version"]) == ("message", "AdaptiveCard", "1.4")
    assert len(json.dumps(teams)) < 28_000


CHANGE = EVENT_TYPES["change.submitted"].example


def test_slack_gets_blocks() -> None:
    message = chat.message_of("change.submitted", {**CHANGE, "page": "/changes/12/"}, BASE)
    assert chat.slack_message(message) == {
        "text": "A change is asked for: Update checkout / staging: api",
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": ":small_blue_diamond: *A change is asked for: Update checkout / staging: api*",
                },
            },
            {
                "type": "section",
                "fields": [
                    {"type": "mrkdwn", "text": "*Environment*\ncheckout / staging"},
                    {"type": "mrkdwn", "text": "*Stage*\nstaging"},
                    {"type": "mrkdwn", "text": "*Team*\npayments"},
                    {"type": "mrkdwn", "text": "*Asked by*\ndana"},
                    {"type": "mrkdwn", "text": "*Change*\n#12"},
                    {"type": "mrkdwn", "text": "*By*\nmara"},
                ],
            },
            {"type": "section", "text": {"type": "mrkdwn", "text": "> New release."}},
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Open"},
                        "url": f"{BASE}/changes/12/",
                        "action_id": "slipway.open",
                    }
                ],
            },
        ],
    }


def test_teams_gets_an_adaptive_card() -> None:
    example = EVENT_TYPES["run.failed"].example
    card = chat.teams_message(chat.message_of("run.failed", example, BASE))["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    head, facts, quote = card["content"]["body"]
    assert (head["text"], head["color"]) == ("Failed: Update checkout / staging: api", "Attention")
    assert facts["facts"][0] == {"title": "Environment", "value": "checkout / staging"}
    assert quote["text"] == "The image is not there."
    assert card["content"]["actions"] == [
        {"type": "Action.OpenUrl", "title": "Open", "url": "https://slipway.example/runs/31/"}
    ]


@pytest.mark.parametrize(
    ("key", "data", "buttons"),
    [
        pytest.param("change.submitted", CHANGE, True, id="it waits"),
        pytest.param("change.approved", CHANGE, False, id="it was decided"),
        pytest.param("change.submitted", {**CHANGE, "change": {**CHANGE["change"], "state": "x"}}, False, id="no wait"),
    ],
)
def test_only_what_waits_has_buttons(key: str, data: dict[str, Any], buttons: bool) -> None:
    written = chat.slack_message(chat.message_of(key, data, BASE), buttons=True)
    ids = [one["action_id"] for block in written["blocks"] for one in block.get("elements", ())]
    assert ids == [*([chat.APPROVE, chat.REJECT] * buttons), "slipway.open"]
    if buttons:
        assert written["blocks"][-1]["elements"][0]["value"] == f"12:{CHANGE['change']['plan_digest']}"


@pytest.mark.parametrize(
    ("text", "slack", "teams"),
    [
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;", r"\<\!channel\> & \<@U1\>"),
        ("[here](https://evil)", "[here](https://evil)", r"\[here\]\(https://evil\)"),
        ("a*b_c`d", "a*b_c`d", r"a\*b\_c\`d"),
    ],
)
def test_what_people_wrote_means_nothing_to_the_chat(text: str, slack: str, teams: str) -> None:
    assert (chat.slack_text(text), chat.teams_text(text)) == (slack, teams)


def test_long_texts_are_cut() -> None:
    told = {**CHANGE, "text": "x" * 5_000}
    assert len(chat.message_of("change.commented", told, BASE).quote) == chat.LONGEST

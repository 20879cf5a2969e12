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


NOTICE = EVENT_TYPES["notice.told"].example


@pytest.mark.parametrize(
    ("people", "members", "told"),
    [
        pytest.param([], {"dana": "U1"}, None, id="nobody"),
        pytest.param(["dana", "mara"], {}, "dana, mara", id="not linked"),
        pytest.param(["dana", "mara"], {"dana": "U1", "kim": "U2"}, "<@U1>, mara", id="one is linked"),
        pytest.param(["dana"], {"dana": "U1>!<!channel"}, "dana", id="no member at all"),
        pytest.param(["<!here>"], {}, "&lt;!here&gt;", id="a name that pings"),
        pytest.param(
            [f"p{n:02}" for n in range(12)], {}, ", ".join(f"p{n:02}" for n in range(10)) + " and others", id="many"
        ),
    ],
)
def test_slack_mentions_who_is_of_its_workspace(people: list[str], members: dict[str, str], told: str | None) -> None:
    message = chat.message_of("notice.told", {**NOTICE, "people": people}, BASE)
    fields = chat.slack_message(message, members=members)["blocks"][1]["fields"]
    assert fields[:2] == [
        {"type": "mrkdwn", "text": "*System*\ncheckout"},
        {"type": "mrkdwn", "text": "*Team*\npayments"},
    ]
    assert fields[2:] == ([{"type": "mrkdwn", "text": f"*Told to*\n{told}"}] if told else [])


def test_teams_names_people_and_mentions_nobody() -> None:
    card = chat.teams_message(chat.message_of("notice.told", {**NOTICE, "people": ["d_a", "<at>x</at>"]}, BASE))
    head, facts, quote = card["attachments"][0]["content"]["body"]
    assert (head["text"], head["color"]) == (
        r"Notice: checkout / staging cannot be deleted, though its time is over",
        "Attention",
    )
    assert facts["facts"][-1] == {"title": "Told to", "value": r"d\_a, \<at\>x\</at\>"}
    assert quote["text"] == "A freeze holds it until 27 November."


def test_a_notice_of_nothing_in_particular_has_no_facts() -> None:
    message = chat.message_of("notice.told", {**NOTICE, "system": "", "team": "", "people": [], "text": ""}, BASE)
    assert [one["type"] for one in chat.slack_message(message)["blocks"]] == ["section", "actions"]
    assert len(chat.teams_message(message)["attachments"][0]["content"]["body"]) == 1


def test_long_texts_are_cut() -> None:
    told = {**CHANGE, "text": "x" * 5_000}
    assert len(chat.message_of("change.commented", told, BASE).quote) == chat.LONGEST

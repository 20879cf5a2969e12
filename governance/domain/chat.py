"""Events as messages of chat: Slack's blocks (and what is compatible with them) and Adaptive Cards for Teams. Pure.

Text that people wrote is escaped for each format, so that it can neither ping anybody nor pass for a link of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.event import EVENT_TYPES

LONGEST: Final = 600
TONES: Final[Mapping[str, str]] = {
    "run.succeeded": "good",
    "change.approved": "good",
    "environment.ready": "good",
    "run.failed": "attention",
    "change.denied": "attention",
    "change.rejected": "attention",
    "environment.failed": "attention",
    "environment.degraded": "warning",
    "environment.drifted": "warning",
    "environment.expiring": "warning",
    "freeze.began": "warning",
    "freeze.over": "good",
    "budget.reached": "warning",
    "git.failed": "attention",
    "git.refused": "attention",
    "git.recovered": "good",
}
MARKS: Final[Mapping[str, str]] = {
    "good": ":white_check_mark:",
    "attention": ":x:",
    "warning": ":warning:",
    "default": ":small_blue_diamond:",
}
APPROVE: Final = "slipway.approve"
REJECT: Final = "slipway.reject"
REASON: Final = "slipway.reason"


@dataclass(frozen=True, slots=True)
class Message:
    """What any chat shows: a headline, facts, a quotation, and where to read on.

    ``decide`` is ``change:digest`` where the message can carry buttons, else empty.
    """

    title: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    quote: str
    url: str
    decide: str = ""


def message_of(key: str, data: Mapping[str, Any], base_url: str) -> Message:
    """One event in words. ``page`` in the data is a path of the portal, or a whole address."""
    title = EVENT_TYPES[key].title if key in EVENT_TYPES else key
    change, environment = data.get("change") or {}, data.get("environment", "")
    place = f"{data['system']} / {environment}" if environment else data.get("system", "")
    freeze, budget = data.get("freeze") or {}, data.get("budget") or {}
    source, commit = data.get("source") or {}, data.get("commit") or {}
    about = change.get("title") or freeze.get("scope") or place or source.get("name", "")
    about = about or (data.get("team", "") if budget else "")
    error = data.get("error") or {}
    facts = [
        ("Environment" if environment else "System", place),
        ("Stage", data.get("stage", "")),
        ("Team", data.get("team", "")),
    ]
    if change:
        facts += [("Asked by", change.get("requester", "")), ("Change", f"#{change.get('id')}")]
    if data.get("actor") not in (None, "", "slipway", change.get("requester")):
        facts.append(("By", data["actor"]))
    if data.get("expires"):
        facts.append(("Deleted at", data["expires"]))
    if freeze:
        facts.append(("Why", freeze.get("reason", "")))
    if commit.get("id"):
        facts.append(("Commit", f"{commit['id'][:8]} by {commit.get('author', '')}: {commit.get('subject', '')}"))
    if data.get("objects"):
        facts.append(("Differs", ", ".join(data["objects"][:5])))
    quote = error.get("message") or data.get("text") or data.get("message") or _reason(key, change)
    page = str(data.get("page", ""))
    return Message(
        title=f"{_headline(key, title)}: {about}" if about else _headline(key, title),
        tone=TONES.get(key, "default"),
        facts=tuple((name, _short(str(value))) for name, value in facts if value),
        quote=_short(str(quote)),
        url=base_url + page if page.startswith("/") else page,
        decide=f"{change['id']}:{change['plan_digest']}" if _may_decide(key, change) else "",
    )


def _headline(key: str, title: str) -> str:
    return HEADLINES.get(key, title)


HEADLINES: Final[Mapping[str, str]] = {
    "change.submitted": "A change is asked for",
    "change.decided": "Somebody decided",
    "change.approved": "Approved",
    "change.rejected": "Rejected",
    "change.denied": "Stopped by a rule",
    "change.cancelled": "Withdrawn",
    "change.expired": "Nobody decided in time",
    "change.superseded": "No longer needed",
    "change.commented": "Somebody wrote",
    "run.started": "Started",
    "run.succeeded": "Done",
    "run.failed": "Failed",
    "run.cancelled": "Cancelled",
    "environment.ready": "Ready",
    "environment.degraded": "Does not work fully",
    "environment.failed": "Failed",
    "environment.asleep": "Fell asleep",
    "environment.deleted": "Is gone",
    "environment.drifted": "Changed outside of Slipway",
    "environment.expiring": "Is deleted soon",
    "freeze.began": "Frozen",
    "freeze.over": "Thawed",
    "budget.reached": "Budget is being used up",
    "git.failed": "Cannot be read from Git",
    "git.refused": "Refused from Git",
    "git.recovered": "Applied from Git again",
    "webhook.test": "A test from Slipway",
}


def _may_decide(key: str, change: Mapping[str, Any]) -> bool:
    return key == "change.submitted" and change.get("state") == "pending" and bool(change.get("plan_digest"))


def _reason(key: str, change: Mapping[str, Any]) -> str:
    return str(change.get("reason", "")) if key == "change.submitted" else ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def slack_text(text: str) -> str:
    """Escaped as Slack asks for: nothing that people wrote becomes a mention, a channel or a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def slack_message(message: Message, *, buttons: bool = False) -> dict[str, Any]:
    """Body for an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat, Discord's /slack).

    ``buttons`` adds Approve and Reject where the message can be decided on; only an app of Slack answers them.
    """
    head = f"{MARKS[message.tone]} *{slack_text(message.title)}*"
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": head}}]
    if message.facts:
        fields = [{"type": "mrkdwn", "text": f"*{name}*\n{slack_text(value)}"} for name, value in message.facts]
        blocks.append({"type": "section", "fields": fields[:10]})
    if message.quote:
        quoted = "\n".join(f"> {slack_text(line)}" for line in message.quote.splitlines())
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": quoted[:2_900]}})
    elements = _slack_buttons(message) if buttons and message.decide else []
    if message.url:
        elements.append({"type": "button", "text": _plain("Open"), "url": message.url, "action_id": "slipway.open"})
    if buttons and message.decide:
        blocks.append(_slack_reason())
    if elements:
        blocks.append({"type": "actions", "elements": elements})
    return {"text": slack_text(message.title), "blocks": blocks}


def _slack_buttons(message: Message) -> list[dict[str, Any]]:
    approve = {"text": _plain("Approve"), "style": "primary", "action_id": APPROVE}
    reject = {"text": _plain("Reject"), "style": "danger", "action_id": REJECT}
    return [{"type": "button", "value": message.decide, **one} for one in (approve, reject)]


def _slack_reason() -> dict[str, Any]:
    """A field for why: a rejection needs one, and what is typed comes with the press of a button."""
    field = {"type": "plain_text_input", "action_id": REASON, "max_length": 1_000}
    label = _plain("Comment (a rejection needs one)")
    return {"type": "input", "block_id": REASON, "optional": True, "label": label, "element": field}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]()#+\-!|<>~])")


def teams_text(text: str) -> str:
    """Escaped for the Markdown that an Adaptive Card reads."""
    return _MARKDOWN.sub(r"\\\1", text)


def teams_message(message: Message) -> dict[str, Any]:
    """Body for a Teams Workflow that posts what a webhook sends: a message with one Adaptive Card."""
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": teams_text(message.title),
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "color": message.tone.title(),
        }
    ]
    if message.facts:
        facts = [{"title": name, "value": teams_text(value)} for name, value in message.facts]
        body.append({"type": "FactSet", "facts": facts})
    if message.quote:
        body.append({"type": "TextBlock", "text": teams_text(message.quote), "wrap": True, "isSubtle": True})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.url:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open", "url": message.url}]
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}

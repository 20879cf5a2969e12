"""Events as messages of chat: Slack's blocks (and what is compatible with them) and Adaptive Cards for Teams. Pure.

Text that people wrote is escaped for each format, so that it can neither ping anybody nor pass for a link of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from governance.domain.event import EVENT_TYPES, NOTICE

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
NOTICE_TONES: Final[Mapping[str, str]] = {
    "change-held": "warning",
    "drift-fought": "warning",
    "expiry-refused": "attention",
    "sleep-refused": "warning",
    "glass-broken": "warning",
    "system-alone": "warning",
    "train-stopped": "attention",
    "policy-errors": "attention",
    "webhook-disabled": "attention",
    "loan-returned": "good",
    "loan-due": "warning",
    "campaign-moved": "good",
    "campaign-failed": "attention",
    "campaign-paused": "warning",
    "drain-paused": "warning",
    "drain-over": "good",
}
MOST_PEOPLE: Final = 10
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

    ``decide`` is ``change:digest`` where the message can carry buttons, else empty. ``people`` are usernames of those
    whom it was told to, at most ``MOST_PEOPLE``; ``others`` when there are more.
    """

    title: str
    tone: str
    facts: tuple[tuple[str, str], ...]
    quote: str
    url: str
    decide: str = ""
    people: tuple[str, ...] = ()
    others: bool = False


def message_of(key: str, data: Mapping[str, Any], base_url: str) -> Message:
    """One event in words. ``page`` in the data is a path of the portal, or a whole address."""
    if key == NOTICE:
        return _notice(data, base_url)
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
    return Message(
        title=f"{_headline(key, title)}: {about}" if about else _headline(key, title),
        tone=TONES.get(key, "default"),
        facts=tuple((name, _short(str(value))) for name, value in facts if value),
        quote=_short(str(quote)),
        url=_address(data, base_url),
        decide=f"{change['id']}:{change['plan_digest']}" if _may_decide(key, change) else "",
    )


def _notice(data: Mapping[str, Any], base_url: str) -> Message:
    facts = [("System", data["system"]), ("Team", data["team"])]
    people = tuple(data["people"])
    return Message(
        title=f"{HEADLINES[NOTICE]}: {data['title']}",
        tone=NOTICE_TONES.get(data["kind"], "default"),
        facts=tuple((name, value) for name, value in facts if value),
        quote=_short(data["text"]),
        url=_address(data, base_url),
        people=people[:MOST_PEOPLE],
        others=len(people) > MOST_PEOPLE,
    )


def _address(data: Mapping[str, Any], base_url: str) -> str:
    page = str(data.get("page", ""))
    return base_url + page if page.startswith("/") else page


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
    NOTICE: "Notice",
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


def slack_message(
    message: Message, *, buttons: bool = False, members: Mapping[str, str] = MappingProxyType({})
) -> dict[str, Any]:
    """Body for an incoming webhook of Slack, or of what takes the same (Mattermost, Rocket.Chat, Discord's /slack).

    ``buttons`` adds Approve and Reject where the message can be decided on; only an app of Slack answers them.
    ``members`` are those of the channel's own workspace by username; whoever is not among them is named in plain text.
    """
    head = f"{MARKS[message.tone]} *{slack_text(message.title)}*"
    blocks: list[dict[str, Any]] = [{"type": "section", "text": {"type": "mrkdwn", "text": head}}]
    fields = [{"type": "mrkdwn", "text": f"*{name}*\n{slack_text(value)}"} for name, value in message.facts]
    if message.people:
        named = [_mention(members.get(name, "")) or slack_text(name) for name in message.people]
        fields.append({"type": "mrkdwn", "text": f"*Told to*\n{_listed(named, message)}"})
    if fields:
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


_MEMBER: Final = re.compile(r"[A-Z0-9]{1,40}", re.ASCII)


def _mention(member: str) -> str:
    return f"<@{member}>" if _MEMBER.fullmatch(member) else ""


def _listed(named: Iterable[str], message: Message) -> str:
    return ", ".join(named) + (" and others" if message.others else "")


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
    facts = [{"title": name, "value": teams_text(value)} for name, value in message.facts]
    if message.people:
        facts.append({"title": "Told to", "value": _listed(map(teams_text, message.people), message)})
    if facts:
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

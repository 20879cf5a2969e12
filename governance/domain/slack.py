"""Slack's side of chat: whether a request is Slack's, what was pressed or typed, and the codes that link people. Pure.

A request is signed with ``v0=`` and the HMAC-SHA256 of ``v0:timestamp:body`` under the app's signing secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from governance.domain.chat import APPROVE, REASON, REJECT, Message, slack_message, slack_text

TOLERANCE: Final = timedelta(minutes=5)
CODE_LASTS: Final = timedelta(minutes=10)
ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH: Final = 10
_DECISION: Final = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})", re.ASCII)
_HOOK: Final = re.compile(r"/services/(T[A-Z0-9]{1,39})/B[A-Z0-9]+/[A-Za-z0-9]+", re.ASCII)
_ID: Final = re.compile(r"[A-Z0-9]{1,40}", re.ASCII)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def is_slacks(secret: str, timestamp: str, body: bytes, given: str, now: datetime) -> bool:
    """Whether the request was signed with our secret within five minutes of ``now``. Compares in constant time."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    right = hmac.compare_digest(signature(secret, timestamp, body).encode(), given.encode("utf-8", "replace"))
    return right and abs(now.timestamp() - int(timestamp)) <= TOLERANCE.total_seconds()


@dataclass(frozen=True, slots=True)
class Member:
    """A person as Slack knows them; the name is theirs to choose and proves nothing."""

    workspace: str
    member: str
    name: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that somebody pressed: ``verdict`` on the change for the plan with ``digest``."""

    who: Member
    verdict: str
    change_id: int
    digest: str
    reason: str
    answer_url: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that somebody typed, such as ``/slipway link CODE``."""

    who: Member
    words: tuple[str, ...]


class NotUnderstood(ValueError):
    """The request is Slack's and is not one that we know."""


def pressed(body: bytes) -> Pressed | None:
    """What was pressed; None for a button that only opens a page. Raises NotUnderstood."""
    try:
        payload = json.loads(_fields(body)["payload"])
        action = payload["actions"][0]
        who = _member(payload["team"]["id"], payload["user"]["id"], payload["user"].get("name", ""))
        verdict = {APPROVE: "approve", REJECT: "reject"}.get(action["action_id"])
        if payload["type"] != "block_actions" or verdict is None:
            return None
        found = _DECISION.fullmatch(action["value"])
        url = payload.get("response_url", "")
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):
        raise NotUnderstood("This is no press of a button.") from None
    if found is None or not _is_answer_url(url):
        raise NotUnderstood("This is not a button of ours.")
    return Pressed(who, verdict, int(found[1]), found[2], _reason(payload), url)


def typed(body: bytes) -> Typed:
    """What was typed after the command. Raises NotUnderstood."""
    fields = _fields(body)
    try:
        who = _member(fields["team_id"], fields["user_id"], fields.get("user_name", ""))
    except KeyError:
        raise NotUnderstood("This is no command.") from None
    return Typed(who, tuple(fields.get("text", "").split()[:5]))


def _fields(body: bytes) -> dict[str, str]:
    try:
        return {name: values[0] for name, values in parse_qs(body.decode(), max_num_fields=50).items()}
    except ValueError:
        raise NotUnderstood("This is no form.") from None


def _member(workspace: Any, member: Any, name: Any) -> Member:
    if not (isinstance(workspace, str) and isinstance(member, str)):
        raise NotUnderstood("This names nobody.")
    if not (_ID.fullmatch(workspace) and _ID.fullmatch(member)):
        raise NotUnderstood("This names nobody.")
    return Member(workspace, member, str(name).replace("\x00", "")[:120])


def _reason(payload: Mapping[str, Any]) -> str:
    """What stands in the message's own field for a reason, or nothing."""
    try:
        return str(payload["state"]["values"][REASON][REASON]["value"] or "").strip()[:1_000]
    except (KeyError, TypeError):
        return ""


def _is_answer_url(url: Any) -> bool:
    """An answer goes to Slack and nowhere else, whatever a request says."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc == "hooks.slack.com"


def workspace_of(address: str) -> str:
    """Which workspace an incoming webhook of Slack posts to; nothing for an address of anybody else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    found = _HOOK.fullmatch(parts.path) if parts.scheme == "https" and parts.netloc == "hooks.slack.com" else None
    return found[1] if found else ""


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))


def hash_of(code: str) -> str:
    """A code lives for minutes and has fifty bits, so a plain hash is enough."""
    return hashlib.sha256(code.strip().upper().encode("utf-8", "replace")).hexdigest()


def only_to_you(text: str) -> dict[str, Any]:
    """A message that only who pressed or typed sees; the one they pressed stays."""
    return {"response_type": "ephemeral", "replace_original": False, "text": slack_text(text)}


def decided(message: Message, outcome: str, *, waits: bool) -> dict[str, Any]:
    """The message as it becomes: with the outcome, and with buttons only while somebody still has to agree."""
    told = slack_message(message, buttons=waits)
    said = {"type": "context", "elements": [{"type": "mrkdwn", "text": slack_text(outcome)[:2_900]}]}
    return {**told, "replace_original": True, "text": slack_text(outcome), "blocks": [*told["blocks"], said]}

"""What an account has: teams with roles, and tokens with their state. Only ever one's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.sessions.models import Session

from governance.models import ApiToken, OpenSession
from idp.catalog.models import Membership

# How long before its end a token is marked, so that whoever sees it still has time to rotate it.
SOON: Final = timedelta(days=7)

# In this order: most browsers also name those that they are like.
_PROGRAMS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def memberships_of(user_id: int) -> list[Membership]:
    return list(Membership.objects.filter(user=user_id).select_related("team").order_by("team__name"))


@dataclass(frozen=True, slots=True)
class TokenLine:
    """``soon``: it is in force, and its end is near."""

    token: ApiToken
    state: str
    word: str
    soon: bool = False


def tokens_of(user_id: int, now: datetime) -> list[TokenLine]:
    """Those in force first, then the last twenty that are not."""
    rows = ApiToken.objects.filter(owner=user_id).order_by("-id")
    lines = [token_line(token, now) for token in rows[:200]]
    ended = [line for line in lines if line.state != "approved"]
    return [line for line in lines if line.state == "approved"] + ended[:20]


def token_line(token: ApiToken, now: datetime) -> TokenLine:
    if token.revoked_at is not None:
        return TokenLine(token, "cancelled", "Revoked")
    if token.expires_at is not None and token.expires_at <= now:
        return TokenLine(token, "expired", "Expired")
    soon = token.expires_at is not None and token.expires_at <= now + SOON
    return TokenLine(token, "approved", "In force", soon)


@dataclass(frozen=True, slots=True)
class SessionLine:
    """``here``: the browser that asks."""

    session: OpenSession
    browser: str
    here: bool


def sessions_of(user_id: int, key: str, now: datetime) -> list[SessionLine]:
    """Where the person is signed in, this browser first, then the last used. One query."""
    living = Session.objects.filter(expire_date__gt=now).values("session_key")
    rows = OpenSession.objects.filter(user=user_id, key__in=living).order_by("-seen_at")[:50]
    lines = [SessionLine(one, browser(one.agent), one.key == key) for one in rows]
    return sorted(lines, key=lambda line: not line.here)


def browser(agent: str) -> str:
    """What a browser says of itself, in words: “Firefox on Linux”."""
    program = next((name for mark, name in _PROGRAMS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    if program and system:
        return f"{program} on {system}"
    return program or system or agent.partition("/")[0].strip()[:40] or "Unknown browser"


def token_get(user_id: int, token_id: int) -> ApiToken | None:
    return ApiToken.objects.filter(owner=user_id, pk=token_id).first()

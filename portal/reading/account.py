"""What an account has: teams with roles, and tokens with their state. Only ever one's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from governance.models import ApiToken
from idp.catalog.models import Membership


def memberships_of(user_id: int) -> list[Membership]:
    return list(Membership.objects.filter(user=user_id).select_related("team").order_by("team__name"))


@dataclass(frozen=True, slots=True)
class TokenLine:
    token: ApiToken
    state: str
    word: str


def tokens_of(user_id: int, now: datetime) -> list[TokenLine]:
    """Those in force first, then the last twenty that are not."""
    rows = ApiToken.objects.filter(owner=user_id).order_by("-id")
    lines = [_line(token, now) for token in rows[:200]]
    ended = [line for line in lines if line.state != "approved"]
    return [line for line in lines if line.state == "approved"] + ended[:20]


def _line(token: ApiToken, now: datetime) -> TokenLine:
    if token.revoked_at is not None:
        return TokenLine(token, "cancelled", "Revoked")
    if token.expires_at is not None and token.expires_at <= now:
        return TokenLine(token, "expired", "Expired")
    return TokenLine(token, "approved", "In force")


def token_get(user_id: int, token_id: int) -> ApiToken | None:
    return ApiToken.objects.filter(owner=user_id, pk=token_id).first()

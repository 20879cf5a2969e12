"""Service accounts of a team as their page shows them: what each may do in the team, and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from governance.models import ApiToken
from governance.services.service_accounts import belongs_to_git
from idp.catalog.models import Membership, Team, User
from portal.reading.account import TokenLine, token_line

MOST: Final = 100
MOST_ENDED: Final = 5


@dataclass(frozen=True, slots=True)
class Account:
    """``role`` is its role in the team, empty while it has none. Tokens in force first, then the last that ended.

    ``for_git``: it applies files in Git, and no token is made for it.
    """

    user: User
    role: str
    tokens: list[TokenLine]
    for_git: bool


def accounts_of(team: Team, now: datetime) -> list[Account]:
    """By name. Three queries."""
    users = list(User.objects.filter(service_of=team).order_by("username")[:MOST])
    roles = dict(Membership.objects.filter(team=team, user__in=users).values_list("user_id", "role"))
    tokens: dict[int, list[TokenLine]] = {}
    for token in ApiToken.objects.filter(owner__in=users).order_by("-id")[: MOST * 10]:
        tokens.setdefault(token.owner_id, []).append(token_line(token, now))
    return [Account(one, roles.get(one.pk, ""), _shown(tokens.get(one.pk, [])), belongs_to_git(one)) for one in users]


def _shown(lines: list[TokenLine]) -> list[TokenLine]:
    ended = [line for line in lines if line.state != "approved"]
    return [line for line in lines if line.state == "approved"] + ended[:MOST_ENDED]

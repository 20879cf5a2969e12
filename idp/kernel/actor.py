"""Who asks. Every service takes an Actor first; a face makes it from a session or a token.

Knows no model: ``user_id`` is the primary key of the account, None for the platform itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Via = Literal["portal", "api", "cli", "slack", "git", "mcp", "scim", "demo", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person, a team's service account or the platform, as it came in.

    ``scopes`` is None for a session (all that the person may), else what the token was given:
    ``read``, ``change``, ``approve``, ``admin``. ``systems`` narrows a token to names of systems, empty
    for all. ``holder_id`` is who was shown the token, when that is known. ``request_id`` ties rows, log
    lines and answers of one request together. ``address`` is where the request came from, as far as it is
    known; ``behalf`` names whom the platform, or a team's service account, acts for. ``agent`` is the name of the
    account that came in with a token and acts for this person: the rights are the person's, and both are told.
    ``withheld`` are scopes that its token has only for a person, where it names none.
    """

    user_id: int | None
    username: str
    via: Via = "system"
    scopes: frozenset[str] | None = None
    systems: frozenset[str] = frozenset()
    token_id: int | None = None
    holder_id: int | None = None
    request_id: str = ""
    address: str = ""
    behalf: str = ""
    agent: str = ""
    agent_id: int | None = None
    withheld: frozenset[str] = frozenset()

    @property
    def is_platform(self) -> bool:
        return self.user_id is None and self.via in ("system", "demo")

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and not self.is_platform

    def has_scope(self, scope: str) -> bool:
        """Whether this way of coming in allows ``scope`` at all; a person's roles are asked elsewhere."""
        return self.scopes is None or scope in self.scopes


PLATFORM = Actor(user_id=None, username="slipway", via="system")


def platform_for(whom: str) -> Actor:
    """The platform, doing what ``whom`` (a user's name, or ``team <slug>``) began or is to answer for."""
    return replace(PLATFORM, behalf=whom)

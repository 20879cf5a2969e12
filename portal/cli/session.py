"""Which installation and identity a command works with: options, then the environment, then the file of contexts.

A token is only ever sent to the address it was made for: with ``SLIPWAY_URL`` naming another address, a context's token
stays where it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer

from .client import Client, base_url
from .contexts import Context, Contexts, contexts_file, contexts_read
from .exits import DENIED, USAGE, Fault


@dataclass
class Session:
    """Made once for a call; ``context`` and ``url`` are what was typed."""

    context: str = ""
    url: str = ""

    @cached_property
    def file(self) -> Path:
        return contexts_file()

    @cached_property
    def contexts(self) -> Contexts:
        return contexts_read(self.file)

    @cached_property
    def chosen(self) -> Context:
        """The installation and the token for it, which may be empty; Fault when nothing says which installation."""
        named = self.named
        wanted = self.url or os.environ.get("SLIPWAY_URL", "")
        token = os.environ.get("SLIPWAY_TOKEN", "").strip()
        if wanted:
            url = base_url(wanted)
            same = [one for one in ([named] if named else []) + list(self.contexts.named.values()) if one.url == url]
            return Context(url, token or next((one.token for one in same if one.token), ""))
        if named is None:
            raise Fault(
                "No installation is chosen.",
                remedy="Run slipway login --url https://slipway.example, or set SLIPWAY_URL and SLIPWAY_TOKEN.",
                exit_code=USAGE,
            )
        return Context(named.url, token or named.token, named.username, named.expires_at)

    @cached_property
    def named(self) -> Context | None:
        """The context by its name, or the current one; None when there is none. Fault for a name that is not there."""
        name = self.context or os.environ.get("SLIPWAY_CONTEXT", "")
        if name and name not in self.contexts.named:
            known = ", ".join(self.contexts.named) or "none yet"
            raise Fault(f"There is no context “{name}”.", remedy=f"Those there are: {known}.", exit_code=USAGE)
        return self.contexts.named.get(name or self.contexts.current)

    @cached_property
    def client(self) -> Client:
        """With an identity; Fault when there is none."""
        if not self.chosen.token:
            raise Fault(
                f"You are not signed in to {self.chosen.url}.",
                remedy="Run slipway login, or set SLIPWAY_TOKEN.",
                exit_code=DENIED,
            )
        return Client(self.chosen.url, self.chosen.token)


def session_of(ctx: typer.Context) -> Session:
    found = ctx.find_root().obj
    return found if isinstance(found, Session) else Session()


def client_of(ctx: typer.Context) -> Client:
    return session_of(ctx).client

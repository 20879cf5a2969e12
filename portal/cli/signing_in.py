"""``login``, ``logout``, ``whoami`` and ``contexts``: who one is, and at which installation."""

from __future__ import annotations

import socket
import sys
import time
import webbrowser
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import typer

from .client import Client, base_url
from .contexts import Context, contexts_write
from .exits import DENIED, USAGE, Fault
from .output import Form, Output, data, facts, moment, say, show, table
from .session import Session, client_of, session_of

SCOPES: Final = ("read", "change", "approve", "admin")
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
Url = Annotated[str, typer.Option("--url", help="Address of the installation, such as https://slipway.example.")]
Name = Annotated[str, typer.Option("--name", help="What to call this context; the host if left out.")]


def login(
    ctx: typer.Context,
    url: Url = "",
    name: Name = "",
    token: Annotated[bool, typer.Option("--token", help="Read a token from standard input, ask no browser.")] = False,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="What to ask for.", show_default="read, change")
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the browser; without it the address is only shown.")] = True,
) -> None:
    """Sign in to an installation, in the browser or with a token, and make it the current context."""
    session = session_of(ctx)
    wanted = url or session.url
    address = base_url(wanted) if wanted else session.chosen.url
    if urlsplit(address).scheme == "http" and urlsplit(address).hostname not in LOOPBACK:
        say(f"Warning: {address} is not encrypted; whoever is between reads the token.", style="yellow")
    given = _typed_token() if token else _token_of_browser(address, scope or ["read", "change"], opens=browser)
    client = Client(address, given["token"])
    me = client.get("me")
    context = Context(address, given["token"], me["username"], given.get("expires_at", ""))
    known = name or session.context or _name_for(session, address)
    session.contexts.named[known] = context
    session.contexts.current = known
    contexts_write(session.file, session.contexts)
    say(f"Signed in to {address} as {me['username']} ({_may(me)}), context {known}.", style="green")


def logout(ctx: typer.Context) -> None:
    """End the token of the current context and forget it."""
    session = session_of(ctx)
    name = session.context or session.contexts.current
    context = session.named
    if context is None or not context.token:
        raise Fault("No context is signed in.", exit_code=USAGE)
    try:
        Client(context.url, context.token).post("login/end/")
    except Fault as fault:
        if fault.status != 401:
            raise
    session.contexts.named[name] = Context(context.url)
    contexts_write(session.file, session.contexts)
    say(f"Signed out of {context.url}; the token is ended and forgotten.")


def whoami(ctx: typer.Context, output: Output = Form.table) -> None:
    """Who this token is, and what it may."""
    client = client_of(ctx)
    me = client.get("me")
    if output is not Form.table:
        data({"url": client.url, **me}, output)
        return
    roles = ["platform admin"] * me["is_admin"] + ["auditor"] * me["is_auditor"]
    facts(
        [
            ("Installation", client.url),
            ("Account", me["username"]),
            ("Token may", _may(me)),
            ("Only in", me["systems"]),
            ("Is", roles),
            ("Groups", me["groups"]),
            ("Token ends", moment(session_of(ctx).chosen.expires_at)),
            ("Waiting on you", me["waiting_on_me"] or None),
        ]
    )
    if me["teams"]:
        show("")
        table(("TEAM", "ROLE", "MAY"), [(one["slug"], one["role"], one["may"]) for one in me["teams"]])


contexts = typer.Typer(no_args_is_help=True, help="Several installations: list, choose and forget them.")


@contexts.command("list")
def contexts_list(ctx: typer.Context, output: Output = Form.table) -> None:
    """The installations that are known here; tokens are not shown."""
    kept = session_of(ctx).contexts
    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "current": name == kept.current,
            "url": one.url,
            "username": one.username,
            "signed_in": bool(one.token),
            "expires_at": one.expires_at or None,
        }
        for name, one in kept.named.items()
    ]
    if output is not Form.table:
        data(rows, output)
        return
    table(
        ("", "NAME", "INSTALLATION", "ACCOUNT", "ENDS"),
        [
            (_mark(one), one["name"], one["url"], _who(one), moment(kept.named[str(one["name"])].expires_at))
            for one in rows
        ],
        none="There are none yet: slipway login --url https://slipway.example makes one.",
    )


@contexts.command("use")
def contexts_use(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Name of a context.")]) -> None:
    """Make a context the current one."""
    session = _with(ctx, name)
    session.contexts.current = name
    contexts_write(session.file, session.contexts)
    say(f"{name} is the current context: {session.contexts.named[name].url}")


@contexts.command("remove")
def contexts_remove(ctx: typer.Context, name: Annotated[str, typer.Argument(help="Name of a context.")]) -> None:
    """Forget a context. Its token goes on until it ends; slipway logout ends it at once."""
    session = _with(ctx, name)
    del session.contexts.named[name]
    if session.contexts.current == name:
        session.contexts.current = next(iter(session.contexts.named), "")
    contexts_write(session.file, session.contexts)
    say(f"{name} is forgotten.")


def _with(ctx: typer.Context, name: str) -> Session:
    session = session_of(ctx)
    if name not in session.contexts.named:
        known = ", ".join(session.contexts.named) or "none yet"
        raise Fault(f"There is no context “{name}”.", remedy=f"Those there are: {known}.", exit_code=USAGE)
    return session


def _typed_token() -> dict[str, str]:
    if sys.stdin.isatty():
        say("Paste the token and press Enter; make one on your account page.")
    token = sys.stdin.readline().strip()
    if not token.startswith("slw_"):
        raise Fault("That is no token of Slipway: they begin with slw_.", exit_code=USAGE)
    return {"token": token}


def _token_of_browser(address: str, scopes: list[str], *, opens: bool) -> dict[str, str]:
    """The way of RFC 8628: a short code here and in the browser, until somebody answers there."""
    unknown = [one for one in scopes if one not in SCOPES]
    if unknown:
        raise Fault(f"There is no scope “{unknown[0]}”.", remedy=f"Use {', '.join(SCOPES)}.", exit_code=USAGE)
    client = Client(address)
    begun = client.post("login/", {"client": socket.gethostname()[:60] or "a command line", "scopes": scopes})
    page = f"{address}{begun['page_with_code']}"
    say(f"Open {page}")
    say(f"and allow the code {begun['code']}.", style="bold")
    if opens and sys.stderr.isatty():
        webbrowser.open(page)
    return _polled(client, begun)


def _polled(client: Client, begun: Mapping[str, Any]) -> dict[str, str]:
    ends = datetime.fromisoformat(begun["expires_at"].replace("Z", "+00:00"))
    while datetime.now(UTC) < ends:
        answer: dict[str, str] = client.post("login/token/", {"device_code": begun["device_code"]})
        if "token" in answer:
            return answer
        time.sleep(begun["interval"])
    raise Fault("Nobody answered within ten minutes.", remedy="Run slipway login again.", exit_code=DENIED)


def _name_for(session: Session, address: str) -> str:
    """The context of that address, else one named after its host."""
    same = (name for name, one in session.contexts.named.items() if one.url == address)
    return next(same, urlsplit(address).netloc)


def _may(me: Mapping[str, Any]) -> str:
    return ", ".join(me["scopes"]) if me["scopes"] is not None else "all that you may"


def _mark(row: Mapping[str, Any]) -> str:
    return "*" if row["current"] else ""


def _who(row: Mapping[str, Any]) -> str:
    return str(row["username"] or "") if row["signed_in"] else "not signed in"

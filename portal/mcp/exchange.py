"""Drives the SDK, which knows ASGI only, for one request of a WSGI thread.

The event loop lives as long as the exchange. What tools do is done back on the calling thread, on its own connection to
the database, so that no other thread ever opens one.
"""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any, Final

import anyio
from asgiref.sync import async_to_sync
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from idp.kernel.errors import Transient
from portal.mcp.server import CALL, SERVER
from portal.mcp.session import Call

LONGEST: Final = 45.0
# Of every exchange the SDK tells that it began and ended, which our own log tells already.
logging.getLogger("mcp").setLevel(logging.WARNING)
Answer = tuple[int, dict[str, str], bytes]


def exchange(headers: list[tuple[bytes, bytes]], body: bytes, call: Call) -> Answer:
    """Status, headers and body of the answer to one POST; Transient when it took longer than ``LONGEST`` seconds."""
    answer: Answer = async_to_sync(_exchange)(headers, body, call)
    return answer


async def _exchange(headers: list[tuple[bytes, bytes]], body: bytes, call: Call) -> Answer:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/mcp",
        "raw_path": b"/mcp",
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        CALL: call,
    }
    sent: list[MutableMapping[str, Any]] = []
    asked = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        if asked:
            return asked.pop()
        await anyio.sleep_forever()
        raise AssertionError("it sleeps for ever")

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    manager = StreamableHTTPSessionManager(app=SERVER, json_response=True, stateless=True)
    with anyio.move_on_after(LONGEST) as waited:
        async with manager.run():
            await manager.handle_request(scope, receive, send)
    if waited.cancelled_caught or not sent:
        raise Transient("The answer took too long.", code="too-slow", remedy="Ask for less at a time, and try again.")
    return _answer(sent)


def _answer(sent: list[MutableMapping[str, Any]]) -> Answer:
    start = next(one for one in sent if one["type"] == "http.response.start")
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start.get("headers", ())}
    body = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return start["status"], headers, body

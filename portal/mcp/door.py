"""``/mcp``: who comes in, how often and with how much; what they then say is the protocol's business.

Each request stands by itself: it brings its agent's token, gets one JSON answer, and leaves neither thread nor event
loop behind. A browser's session opens nothing here, so there is nothing that a foreign page could make use of; an
``Origin`` that is not this portal's is refused all the same, which ends DNS rebinding.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from idp.kernel import clock
from idp.kernel.errors import Forbidden, NotSignedIn, RateLimited, SlipwayError, TooLarge, UserFault
from portal.mcp.session import Call, begins, client_of
from portal.origin import origin_of
from portal.problems import problem_of, status_of
from provisioning.services.agent_sessions import agent_session_begin, agent_session_of
from provisioning.services.agents import AgentCaller, agent_authenticate

log = structlog.get_logger(__name__)

MOST_BYTES: Final = 512_000
MOST_A_MINUTE: Final = 240
SESSION: Final = "Mcp-Session-Id"
CHALLENGE: Final = 'Bearer realm="slipway-agents"'


@csrf_exempt
def mcp(request: HttpRequest) -> HttpResponse:
    """One exchange of the protocol. GET and DELETE are 405: nothing is streamed, and sessions end by themselves."""
    try:
        response = _answered(request)
    except SlipwayError as error:
        response = _problem(request, error)
    response["Cache-Control"] = "no-store"
    return response


def _answered(request: HttpRequest) -> HttpResponse:
    _require_own_origin(request)
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    caller = _caller(request)
    request.actor = caller.actor  # type: ignore[attr-defined]  # whose refusal it is, where one is noted
    _require_room(caller)
    message = _message(request)
    known: dict[str, Any] = {
        "client": client_of(message, request.headers.get("User-Agent", "")),
        "now": clock.now(),
    }
    if begins(message):
        session = agent_session_begin(caller, **known)
    else:
        session = agent_session_of(caller, key=request.headers.get(SESSION, "")[:64], **known)
    call = Call(caller, session, getattr(request, "request_id", ""))
    # The SDK takes most of a second to import, which only those processes spend that agents call.
    status, headers, body = import_module("portal.mcp.exchange").exchange(_headers(request), request.body, call)
    response = HttpResponse(body, status=status, content_type=headers.get("content-type", "application/json"))
    if begins(message) and status == 200:
        response[SESSION] = session.key
    return response


def _require_own_origin(request: HttpRequest) -> None:
    origin = request.headers.get("Origin")
    if origin is None:
        return
    own = {urlsplit(settings.BASE_URL).netloc, request.get_host()}
    if urlsplit(origin).netloc not in own or urlsplit(origin).scheme not in ("http", "https"):
        raise Forbidden(
            "This request comes from another site.", code="foreign-origin", remedy="Call it from a program, not a page."
        )


def _caller(request: HttpRequest) -> AgentCaller:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise NotSignedIn(
            "Nobody is named. Send the token of an agent as “Authorization: Bearer slw_…”.",
            remedy="Make an agent in the portal, under Agents.",
        )
    known = {"request_id": getattr(request, "request_id", ""), "address": origin_of(request)}
    return agent_authenticate(credentials.strip(), clock.now(), **known)


def _require_room(caller: AgentCaller) -> None:
    """So many requests a minute of the clock for each agent; with several processes each may count for itself."""
    key = f"mcp:{caller.agent.pk}:{clock.now():%H%M}"
    cache.add(key, 0, 120)
    if cache.incr(key) > MOST_A_MINUTE:
        raise RateLimited(
            f"The agent {caller.agent.name} calls more than {MOST_A_MINUTE} times a minute.",
            remedy="Wait a minute, and ask for more at a time.",
        )


def _message(request: HttpRequest) -> Mapping[str, Any]:
    """What was sent, as far as the session needs it; what is wrong with it the protocol says."""
    if not request.content_type == "application/json":
        raise UserFault("Send JSON: “Content-Type: application/json”.", code="bad-request")
    if len(request.body) > MOST_BYTES:
        raise TooLarge(f"The request is larger than {MOST_BYTES:,} bytes.", remedy="Ask for less at a time.")
    if b"\\u0000" in request.body or b"\0" in request.body:
        raise UserFault("The request holds a NUL, which no text has.", code="bad-request")
    try:
        message = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _headers(request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Those that the protocol reads; never the token, nor a cookie."""
    kept = {name.lower(): value for name, value in request.headers.items()}
    kept.setdefault("accept", "application/json, text/event-stream")
    return [
        (name.encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in kept.items()
        if name in ("accept", "content-type", "content-length", "host") or name.startswith("mcp-")
    ]


def _problem(request: HttpRequest, error: SlipwayError) -> HttpResponse:
    status = status_of(error)
    request.refusal = error  # type: ignore[attr-defined]  # read by the middleware that notes refusals
    request_id = getattr(request, "request_id", "")
    response = JsonResponse(problem_of(error, request_id), status=status, content_type="application/problem+json")
    if status == 401:
        response["WWW-Authenticate"] = CHALLENGE
    if status in (429, 503):
        response["Retry-After"] = str(int(getattr(error, "delay", 60)))
    return response

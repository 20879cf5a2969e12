"""``Idempotency-Key``: a POST that is sent twice is done once, and answered alike.

The key belongs to one principal, one method and one address, for 24 hours. Answers of 4xx are kept as well; a
5xx is not, so that the same key may try again. The record itself is ``governance.services.idempotency``'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from django.http import HttpResponse
from rest_framework.request import Request

from governance.services import idempotency
from idp.kernel import clock
from portal.api.authentication import actor_of
from portal.api.faults import BadRequest
from portal.api.problems import answer_problem, http_status, translate

_KEY = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,160})"|([\x21\x23-\x7e]{1,160})')
KEPT_HEADERS = ("Content-Type", "Location", "ETag", "Deprecation", "Sunset", "Link")


def once(request: Request, raw: bytes, act: Callable[[], HttpResponse]) -> HttpResponse:
    """``act()``, or the answer it gave to the same key before."""
    key = key_of(request)
    if key is None or request.method != "POST":
        return act()
    principal = _principal(request)
    replay = idempotency.begin(principal, key, fingerprint(request, raw), now=clock.now())
    if replay is not None:
        return _again(replay)
    try:
        response = _answered(request, act)
    except BaseException:
        idempotency.abandon(principal, key)
        raise
    if response.status_code >= 500:
        idempotency.abandon(principal, key)
    else:
        headers = {name: response[name] for name in KEPT_HEADERS if name in response}
        body = response.content.decode()
        idempotency.finish(principal, key, status=response.status_code, headers=headers, body=body)
    return response


def key_of(request: Request) -> str | None:
    """The key, quoted (as the draft has it) or bare; None when there is none."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    match = _KEY.fullmatch(header.strip())
    if match is None:
        raise BadRequest(
            "The Idempotency-Key is not usable.",
            code="bad-idempotency-key",
            remedy="Send 1 to 160 printable ASCII characters, best a UUID in double quotes.",
        )
    return match[1] or match[2]


def fingerprint(request: Request, raw: bytes) -> str:
    """What must be the same for a key to mean the same request: address, query, format and bytes."""
    parts = (request.method or "", request.get_full_path(), request.content_type or "")
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + raw).hexdigest()


def _principal(request: Request) -> str:
    """Account, token and address; the address is hashed, because the column is short.

    A token is told from another of the same account: it may be bound to systems that the other is not.
    """
    actor = actor_of(request)
    route = hashlib.sha256(f"{request.method} {request.path}".encode()).hexdigest()[:32]
    return f"{actor.user_id}:{actor.token_id or ''}:{route}"


def _answered(request: Request, act: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer of ``act``, a fault of the caller included; any other fault is raised."""
    try:
        return act()
    except Exception as fault:  # faults of the caller are answers too, and are kept; all others are raised
        error = translate(fault)
        if error is None or http_status(error) >= 500:
            raise
        return answer_problem(request._request, fault)


def _again(replay: idempotency.Replay) -> HttpResponse:
    response = HttpResponse(replay.body, status=replay.status)
    for name, value in replay.headers.items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response

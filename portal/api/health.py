"""Whether this process lives, may be sent requests, and how it is: ``/livez``, ``/readyz``, ``/metrics``.

Called by load balancers and Prometheus. None of them writes. ``/metrics`` shows figures only, to the machine itself
and to admin tokens.
"""

from __future__ import annotations

import ipaddress
import time
from functools import lru_cache
from threading import Lock

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from governance.access import rights_of
from idp.kernel.errors import SlipwayError
from portal.api.authentication import CHALLENGE, actor_of_bearer
from portal.api.gauges import REGISTRY

BROKER_CHECK_SECONDS = 5.0
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
    "HTTP_VIA",
)

_migrated = False
_broker_lock = Lock()
_broker_seen: tuple[float, str] = (0.0, "")


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    """The process answers. Asks nothing else, so that a database that is away restarts nobody."""
    return HttpResponse("ok\n", content_type="text/plain", headers={"Cache-Control": "no-store"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 while the database is away or not migrated. A broker that is away only delays work: it is said, no more."""
    checks = {"database": _database(), "migrations": "unknown", "broker": _broker()}
    if checks["database"] == "ok":
        checks["migrations"] = _migrations()
    ready = checks["database"] == checks["migrations"] == "ok"
    return JsonResponse(
        {"ready": ready, "checks": checks}, status=200 if ready else 503, headers={"Cache-Control": "no-store"}
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for the loopback address and for a token with the scope admin of a platform admin."""
    if not _from_here(request):
        refusal = _refusal(request)
        if refusal is not None:
            return refusal
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    except DatabaseError:
        return "unreachable"
    return "ok"


def _migrations() -> str:
    """Asked until all are applied, then never again in this process."""
    global _migrated  # noqa: PLW0603 - remembered for the life of the process
    if _migrated:
        return "ok"
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "unreachable"
    _migrated = not missing
    return "ok" if _migrated else f"{len(missing)} not applied"


def _broker() -> str:
    """``embedded`` without Redis; else ``ok`` or ``unreachable``, asked at most every few seconds."""
    global _broker_seen  # noqa: PLW0603 - one answer for all who ask within a few seconds
    if not settings.REDIS_URL:
        return "embedded"
    with _broker_lock:
        asked_at, state = _broker_seen
        if time.monotonic() - asked_at > BROKER_CHECK_SECONDS or not state:
            state = _ping()
            _broker_seen = (time.monotonic(), state)
        return state


def _ping() -> str:
    try:
        _redis().ping()
    except redis.RedisError:
        return "unreachable"
    return "ok"


@lru_cache(maxsize=1)
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)


def _from_here(request: HttpRequest) -> bool:
    """From this machine and not through a proxy on it."""
    if any(name in request.META for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _refusal(request: HttpRequest) -> HttpResponse | None:
    header = request.headers.get("Authorization", "")
    try:
        actor = actor_of_bearer(header) if header else None
    except SlipwayError:
        actor = None
    if actor is None:
        sentence = "Metrics are for this machine, or for an admin's token.\n"
        return HttpResponse(sentence, status=401, content_type="text/plain", headers={"WWW-Authenticate": CHALLENGE})
    if not rights_of(actor).may_administer():
        return HttpResponse("Only platform admins may do this.\n", status=403, content_type="text/plain")
    return None

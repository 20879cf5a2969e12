"""gunicorn: one process, many threads; more processes where there is PostgreSQL and Redis (docs/running.md)."""

from __future__ import annotations

import os

bind = f"{os.environ.get('SLIPWAY_BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("SLIPWAY_WEB_PROCESSES", "1"))
threads = int(os.environ.get("SLIPWAY_WEB_THREADS", "64"))
worker_class = "gthread"
timeout = 60
graceful_timeout = 10
keepalive = 5
accesslog = None
errorlog = "-"
loglevel = os.environ.get("SLIPWAY_SERVER_LOG_LEVEL", "warning")
forwarded_allow_ips = os.environ.get("SLIPWAY_TRUSTED_PROXIES", "127.0.0.1")

_embedded = None


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Start the embedded worker in the process that serves, where settings ask for it."""
    global _embedded
    from django.conf import settings

    if settings.EMBEDDED_WORKER:
        from idp.embedded import EmbeddedWorker

        _embedded = EmbeddedWorker()
        _embedded.start()
    worker.log.warning("Slipway answers on %s", settings.BASE_URL)


def worker_exit(server, worker):  # type: ignore[no-untyped-def]
    if _embedded is not None:
        _embedded.stop()

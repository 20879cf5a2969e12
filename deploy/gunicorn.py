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

_held: list = []


def post_worker_init(worker):  # type: ignore[no-untyped-def]
    """Start the embedded worker and the controllers in the process that serves, where settings ask for it."""
    from django.conf import settings

    from idp.warm_up import warm_up

    warm_up()
    if settings.EMBEDDED_WORKER:
        from idp.embedded import EmbeddedWorker
        from provisioning.reconciler import Controllers

        for embedded in (EmbeddedWorker(), Controllers()):
            embedded.start()
            _held.append(embedded)
    worker.log.warning("Slipway answers on %s", settings.BASE_URL)


def worker_exit(server, worker):  # type: ignore[no-untyped-def]
    for embedded in _held:
        embedded.stop()

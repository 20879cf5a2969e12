"""A worker and the sweep inside the web process, for an installation of one process.

Started by gunicorn's ``post_worker_init`` (deploy/gunicorn.py) and by ``manage.py slipway_worker``. The memory broker
loses its queue with the process, which is fine: the database is the truth and the sweep finds what is due.
"""

from __future__ import annotations

import threading
from typing import Any

import structlog
from celery import signals
from celery.beat import EmbeddedService, Scheduler
from django.conf import settings

from idp.celery import app

log = structlog.get_logger(__name__)


class EmbeddedWorker:
    """One Celery worker with a pool of threads, and one beat thread that keeps its schedule in memory."""

    def __init__(self) -> None:
        self._worker: Any = None
        self._beat: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        signals.setup_logging.connect(_keep_logging, weak=False)
        app.finalize()
        self._worker = app.WorkController(
            pool_cls="threads",
            concurrency=settings.WORKER_THREADS,
            queues="runs,reconcile,notify",
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            hostname="embedded@localhost",
            quiet=True,
        )
        self._thread = threading.Thread(target=self._worker.start, name="slipway-worker", daemon=True)
        self._thread.start()
        self._beat = EmbeddedService(app, thread=True, scheduler_cls=Scheduler, max_interval=1)
        self._beat.daemon = True
        self._beat.start()
        log.info("embedded_worker_started", threads=settings.WORKER_THREADS)

    def stop(self) -> None:
        """Ask both to end; what a step leaves half done is taken up by the next worker."""
        if self._beat is not None:
            self._beat.stop()
        if self._worker is not None:
            self._worker.should_stop = True
            self._worker.stop(in_sighandler=False, exitcode=0)


def _keep_logging(**_: Any) -> None:
    """Celery must not put its own handlers over ours."""

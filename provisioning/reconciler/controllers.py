"""One controller for each registered cluster, in threads of one process."""

from __future__ import annotations

import os
import secrets
import socket
import threading

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from provisioning.models import Cluster
from provisioning.reconciler.controller import ClusterController

log = structlog.get_logger(__name__)

LOOK_EVERY = 10.0
"""Seconds between two looks at which clusters are registered."""


class Controllers:
    """``run`` blocks until ``stop``; ``start`` does the same in a thread."""

    def __init__(self) -> None:
        self._owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._running: dict[int, tuple[ClusterController, threading.Thread]] = {}
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run, name="slipway-controllers", daemon=True)
        self._thread.start()

    def run(self) -> None:
        while not self._stopping.is_set():
            try:
                close_old_connections()
                self._meet(set(Cluster.objects.values_list("pk", flat=True)))
            except DatabaseError as error:
                log.warning("controllers_without_database", error=type(error).__name__)
                connection.close()
            self._stopping.wait(LOOK_EVERY)
        for controller, thread in self._running.values():
            controller.stop()
            thread.join(timeout=5)

    def stop(self) -> None:
        """End all controllers and give their leases back, so that a stand-by takes over at once."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=8)

    def _meet(self, clusters: set[int]) -> None:
        for cluster_id in clusters:
            known = self._running.get(cluster_id)
            if known is None or not known[1].is_alive():
                controller = ClusterController(cluster_id, owner=self._owner)
                thread = threading.Thread(target=controller.run, name=f"slipway-controller-{cluster_id}", daemon=True)
                thread.start()
                self._running[cluster_id] = (controller, thread)
        for cluster_id in set(self._running) - clusters:
            self._running.pop(cluster_id)[0].stop()

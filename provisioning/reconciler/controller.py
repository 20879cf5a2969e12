"""Watches one cluster while it holds the lease on it, and stands by while another one has it.

Runs in a thread of its own, the only one of a cluster that touches the database. Whatever goes wrong in it, the
database away included, ends the term and not the thread.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections, connection

from provisioning.domain.driver import Driver
from provisioning.drivers import open_driver
from provisioning.models import Cluster
from provisioning.reconciler.session import WatchSession
from provisioning.selectors.clusters import driver_settings
from provisioning.services import observations
from provisioning.services.observations import Watching, WatchLost

log = structlog.get_logger(__name__)

STANDBY_LOOK: Final = 2.0


class ClusterController:
    """Run it in a thread of its own; it stands by while another one has the cluster."""

    def __init__(self, cluster_id: int, *, owner: str, driver: Driver | None = None) -> None:
        self._cluster_id = cluster_id
        self._owner = owner
        self._given = driver
        self._stopping = threading.Event()
        self.leading = False

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Until ``stop``, or until the cluster is no longer registered."""
        while not self._stopping.is_set():
            try:
                close_old_connections()
                cluster = Cluster.objects.filter(pk=self._cluster_id).first()
                if cluster is None:
                    return
                watching = observations.watch_claim(cluster, owner=self._owner)
                if watching is None:
                    self._stopping.wait(STANDBY_LOOK)
                    continue
                self._lead(cluster, watching)
            except WatchLost:
                log.warning("watch_lost", cluster=self._cluster_id)
            except DatabaseError as error:
                log.warning("controller_without_database", cluster=self._cluster_id, error=type(error).__name__)
                connection.close()
                self._stopping.wait(STANDBY_LOOK)
            except Exception:  # a fault in one cluster's thread must not end it: it is logged and begun anew
                log.exception("controller_fault", cluster=self._cluster_id)
                self._stopping.wait(STANDBY_LOOK)

    def _lead(self, cluster: Cluster, watching: Watching) -> None:
        driver = self._given or open_driver(cluster.driver, driver_settings(cluster))
        session = WatchSession(cluster, watching, driver)
        self.leading = True
        log.info("watching_cluster", cluster=cluster.name, epoch=watching.epoch)
        try:
            session.start()
            while not self._stopping.is_set() and session.turn():
                session.rest()
        finally:
            self.leading = False
            session.close()
        observations.watch_release(watching)

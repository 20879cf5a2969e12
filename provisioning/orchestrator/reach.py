"""Keeps one open driver per cluster and thread, so that each run need not connect and discover anew."""

from __future__ import annotations

import threading
from typing import Any

from provisioning.domain.driver import Driver
from provisioning.drivers import open_driver
from provisioning.models import Cluster
from provisioning.selectors.clusters import driver_settings

_open = threading.local()


def driver_for(cluster: Cluster) -> Driver:
    """The driver of ``cluster`` for this thread; opened again when the cluster's row changed."""
    held: dict[int, tuple[Any, Driver]] = _open.__dict__.setdefault("drivers", {})
    options = driver_settings(cluster) if cluster.driver == "sandbox" else {}
    mark = (cluster.version, cluster.created_at, *options.values())
    known = held.get(cluster.pk)
    if known is not None and known[0] == mark:
        return known[1]
    driver = open_driver(cluster.driver, driver_settings(cluster))
    held[cluster.pk] = (mark, driver)
    return driver

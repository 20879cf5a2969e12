"""Clusters, and how to reach them. The only reader of a cluster's stored credentials."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from idp.kernel import clock
from idp.kernel.documents import load_yaml
from idp.kernel.errors import NotFound
from idp.kernel.vault import decrypt
from provisioning.domain.plan import Prices
from provisioning.domain.prices import lists_of, price_at
from provisioning.domain.showback import PriceBook
from provisioning.models import Cluster
from provisioning.selectors.offers import sandbox_kinds


def cluster_get(name: str) -> Cluster:
    cluster = Cluster.objects.filter(name=name).first()
    if cluster is None:
        raise NotFound(f"There is no cluster “{name}”.")
    return cluster


def price_book(cluster: Cluster) -> PriceBook:
    """The cluster's prices over time."""
    base = Prices(float(cluster.price_cpu), float(cluster.price_memory_gib), float(cluster.price_storage_gib))
    return PriceBook(base, lists_of(cluster.price_lists) if cluster.price_lists else ())


def prices_of(cluster: Cluster, *, stage: str = "", at: datetime | None = None) -> Prices:
    """What holds at ``stage`` at that moment; now when it is left out."""
    book = price_book(cluster)
    return price_at(book.lists, book.base, stage=stage, at=at or clock.now()) if book.lists else book.base


def driver_settings(cluster: Cluster) -> dict[str, Any]:
    """What ``open_driver`` needs for this cluster; holds a secret: never log, store or show it."""
    if cluster.driver == "sandbox":
        return {
            "path": str(_sandbox_path(cluster)),
            "ready_after": float(settings.SANDBOX_READY_SECONDS),
            "clock": settings.SANDBOX_CLOCK,
            "custom_kinds": sandbox_kinds(),
        }
    return {"kubeconfig": load_yaml(decrypt(cluster.credentials)).data}


def _sandbox_path(cluster: Cluster) -> Path:
    """Each sandbox has a file of its own, beside that of the first."""
    first = Path(settings.SANDBOX_PATH)
    return first.with_name(f"{first.stem}-{cluster.store}{first.suffix}") if cluster.store else first

"""Clusters: where environments live, how full they are, and whether they take new ones. Platform admins change them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api import paths
from portal.api.answers import answer, created, empty, figure, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import administration as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.domain.plan import Footprint
from provisioning.models import Cluster
from provisioning.selectors import clusters as cluster_selectors
from provisioning.selectors.placing import cluster_seen, clusters_seen, health_of, used_of
from provisioning.services import clusters as cluster_services

AREA = "Administration"
ADMINS = "Platform admins only."


class Clusters(Endpoint):
    @operation("clusters_list", "List clusters", area=AREA, answers={200: shapes.CLUSTER_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        used = used_of(Cluster.objects.values_list("pk", flat=True))
        return listing(request, self.query, clusters_seen(), ("name",), lambda one: cluster_row(one, used.get(one.pk)))

    @operation(
        "clusters_register",
        "Register a cluster",
        area=AREA,
        answers={201: shapes.CLUSTER},
        body=shapes.CLUSTER_CREATE,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} The cluster is reached first; nothing is stored when it does not answer.",
    )
    def post(self, request: Request) -> HttpResponse:
        cluster = cluster_services.cluster_register(self.actor, now=clock.now(), **self.sent)
        return created(_told(cluster.name), paths.cluster(cluster.name), version=cluster.version)


class OneCluster(Endpoint):
    @operation("clusters_read", "Read a cluster", area=AREA, answers={200: shapes.CLUSTER}, versioned=True)
    def get(self, request: Request, cluster: str) -> HttpResponse:
        row = cluster_selectors.cluster_get(cluster)
        return versioned(_told(cluster), row.version)

    @operation(
        "clusters_edit",
        "Edit a cluster",
        area=AREA,
        answers={200: shapes.CLUSTER},
        body=shapes.CLUSTER_EDIT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS} A new kubeconfig is tried first.",
    )
    def patch(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_admin()
        require_if_match(request, cluster_selectors.cluster_get(cluster).version)
        row = cluster_services.cluster_update(self.actor, name=cluster, now=clock.now(), **self.sent)
        return versioned(_told(cluster), row.version)


class ClusterCheck(Endpoint):
    @operation(
        "clusters_check",
        "Reach a cluster",
        area=AREA,
        answers={200: shapes.CLUSTER_CHECK},
        body=NOTHING,
        scope="admin",
        about=f"{ADMINS} Uses the stored credentials and changes nothing there.",
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_admin()
        row = cluster_selectors.cluster_get(cluster)
        info = cluster_services.cluster_check(self.actor, row, now=clock.now())
        return answer({"version": info.version, "api_groups": list(info.api_groups)})


class ClusterCordon(Endpoint):
    @operation(
        "clusters_cordon",
        "Let a cluster take no new environment",
        area=AREA,
        answers={200: shapes.CLUSTER},
        body=shapes.CLUSTER_CORDON,
        scope="admin",
        about=f"{ADMINS} What lives there stays and may change.",
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        row = cluster_services.cluster_cordon(
            self.actor, name=cluster, reason=self.sent.get("reason", ""), now=clock.now()
        )
        return versioned(_told(cluster), row.version)


class ClusterUncordon(Endpoint):
    @operation(
        "clusters_uncordon",
        "Let a cluster take new environments again",
        area=AREA,
        answers={200: shapes.CLUSTER},
        body=NOTHING,
        scope="admin",
        about=ADMINS,
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        row = cluster_services.cluster_uncordon(self.actor, name=cluster, now=clock.now())
        return versioned(_told(cluster), row.version)


class ClusterRemove(Endpoint):
    @operation(
        "clusters_remove",
        "Remove a cluster",
        area=AREA,
        answers={204: None},
        body=shapes.CLUSTER_REMOVE,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} Only when no stage names it and nothing lives there; the refusal lists what is in the way. "
        "Its credentials are forgotten; nothing is deleted on the cluster.",
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        cluster_services.cluster_remove(self.actor, name=cluster, confirm=self.sent["confirm"], now=clock.now())
        return empty()


def _told(name: str) -> dict[str, Any]:
    row = cluster_seen(name)
    return cluster_row(row, used_of([row.pk]).get(row.pk))


def cluster_row(cluster: Cluster, used: Footprint | None) -> dict[str, Any]:
    """Needs a row of ``clusters_seen``."""
    health = health_of(cluster)
    return {
        "name": cluster.name,
        "title": cluster.title,
        "driver": cluster.driver,
        "server": cluster.server,
        "kubernetes_version": cluster.kubernetes_version,
        "has_credentials": cluster.has_credentials,  # type: ignore[attr-defined]
        "prices": _amounts(cluster, "price"),
        "currency": settings.CURRENCY,
        "labels": cluster.labels,
        "capacity": _amounts(cluster, "capacity"),
        "used": (used or Footprint()).as_dict(),
        "environments": cluster.lives,  # type: ignore[attr-defined]
        "health": health.state,
        "unreachable_since": moment(health.since),
        "unreachable_why": health.why,
        "cordoned_at": moment(cluster.cordoned_at),
        "cordon_reason": cluster.cordon_reason,
        "reached_at": moment(cluster.reached_at),
        "version": cluster.version,
        "created_at": moment(cluster.created_at),
        "url": paths.cluster(cluster.name),
    }


def _amounts(cluster: Cluster, prefix: str) -> dict[str, Any]:
    held = {key: getattr(cluster, f"{prefix}_{key}") for key in cluster_services.PRICES}
    return {key: None if value is None else figure(value) for key, value in held.items()}

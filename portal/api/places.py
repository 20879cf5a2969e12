"""Stages and clusters: where environments live. Platform admins change them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound
from portal.api import paths
from portal.api.answers import answer, created, figure, listing, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import administration as shapes
from portal.api.shapes.changes import NOTHING
from provisioning.models import Cluster, Stage
from provisioning.selectors import clusters as cluster_selectors
from provisioning.selectors import stages as stage_selectors
from provisioning.services import clusters as cluster_services
from provisioning.services import stages as stage_services

AREA = "Administration"
ADMINS = "Platform admins only."


class Stages(Endpoint):
    @operation("stages_list", "List stages", area=AREA, answers={200: shapes.STAGE_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        return listing(request, self.query, stage_selectors.stage_list(), ("order",), stage_row)

    @operation(
        "stages_create",
        "Make a stage",
        area=AREA,
        answers={201: shapes.STAGE},
        body=shapes.STAGE_CREATE,
        scope="admin",
        problems=(409,),
        about=ADMINS,
    )
    def post(self, request: Request) -> HttpResponse:
        self.rights.require_admin()
        name = self.sent["name"]
        if Stage.objects.filter(name=name).exists():
            raise Conflict(f"There is a stage “{name}” already.", code="exists", remedy="Edit it with PUT instead.")
        stage = stage_services.stage_save(self.actor, now=clock.now(), **_stage_fields(self.sent))
        return created(stage_row(stage), paths.stage(name), version=stage.version)


class OneStage(Endpoint):
    @operation("stages_read", "Read a stage", area=AREA, answers={200: shapes.STAGE}, versioned=True)
    def get(self, request: Request, stage: str) -> HttpResponse:
        row = stage_selectors.stage_get(stage)
        return versioned(stage_row(row), row.version)

    @operation(
        "stages_replace",
        "Edit a stage",
        area=AREA,
        answers={200: shapes.STAGE},
        body=shapes.STAGE_EDIT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=ADMINS,
    )
    def put(self, request: Request, stage: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, stage_selectors.stage_get(stage).version)
        row = stage_services.stage_save(
            self.actor, now=clock.now(), expected_version=expected, **_stage_fields({**self.sent, "name": stage})
        )
        return versioned(stage_row(row), row.version)


class Clusters(Endpoint):
    @operation("clusters_list", "List clusters", area=AREA, answers={200: shapes.CLUSTER_PAGE}, query=PAGED)
    def get(self, request: Request) -> HttpResponse:
        return listing(request, self.query, Cluster.objects.all(), ("name",), cluster_row)

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
        return created(cluster_row(cluster), paths.cluster(cluster.name), version=cluster.version)


class OneCluster(Endpoint):
    @operation("clusters_read", "Read a cluster", area=AREA, answers={200: shapes.CLUSTER}, versioned=True)
    def get(self, request: Request, cluster: str) -> HttpResponse:
        row = cluster_selectors.cluster_get(cluster)
        return versioned(cluster_row(row), row.version)

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
        return versioned(cluster_row(row), row.version)


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


def stage_row(stage: Stage) -> dict[str, Any]:
    """Needs ``cluster`` and ``promotes_from`` joined."""
    return {
        "name": stage.name,
        "title": stage.title,
        "summary": stage.summary,
        "order": stage.order,
        "cluster": stage.cluster.name,
        "promotes_from": stage.promotes_from.name if stage.promotes_from else None,
        "production": stage.production,
        "default_days": stage.default_days,
        "max_days": stage.max_days,
        "soak_minutes": stage.soak_minutes,
        "version": stage.version,
        "created_at": moment(stage.created_at),
        "url": paths.stage(stage.name),
    }


def cluster_row(cluster: Cluster) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "title": cluster.title,
        "driver": cluster.driver,
        "server": cluster.server,
        "kubernetes_version": cluster.kubernetes_version,
        "has_credentials": bool(cluster.credentials),
        "prices": {
            "cpu": figure(cluster.price_cpu),
            "memory_gib": figure(cluster.price_memory_gib),
            "storage_gib": figure(cluster.price_storage_gib),
        },
        "currency": settings.CURRENCY,
        "reached_at": moment(cluster.reached_at),
        "version": cluster.version,
        "created_at": moment(cluster.created_at),
        "url": paths.cluster(cluster.name),
    }


def _stage_fields(sent: dict[str, Any]) -> dict[str, Any]:
    """The body with names replaced by rows; InvalidInput for a name that does not exist."""
    fields = dict(sent)
    fields["cluster"] = _named("cluster", cluster_selectors.cluster_get, sent["cluster"])
    if sent.get("promotes_from") is not None:
        fields["promotes_from"] = _named("promotes_from", stage_selectors.stage_get, sent["promotes_from"])
    return fields


def _named(field: str, get: Any, name: str) -> Any:
    try:
        return get(name)
    except NotFound as error:
        raise InvalidInput(error.message, errors=[FieldError(field, error.message)]) from None

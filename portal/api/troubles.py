"""What is wrong with an environment, asked of its cluster; what hangs and is released; what belongs to none."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api.answers import answer, empty, listing, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import PAGED, Query, operation
from portal.api.shapes import troubles as shapes
from portal.api.shapes.words import text
from provisioning.domain.explanation import Explanation
from provisioning.models import Orphan
from provisioning.selectors.environments import environment_get, unreachable_since
from provisioning.selectors.health import Health, Leaving, environment_health, resource_log
from provisioning.selectors.orphans import orphan_list
from provisioning.services.letting_go import place_let_go
from provisioning.services.orphans import orphan_delete
from provisioning.services.releases import object_release

AREA = "Environments"
ADMINISTRATION = "Administration"


class EnvironmentHealth(Endpoint):
    @operation(
        "environments_health",
        "Ask what is wrong with an environment",
        area=AREA,
        answers={200: shapes.HEALTH},
        about="Asks the cluster now, for a few seconds at most; when it does not answer, `answered` is false.",
    )
    def get(self, request: Request, system: str, name: str) -> HttpResponse:
        row = environment_get(self.rights, system, name)
        health = Health() if row.deleted_at is not None else environment_health(row)
        since = None if row.deleted_at is not None else unreachable_since(row)
        return answer({**health_row(health), "unreachable_since": moment(since)})


class ResourceLog(Endpoint):
    @operation(
        "environments_resource_log",
        "Read the last output of a resource that fails",
        area=AREA,
        answers={200: shapes.LOG},
        scope="change",
        problems=(409, 503),
        about="For those who may ask for changes of the system. Never stored; secrets that can be recognised are "
        "taken out.",
    )
    def get(self, request: Request, system: str, name: str, resource: str) -> HttpResponse:
        row = environment_get(self.rights, system, name)
        log = resource_log(self.rights, row, resource)
        return answer(
            {
                "resource": log.resource,
                "pod": log.pod,
                "container": log.container,
                "text": log.text,
                "hidden": log.hidden,
                "cut": log.cut,
            }
        )


class ObjectRelease(Endpoint):
    @operation(
        "environments_release",
        "Release an object whose deletion hangs",
        area=ADMINISTRATION,
        answers={200: shapes.RELEASED},
        body=shapes.RELEASE,
        scope="admin",
        problems=(409, 503),
        about="Platform admins only, once the deletion has lasted as long as the operator set (30 minutes unless set "
        "otherwise). What its finalizers' controllers would have cleaned up is left undone. Audited.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        self.rights.require_admin()
        row = environment_get(self.rights, system, name)
        told = object_release(self.actor, row, **self.sent, now=clock.now())
        return answer({"gone": told.gone, "finalizers": list(told.finalizers)})


class PlaceLetGo(Endpoint):
    @operation(
        "environments_let_go",
        "Let go of a cluster that an environment cannot leave",
        area=ADMINISTRATION,
        answers={200: shapes.LET_GO_OF},
        body=shapes.LET_GO,
        scope="admin",
        problems=(409,),
        about="Platform admins only, when the cluster that a moved environment is leaving does not answer, and leaving "
        "has been tried as long as the operator set (60 minutes unless set otherwise). What stands there is listed "
        "with the orphans; a run that failed over nothing else goes on. `confirm` is the environment's name. Audited.",
    )
    def post(self, request: Request, system: str, name: str) -> HttpResponse:
        self.rights.require_admin()
        row = environment_get(self.rights, system, name)
        told = place_let_go(self.actor, row, **self.sent, now=clock.now())
        return answer({"cluster": told.cluster, "left": told.left, "resumed": told.resumed})


class Orphans(Endpoint):
    @operation(
        "orphans_list",
        "List objects that no environment knows",
        area=ADMINISTRATION,
        answers={200: shapes.ORPHAN_PAGE},
        query=(Query("cluster", text("Only of this cluster.", most=30)), *PAGED),
        scope="admin",
        about="Platform admins only. Last found first.",
    )
    def get(self, request: Request) -> HttpResponse:
        rows = orphan_list(self.rights, cluster=self.query.get("cluster", ""))
        return listing(request, self.query, rows, ("-id",), orphan_row)


class OrphanDelete(Endpoint):
    @operation(
        "orphans_delete",
        "Delete an orphan from its cluster",
        area=ADMINISTRATION,
        answers={204: None},
        body=shapes.ORPHAN_DELETE,
        scope="admin",
        problems=(409, 503),
        about="Platform admins only; `confirm` is its name. Audited.",
    )
    def post(self, request: Request, orphan_id: int) -> HttpResponse:
        orphan_delete(self.actor, orphan_id, confirm=self.sent["confirm"], now=clock.now())
        return empty()


def health_row(health: Health) -> dict[str, Any]:
    return {
        "answered": not health.unanswered,
        "unanswered": health.unanswered,
        "troubles": [
            {"resource": one.resource, "object": one.object, "explanation": explanation_row(one.explanation)}
            for one in health.troubles
        ],
        "leaving": [_leaving_row(one) for one in health.leaving],
        "namespace": None if health.namespace is None else explanation_row(health.namespace),
    }


def explanation_row(found: Explanation) -> dict[str, Any]:
    return {
        "code": found.code,
        "sentence": found.sentence,
        "meaning": found.meaning,
        "advice": list(found.advice),
        "pod": found.pod,
        "container": found.container,
        "has_log": found.has_log,
    }


def _leaving_row(one: Leaving) -> dict[str, Any]:
    held = one.held
    return {
        "resource": one.resource,
        "api_version": held.ref.api_version,
        "kind": held.ref.kind,
        "name": held.ref.name,
        "since": moment(held.since),
        "releasable": held.releasable,
        "holders": [
            {"finalizer": each.finalizer, "controller": each.controller, "sentence": each.sentence}
            for each in held.holders
        ],
    }


def orphan_row(orphan: Orphan) -> dict[str, Any]:
    """Needs ``cluster`` joined."""
    return {
        "id": orphan.pk,
        "cluster": orphan.cluster.name,
        "api_version": orphan.api_version,
        "kind": orphan.kind,
        "namespace": orphan.namespace,
        "name": orphan.name,
        "system": orphan.system,
        "environment": orphan.environment,
        "reason": orphan.reason,
        "first_seen_at": moment(orphan.first_seen_at),
    }

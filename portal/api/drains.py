"""Draining clusters: begun and steered by platform admins; others read of it what they may see."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from idp.kernel.errors import NotFound
from portal.api import paths
from portal.api.answers import created, moment, versioned
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.preconditions import require_if_match
from portal.api.shapes import administration as shapes
from provisioning.models import Drain
from provisioning.selectors.clusters import cluster_get
from provisioning.services import drains as services

AREA = "Administration"
ADMINS = "Platform admins only."
LISTED = 500


class ClusterDrain(Endpoint):
    @operation("clusters_drain_read", "Read how far a drain is", area=AREA, answers={200: shapes.DRAIN}, versioned=True)
    def get(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_scope("read")
        drain = _newest(cluster)
        return versioned(self._row(drain), drain.version)

    @operation(
        "clusters_drain",
        "Drain a cordoned cluster",
        area=AREA,
        answers={201: shapes.DRAIN},
        body=shapes.DRAIN_START,
        scope="admin",
        problems=(409,),
        about=f"{ADMINS} Moves what lives there elsewhere, in waves of ordinary changes. What has data is held for its "
        "team. A move that fails or is refused pauses it.",
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        drain = services.drain_start(self.actor, cluster=cluster, now=clock.now(), **self.sent)
        return created(self._row(drain), f"{paths.cluster(cluster)}drain/", version=drain.version)

    @operation(
        "clusters_drain_steer",
        "Pause, resume or end a drain",
        area=AREA,
        answers={200: shapes.DRAIN},
        body=shapes.DRAIN_ACT,
        scope="admin",
        versioned=True,
        problems=(409,),
        about=f"{ADMINS} Pausing begins no further wave; resuming asks again for what failed or was held.",
    )
    def patch(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_admin()
        expected = require_if_match(request, _newest(cluster).version)
        drain = services.drain_act(
            self.actor, cluster=cluster, act=self.sent["act"], expected_version=expected, now=clock.now()
        )
        return versioned(self._row(drain), drain.version)

    def _row(self, drain: Drain) -> dict[str, Any]:
        """What the person may see of it; a token that may steer it need not be one that reads."""
        states = list(drain.items.values_list("state", flat=True))
        rows = drain.items.select_related("environment__system", "environment__cluster")
        rows = rows.defer("environment__cluster__credentials").filter(self.rights.sees("environment__system"))
        return {
            "cluster": drain.cluster.name,
            "state": drain.state,
            "state_reason": drain.state_reason,
            "reason": drain.reason,
            "at_once": drain.at_once,
            "counts": {state: states.count(state) for state in sorted(set(states))},
            "items": [
                {
                    "system": one.environment.system.slug,
                    "environment": one.environment.name,
                    "state": one.state,
                    "wave": one.wave,
                    "cluster": one.environment.cluster.name,
                    "change": one.change_id,
                    "told": one.told,
                }
                for one in rows.order_by("state", "wave", "pk")[:LISTED]
            ],
            "started_at": moment(drain.started_at),
            "finished_at": moment(drain.finished_at),
            "version": drain.version,
        }


def _newest(cluster: str) -> Drain:
    """The open drain of a cluster, or else its last; NotFound where there was none."""
    drain = Drain.objects.select_related("cluster").filter(cluster=cluster_get(cluster)).first()
    if drain is None:
        raise NotFound(f"{cluster} has never been drained.")
    return drain

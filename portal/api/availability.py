"""What clusters have, and where a contract can be had: asked before anybody fills a form."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from idp.kernel import clock
from portal.api.answers import answer, moment
from portal.api.endpoint import Endpoint
from portal.api.operation import operation
from portal.api.shapes import availability as shapes
from provisioning.models import Cluster, ClusterOffer
from provisioning.selectors.availability import StageAvailability, availability_of
from provisioning.selectors.capabilities import contract_get, parsed
from provisioning.selectors.clusters import cluster_get
from provisioning.selectors.offers import offer_of
from provisioning.services.cluster_offers import features_declare


class Availability(Endpoint):
    @operation(
        "contracts_availability",
        "Where a contract can be had",
        area="Capabilities",
        answers={200: shapes.CONTRACT_AVAILABILITY},
        about="For each stage whether its cluster has what the version requires, and if not, why and what to do.",
    )
    def get(self, request: Request, capability: str, version: str) -> HttpResponse:
        requires = parsed(contract_get(capability, version)).requires
        return answer(
            {
                "capability": capability,
                "version": version,
                "requires": {
                    "apis": list(requires.apis),
                    "features": list(requires.features),
                    "kubernetes": requires.kubernetes,
                },
                "stages": [availability_row(one) for one in availability_of(capability, version)],
            }
        )


class Offer(Endpoint):
    @operation("clusters_offer", "Read what a cluster has", area="Administration", answers={200: shapes.CLUSTER_OFFER})
    def get(self, request: Request, cluster: str) -> HttpResponse:
        return answer(offer_row(cluster_get(cluster)))

    @operation(
        "clusters_declare",
        "Say which features a cluster has",
        area="Administration",
        answers={200: shapes.CLUSTER_OFFER},
        body=shapes.FEATURES_DECLARED,
        scope="admin",
        about="Platform admins only. For what looking cannot tell; contracts may require it.",
    )
    def post(self, request: Request, cluster: str) -> HttpResponse:
        self.rights.require_admin()
        row = cluster_get(cluster)
        features_declare(self.actor, row, features=self.sent["features"], now=clock.now())
        return answer(offer_row(row))


def availability_row(one: StageAvailability) -> dict[str, Any]:
    return {
        "stage": one.stage,
        "cluster": one.cluster,
        "available": one.available,
        "reason": one.reason,
        "remedy": one.remedy,
        "leads_to": one.leads_to or None,
        "seen_at": moment(one.seen_at),
    }


def offer_row(cluster: Cluster) -> dict[str, Any]:
    offer = offer_of(cluster)
    row = ClusterOffer.objects.filter(cluster=cluster).first()
    return {
        "cluster": cluster.name,
        "known": offer.known,
        "apis": sorted(offer.apis),
        "features": sorted(offer.features),
        "declared": row.declared if row else [],
        "seen_at": moment(offer.seen_at),
        "problem": row.problem if row else "",
        "tried_at": moment(row.tried_at if row else None),
    }

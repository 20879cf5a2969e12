"""Looking at what clusters have: when one is registered or checked, and every few minutes from a worker.

What was seen stays when a later look fails, with why it failed and when, because a cluster that does not answer has not
lost what it had.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import structlog
from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, InvalidInput, SlipwayError
from provisioning.domain.availability import features_of
from provisioning.domain.document_schemas import FEATURE_PATTERN
from provisioning.domain.driver import ClusterInfo, DriverError
from provisioning.drivers import open_driver
from provisioning.models import Cluster, ClusterOffer
from provisioning.selectors.clusters import driver_settings
from provisioning.services.definitions import definitions_look

MOST_FEATURES = 50
log = structlog.get_logger(__name__)


def offer_store(cluster: Cluster, info: ClusterInfo, *, now: datetime) -> ClusterOffer:
    """Keep what a look found. Called by whoever has just reached the cluster, in its transaction where there is one."""
    Cluster.objects.filter(pk=cluster.pk).update(reached_at=now, kubernetes_version=info.version[:40])
    fields = {
        "apis": sorted(info.custom_kinds),
        "features": sorted(features_of(info.api_groups)),
        "seen_at": now,
        "tried_at": now,
        "problem": "",
    }
    return ClusterOffer.objects.update_or_create(cluster=cluster, defaults=fields)[0]


def clusters_look(*, now: datetime) -> int:
    """Look at every cluster anew, one after the other, outside of transactions; answers how many were reached."""
    reached = 0
    for cluster in Cluster.objects.order_by("pk"):
        try:
            driver = open_driver(cluster.driver, driver_settings(cluster))
            info = driver.probe()
        except (DriverError, SlipwayError) as error:
            _failed(cluster, error.message, now=now)
        else:
            offer_store(cluster, info, now=now)
            definitions_look(cluster, driver, info.custom_kinds, now=now)
            reached += 1
    return reached


def _failed(cluster: Cluster, message: str, *, now: datetime) -> None:
    log.warning("cluster.look_failed", cluster=cluster.name, reason=message)
    ClusterOffer.objects.update_or_create(cluster=cluster, defaults={"problem": message[:400], "tried_at": now})


@transaction.atomic
def features_declare(actor: Actor, cluster: Cluster, *, features: Sequence[str], now: datetime) -> ClusterOffer:
    """Say which features the cluster has that looking cannot tell; replaces what was said before. Admins only.

    A sandbox has every feature that Slipway knows and no other.
    """
    rights_of(actor).require_admin()
    if cluster.driver == "sandbox":
        message = "A sandbox pretends to have what the built-in contracts need; nothing is added to it."
        raise InvalidInput("The features were not stored.", errors=[FieldError("features", message)])
    named = sorted(set(features))
    wrong = [one for one in named if not re.fullmatch(FEATURE_PATTERN, one)]
    if wrong or len(named) > MOST_FEATURES:
        message = (
            f"“{wrong[0][:40]}” is no name of a feature: write lower-case letters, digits and dashes, 40 at most."
            if wrong
            else f"Name at most {MOST_FEATURES} features."
        )
        raise InvalidInput("The features were not stored.", errors=[FieldError("features", message)])
    before = ClusterOffer.objects.select_for_update().filter(cluster=cluster).values_list("declared", flat=True).first()
    offer = ClusterOffer.objects.update_or_create(cluster=cluster, defaults={"declared": named})[0]
    audit_append(
        actor,
        action="cluster.features",
        object_type="cluster",
        object_id=str(cluster.pk),
        object_label=cluster.name,
        data={"before": {"features": before or []}, "after": {"features": named}},
        now=now,
    )
    return offer

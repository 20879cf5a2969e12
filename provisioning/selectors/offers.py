"""What clusters have, as far as it was seen, for whoever asks whether a contract can be had there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from django.conf import settings

from provisioning.domain.availability import FEATURES, Offer
from provisioning.domain.custom_kinds import known_custom_kinds
from provisioning.models import Cluster, ClusterOffer


def sandbox_kinds() -> tuple[str, ...]:
    """The custom kinds that sandbox clusters serve: all that come along, unless the settings name fewer."""
    named = settings.SANDBOX_CUSTOM_KINDS
    return tuple(known_custom_kinds()) if named is None else tuple(key for key in known_custom_kinds() if key in named)


def offers_of(clusters: Iterable[Cluster]) -> dict[int, Offer]:
    """What each cluster has, by its key; one query, none for sandboxes: of them the settings are the truth."""
    wanted = {one.pk: one for one in clusters}
    looked_at = [key for key, one in wanted.items() if one.driver != "sandbox"]
    rows = ClusterOffer.objects.filter(cluster__in=looked_at).order_by() if looked_at else ()
    found = {one.cluster_id: one for one in rows}
    return {key: _offer(one, found.get(key)) for key, one in wanted.items()}


def offer_of(cluster: Cluster) -> Offer:
    return offers_of([cluster])[cluster.pk]


def joined_offer(cluster: Cluster) -> Offer:
    """What the cluster has; no query when its row was read with ``offer`` joined."""
    return _offer(cluster, getattr(cluster, "offer", None))


def offer_source(cluster: Cluster) -> Callable[[], Offer]:
    """Asks for the cluster's offer when it is first needed, and only once: most contracts require nothing."""

    @cache
    def ask() -> Offer:
        return offer_of(cluster)

    return ask


def _offer(cluster: Cluster, row: ClusterOffer | None) -> Offer:
    if cluster.driver == "sandbox":
        version = cluster.kubernetes_version
        return Offer(cluster.name, frozenset(sandbox_kinds()), frozenset(FEATURES), version, seen_at=cluster.reached_at)
    declared = frozenset(row.declared) if row else frozenset()
    if row is None or row.seen_at is None:
        return Offer(cluster.name, features=declared, kubernetes=cluster.kubernetes_version, known=False)
    features = frozenset(row.features) | declared
    return Offer(cluster.name, frozenset(row.apis), features, cluster.kubernetes_version, seen_at=row.seen_at)

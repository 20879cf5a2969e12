"""What a real API server has is found by the least account, and decides what can be had there."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from idp.kernel.actor import PLATFORM
from provisioning.domain.driver import ClusterInfo
from provisioning.drivers import open_driver
from provisioning.drivers.kubernetes import discovery
from provisioning.drivers.kubernetes.connection import Connection
from provisioning.drivers.kubernetes.kubeconfig import read_kubeconfig
from provisioning.models import ClusterOffer
from provisioning.selectors.availability import availability_of
from provisioning.services.cluster_offers import clusters_look
from provisioning.services.clusters import cluster_check, cluster_register
from provisioning.services.setup import contracts_install
from provisioning.services.stages import stage_save
from tests.kubernetes.server import KubernetesServer
from tests.personas import NOW

pytestmark = [pytest.mark.kubernetes, pytest.mark.django_db]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WELLS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "wells.shop.example"},
    "spec": {
        "group": "shop.example",
        "names": {"kind": "Well", "plural": "wells", "singular": "well", "listKind": "WellList"},
        "scope": "Namespaced",
        "versions": [
            {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}
        ],
    },
}
WELL = "shop.example/v1/Well"


def probe(account: dict[str, Any]) -> ClusterInfo:
    return open_driver("kubernetes", {"kubeconfig": account}).probe()


def test_it_finds_what_was_installed_and_nothing_of_kubernetes_itself(
    kubernetes_account: dict[str, Any], custom_kinds: tuple[str, ...]
) -> None:
    told = probe(kubernetes_account)
    assert set(custom_kinds) <= set(told.custom_kinds)
    assert not [key for key in told.custom_kinds if key.startswith(("apps/", "networking.k8s.io/", "rbac."))]
    assert "apiextensions.k8s.io" in told.api_groups


def test_it_finds_the_same_where_discovery_is_not_aggregated(
    kubernetes_account: dict[str, Any], custom_kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = Connection(read_kubeconfig(kubernetes_account))
    at_once = discovery.served(connection)
    monkeypatch.setattr(discovery, "AGGREGATED", "application/json")
    assert discovery.served(connection) == at_once


def test_a_registered_cluster_offers_what_it_has_and_loses_what_is_taken_away(
    kubernetes_server: KubernetesServer, kubernetes_account: dict[str, Any], custom_kinds: tuple[str, ...]
) -> None:
    kubernetes_server.define([WELLS])
    contracts_install(now=NOW)
    cluster = cluster_register(
        PLATFORM, name="real", title="Real", driver="kubernetes", kubeconfig=yaml.safe_dump(kubernetes_account), now=NOW
    )
    stage_save(PLATFORM, name="dev", title="Dev", order=1, cluster=cluster, now=NOW)
    assert WELL in ClusterOffer.objects.get(cluster=cluster).apis
    [at_dev] = availability_of("postgres", "2.0.0")
    assert (at_dev.available, at_dev.leads_to, at_dev.seen_at) == (True, "2.0.0", NOW)

    kubernetes_server.request("DELETE", f"{CRDS}/wells.shop.example")
    for _ in range(100):
        assert clusters_look(now=NOW) == 1
        if WELL not in ClusterOffer.objects.get(cluster=cluster).apis:
            break
    assert WELL not in ClusterOffer.objects.get(cluster=cluster).apis
    assert cluster_check(PLATFORM, cluster, now=NOW).version.startswith("v1.")

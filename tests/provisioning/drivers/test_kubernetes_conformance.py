"""The Kubernetes driver keeps every promise that a driver makes, on a real API server and with the least account it
needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from provisioning.domain.driver import ObjectRef
from provisioning.drivers.kubernetes import KubernetesDriver
from provisioning.drivers.kubernetes.resources import Resources
from tests.kubernetes.server import KubernetesServer
from tests.provisioning.drivers.conformance import DriverConformance, World, new_world
from tests.provisioning.drivers.copy_conformance import CopyConformance
from tests.provisioning.drivers.watch_conformance import WatchConformance

pytestmark = [pytest.mark.kubernetes]


@pytest.fixture
def world(kubernetes_server: KubernetesServer, kubernetes_account: dict[str, Any]) -> Iterator[World]:
    driver = KubernetesDriver(kubernetes_account)
    addresses = Resources(lambda api_version: {})

    def edit(ref: ObjectRef, changes: Mapping[str, Any], manager: str) -> None:
        path = f"{addresses.one(ref)}?fieldManager={manager}"
        kubernetes_server.request("PATCH", path, dict(changes), content_type="application/merge-patch+json")

    yield new_world(driver, edit)
    driver.close()


class TestKubernetes(DriverConformance):
    """All inherited."""


class TestKubernetesWatch(WatchConformance):
    """All inherited."""


class TestKubernetesCopies(CopyConformance):
    """All inherited."""

"""Fixtures for tests that need a real API server; ``tests/conftest.py`` names this module in ``pytest_plugins``.

One control plane per process for the whole session: under xdist each worker that needs one starts its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from provisioning.domain.custom_kinds import definitions, known_custom_kinds
from tests.kubernetes.server import KubernetesServer, find_assets, running_server

_servers: list[KubernetesServer] = []


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A node that looks for pods seven times a second while other tests run slows them down."""
    for server in _servers:
        server.node.work("kubernetes_server" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def kubernetes_server() -> Iterator[KubernetesServer]:
    """A running control plane; without its programs the test is skipped, or fails if REQUIRE_SERVICES is set."""
    if find_assets() is None:
        reason = "needs a kube-apiserver: run .ci/kubernetes-control-plane, or set KUBEBUILDER_ASSETS"
        if os.environ.get("REQUIRE_SERVICES") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with running_server() as server:
        _servers.append(server)
        yield server
        _servers.remove(server)


@pytest.fixture(scope="session")
def custom_kinds(kubernetes_server: KubernetesServer) -> tuple[str, ...]:
    """The kinds that the built-in contracts use are served; answers their keys. Nothing acts on their objects."""
    kubernetes_server.define(definitions())
    return tuple(known_custom_kinds())


@pytest.fixture(scope="session")
def kubernetes_account(kubernetes_server: KubernetesServer) -> dict[str, Any]:
    """The kubeconfig of the least account that Slipway needs."""
    return kubernetes_server.slipway_account()

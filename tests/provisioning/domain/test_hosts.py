"""Which hosts objects ask for, and which claims cover one."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.domain.hosts import covering, hosts_in, is_host

INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "spec": {"rules": [{"host": "a.example"}, {}], "tls": [{"hosts": ["a.example", "b.example"]}]},
}
ROUTE = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "spec": {"hostnames": ["c.example"]}}


@pytest.mark.parametrize(
    ("manifests", "hosts"),
    [
        pytest.param([INGRESS, ROUTE, INGRESS], ("a.example", "b.example", "c.example"), id="each once"),
        pytest.param(
            [{"apiVersion": "v1", "kind": "Service", "spec": {"hostnames": ["x.example"]}}], (), id="no route"
        ),
        pytest.param([{**ROUTE, "spec": {}}], (), id="without hosts"),
    ],
)
def test_it_finds_what_objects_ask_for(manifests: list[Any], hosts: tuple[str, ...]) -> None:
    assert hosts_in(manifests) == hosts


@pytest.mark.parametrize(
    ("host", "claims"),
    [
        ("a.b.example", ["a.b.example", "*.b.example", "*.example"]),
        ("*.b.example", ["*.b.example", "*.example"]),
        ("b.example", ["b.example", "*.example"]),
    ],
)
def test_the_most_specific_claim_comes_first(host: str, claims: list[str]) -> None:
    assert covering(host) == claims


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("a.example", True), ("*.example", True), ("*.a.example", True), ("example", False), ("*", False),
     ("*.*.example", False), ("A.example", False), ("a_b.example", False), (f"{'a' * 64}.example", False)],
)  # fmt: skip
def test_it_knows_a_host(text: str, is_one: bool) -> None:
    assert is_host(text) is is_one

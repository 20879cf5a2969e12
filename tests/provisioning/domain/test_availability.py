"""What a contract requires against what a cluster offers, and the words for it."""

from __future__ import annotations

import pytest

from provisioning.domain.availability import Offer, Requires, features_of, is_own, missing, reason, remedy, requires_of

CNPG = "postgresql.cnpg.io/v1/Cluster"
HAS_ALL = Offer("eu", frozenset({CNPG}), frozenset({"metrics", "backups"}), "v1.36.1+k3s1")


@pytest.mark.parametrize(
    ("requires", "lacking"),
    [
        pytest.param(Requires(), [], id="nothing"),
        pytest.param(Requires(apis=(CNPG,), features=("metrics", "backups"), kubernetes="1.36"), [], id="all there"),
        pytest.param(Requires(apis=("a.example/v1/A", CNPG)), ["a.example/v1/A"], id="a kind"),
        pytest.param(
            Requires(apis=("postgresql.cnpg.io/v2/Cluster",)), ["postgresql.cnpg.io/v2/Cluster"], id="version"
        ),
        pytest.param(Requires(features=("gpu",)), ["gpu"], id="a feature"),
        pytest.param(Requires(kubernetes="1.37"), ["1.37"], id="a newer Kubernetes"),
        pytest.param(Requires(kubernetes="1.9"), [], id="versions are numbers, not text"),
    ],
)
def test_it_finds_what_is_missing(requires: Requires, lacking: list[str]) -> None:
    assert [one.name for one in missing(requires, HAS_ALL)] == lacking
    assert bool(reason(requires, HAS_ALL)) == bool(lacking)
    assert bool(remedy(requires, HAS_ALL)) == bool(lacking)


def test_it_says_what_is_missing_and_who_can_help() -> None:
    requires = Requires(apis=(CNPG,), features=("gpu",))
    bare = Offer("eu", kubernetes="v1.36.0")
    assert reason(requires, bare) == (
        "needs the API Cluster (postgresql.cnpg.io/v1) and the feature gpu, which the cluster eu does not have"
    )
    told = remedy(requires, bare, instead="postgres@1")
    assert told.startswith(
        "Use postgres@1, or choose a stage whose cluster has it. An operator of the cluster installs"
    )
    assert "A platform admin adds gpu" in told


def test_it_says_when_nobody_has_looked() -> None:
    unseen = Offer("eu", known=False)
    assert "is not known yet" in reason(Requires(apis=(CNPG,)), unseen)
    assert "look at the cluster again" in remedy(Requires(apis=(CNPG,)), unseen)


def test_it_reads_a_document() -> None:
    spec = {"requires": {"apis": [{"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster"}], "kubernetes": "1.29"}}
    assert requires_of(spec) == Requires((CNPG,), (), "1.29")
    assert not requires_of({})


@pytest.mark.parametrize(
    ("api_version", "own"),
    [("v1", True), ("apps/v1", True), ("networking.k8s.io/v1", True), ("rbac.authorization.k8s.io/v1", True),
     ("gateway.networking.k8s.io/v1", False), ("metrics.k8s.io/v1beta1", False), ("postgresql.cnpg.io/v1", False)],
)  # fmt: skip
def test_it_tells_kubernetes_own_groups(api_version: str, own: bool) -> None:
    assert is_own(api_version) is own


def test_it_tells_features_from_groups() -> None:
    assert features_of(["apps", "metrics.k8s.io", "cert-manager.io"]) == {"metrics", "certificates"}

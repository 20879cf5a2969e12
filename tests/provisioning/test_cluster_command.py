"""``manage.py slipway_cluster``: registers, replaces, and says what is wrong in words."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from provisioning.domain.driver import ClusterInfo, PermanentError
from provisioning.models import Cluster, Stage
from provisioning.services import clusters
from tests.provisioning.organisation import equip

pytestmark = pytest.mark.django_db

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: here
contexts: [{name: there, context: {cluster: d}}, {name: here, context: {cluster: c}}]
clusters:
  - {name: d, cluster: {server: "https://elsewhere.example"}}
  - {name: c, cluster: {server: "https://name:word@127.0.0.1:6443"}}
"""


class Answering:
    def probe(self) -> ClusterInfo:
        return ClusterInfo("v1.36.3")


class Refusing:
    def probe(self) -> ClusterInfo:
        raise PermanentError("unauthorized", "The token is not known.", remedy="Make a new token.")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return str(path)


def test_it_registers_and_sends_stages_there(organisation, file, monkeypatch, capsys):
    equip(organisation)
    monkeypatch.setattr(clusters, "open_driver", lambda kind, options: Answering())
    call_command(
        "slipway_cluster", "eu-west", "--as", "admin", "--kubeconfig", file, "--price-cpu", "18", "--stages", "dev"
    )
    cluster = Cluster.objects.get(name="eu-west")
    assert (cluster.server, cluster.kubernetes_version) == ("https://127.0.0.1:6443", "v1.36.3")
    assert cluster.price_cpu == 18
    assert "127.0.0.1" not in cluster.credentials
    assert Stage.objects.get(name="dev").cluster == cluster
    assert "eu-west answers: v1.36.3" in capsys.readouterr().out

    call_command("slipway_cluster", "eu-west", "--as", "admin", "--kubeconfig", file, "--price-memory", "3")
    cluster.refresh_from_db()
    assert cluster.price_memory_gib == 3

    first = cluster.credentials
    call_command("slipway_cluster", "eu-west", "--as", "admin", "--kubeconfig", file)
    cluster.refresh_from_db()
    assert cluster.credentials != first
    assert cluster.price_cpu == 18


def test_it_stores_nothing_that_is_refused(organisation, file, monkeypatch):
    monkeypatch.setattr(clusters, "open_driver", lambda kind, options: Refusing())
    with pytest.raises(CommandError, match="The token is not known"):
        call_command("slipway_cluster", "eu-west", "--as", "admin", "--kubeconfig", file)
    assert not Cluster.objects.exists()


@pytest.mark.parametrize(
    ("who", "path", "words"),
    [
        pytest.param("developer", None, "admin", id="not-an-admin"),
        pytest.param("nobody", None, "no account", id="unknown-account"),
        pytest.param("admin", "/nowhere", "cannot be read", id="no-file"),
    ],
)
def test_it_says_what_is_wrong(organisation, file, who, path, words):
    with pytest.raises(CommandError, match=words):
        call_command("slipway_cluster", "eu-west", "--as", who, "--kubeconfig", path or file)

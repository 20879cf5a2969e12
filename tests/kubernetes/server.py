"""A real Kubernetes control plane for tests and measurements: etcd, kube-apiserver, kube-controller-manager, on
loopback.

Used through the fixtures of ``tests.kubernetes.fixtures``, and by ``bench/``. There are no nodes; ``Node`` says
what a kubelet would say about pods and volume claims. The binaries come from ``KUBEBUILDER_ASSETS``, as for
envtest, or from where ``.ci/kubernetes-control-plane`` puts them. Several may run side by side: every port is free,
every folder its own.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.kubernetes.node import Node

GO_MOD = Path(__file__).parent / "controlplane" / "go.mod"
RBAC = Path(__file__).parents[2] / "deploy" / "kubernetes" / "rbac.yaml"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
START_LIMIT = 60.0
"""Seconds until the API server must be ready; it takes about 4 on an idle machine."""

CONTROLLERS = (
    "cronjob-controller",
    "deployment-controller",
    "disruption-controller",
    "garbage-collector-controller",
    "job-controller",
    "namespace-controller",
    "persistentvolumeclaim-protection-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "serviceaccount-controller",
    "serviceaccount-token-controller",
    "statefulset-controller",
)


def find_assets() -> Path | None:
    """The folder with all programs, None when there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slipway"
    version = re.search(r"^\s*(?:require )?k8s\.io/kubernetes (v[\d.]+)", GO_MOD.read_text(), re.M)
    built = Path(os.environ.get("SLIPWAY_CACHE") or cache) / "kubernetes" / (version.group(1) if version else "")
    for folder in (os.environ.get("KUBEBUILDER_ASSETS"), built):
        if folder and all(os.access(Path(folder, program), os.X_OK) for program in PROGRAMS):
            return Path(folder)
    return None


class KubernetesServer:
    """Start it as a context manager. ``kubeconfig`` is an administrator's, as plain data."""

    def __init__(self, assets: Path) -> None:
        self._assets = assets
        self._processes: list[subprocess.Popen[bytes]] = []
        self._api_server: tuple[str, int, Path] | None = None
        self._token = secrets.token_hex(16)
        self._folder = tempfile.TemporaryDirectory(prefix="slipway-kubernetes-")
        self.folder = Path(self._folder.name)
        self.url = ""
        self._context: ssl.SSLContext | None = None
        self.node = Node(self.request)

    def __enter__(self) -> KubernetesServer:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def kubeconfig(self) -> dict[str, Any]:
        return self.kubeconfig_for(self._token)

    def kubeconfig_for(self, token: str) -> dict[str, Any]:
        """A kubeconfig of whoever the token belongs to."""
        authority = base64.b64encode(self._authority.read_bytes()).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority-data": authority}}],
            "users": [{"name": "test", "user": {"token": token}}],
        }

    def slipway_account(self) -> dict[str, Any]:
        """The kubeconfig of the account that ``deploy/kubernetes/rbac.yaml`` makes: what a careful operator
        registers.
        """
        self.kubectl("apply", "-f", str(RBAC))
        for _ in range(100):
            made = self.request("GET", "/api/v1/namespaces/slipway/secrets/slipway-token")
            if "token" in made.get("data", {}):
                return self.kubeconfig_for(base64.b64decode(made["data"]["token"]).decode())
            time.sleep(0.1)
        raise RuntimeError("the controller made no token for the account slipway")

    def define(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Install custom resource definitions, and wait until their kinds are served."""
        root = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        names = []
        for one in definitions:
            names.append(one["metadata"]["name"])
            with suppress(urllib.error.HTTPError):  # there already
                self.request("POST", root, one)
        for _ in range(300):
            told = [self.request("GET", f"{root}/{name}").get("status", {}).get("conditions") or [] for name in names]
            if all(any(c["type"] == "Established" and c["status"] == "True" for c in found) for found in told):
                return
            time.sleep(0.1)
        raise RuntimeError(f"the API server does not serve {', '.join(names)}")

    def report(self, api_version: str, plural: str, namespace: str, name: str, status: Mapping[str, Any]) -> None:
        """Write an object's status, as the operator of its kind would."""
        path = f"/apis/{api_version}/namespaces/{namespace}/{plural}/{name}/status"
        self.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")

    def kubectl(self, *arguments: str) -> str:
        """What kubectl prints, as the administrator."""
        command = [self._assets / "kubectl", "--kubeconfig", self._admin, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def remove_namespace(self, name: str) -> None:
        """Delete a namespace and wait until it is gone.

        What has finalizers goes first: a namespace that still holds such a thing is looked at again only eight seconds
        later.
        """
        held = "deployments,statefulsets,jobs,cronjobs,pods,persistentvolumeclaims"
        self.kubectl("delete", held, "--all", "-n", name, "--now", "--ignore-not-found")
        self.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=true")

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """One call as the administrator. Raises urllib's HTTPError."""
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json", "Content-Type": content_type}
        data = None if body is None else json.dumps(body).encode()
        call = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers, method=method)
        with urllib.request.urlopen(call, timeout=30, context=self._context) as answer:
            return dict(json.load(answer))

    def stop_api_server(self) -> None:
        """Kill it; what it stored stays in etcd."""
        process = next(one for one in self._processes if str(one.args[0]).endswith("kube-apiserver"))  # type: ignore[index]
        process.kill()
        process.wait()
        self._processes.remove(process)

    def start_api_server(self) -> None:
        """Start it again at the same address; it knows no version from before any more. Returns when it answers."""
        assert self._api_server is not None
        self._start_api_server(*self._api_server)
        self._wait_ready()

    def stop(self) -> None:
        self.node.stop()
        # Nothing of it is kept, so there is nothing to end in an orderly way.
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._folder.cleanup()

    @property
    def _authority(self) -> Path:
        return self.folder / "certificates" / "apiserver.crt"

    @property
    def _admin(self) -> Path:
        return self.folder / "admin.yaml"

    def _start(self) -> None:
        etcd, api, key = self._start_etcd(), _free_port(), self._account_key()
        self.url = f"https://127.0.0.1:{api}"
        self._api_server = (etcd, api, key)
        self._start_api_server(*self._api_server)
        self._wait_ready()
        self._admin.write_text(yaml.safe_dump(self.kubeconfig))
        self._start_controllers(key)
        self.node.start()

    def _start_etcd(self) -> str:
        client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
        flags = {
            "data-dir": self.folder / "etcd",
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
            # Nothing here outlives the test, so no write needs to reach the disk.
            "unsafe-no-fsync": "true",
        }
        self._run("etcd", flags)
        return client

    def _start_api_server(self, etcd: str, port: int, key: Path) -> None:
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{self._token},admin,admin,"system:masters"\n')
        flags = {
            "etcd-servers": etcd,
            "bind-address": "127.0.0.1",
            "secure-port": port,
            "cert-dir": self.folder / "certificates",
            "token-auth-file": tokens,
            "authorization-mode": "RBAC",
            "service-account-issuer": "https://kubernetes.default.svc",
            "service-account-key-file": key,
            "service-account-signing-key-file": key,
            "service-cluster-ip-range": "10.0.0.0/16",
            "profiling": "false",
        }
        self._run("kube-apiserver", flags)

    def _start_controllers(self, key: Path) -> None:
        flags = {
            "kubeconfig": self._admin,
            "controllers": ",".join(CONTROLLERS),
            "service-account-private-key-file": key,
            "root-ca-file": self._authority,
            "leader-elect": "false",
            "secure-port": 0,
            "kube-api-qps": 200,
            "kube-api-burst": 400,
            "resource-quota-sync-period": "2s",
        }
        self._run("kube-controller-manager", flags)

    def _run(self, program: str, flags: Mapping[str, Any]) -> None:
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        with (self.folder / f"{program}.log").open("wb") as log:
            process = subprocess.Popen(
                [self._assets / program, *arguments], stdout=log, stderr=log, preexec_fn=_end_with_parent
            )
        self._processes.append(process)

    def _wait_ready(self) -> None:
        limit = time.monotonic() + START_LIMIT
        while time.monotonic() < limit and all(process.poll() is None for process in self._processes):
            with suppress(OSError, ssl.SSLError):
                self._context = ssl.create_default_context(cafile=str(self._authority))
                self.request("GET", "/api/v1/namespaces/default")
                return
            time.sleep(0.1)
        raise RuntimeError(f"the control plane did not start:\n{self._last_words()}")

    def _last_words(self) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)

    def _account_key(self) -> Path:
        path = self.folder / "accounts.key"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        return path


@contextmanager
def running_server() -> Iterator[KubernetesServer]:
    """A started control plane. Raises FileNotFoundError when the programs are missing."""
    assets = find_assets()
    if assets is None:
        raise FileNotFoundError("no kube-apiserver found: run .ci/kubernetes-control-plane, or set KUBEBUILDER_ASSETS")
    with KubernetesServer(assets) as server:
        yield server


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _end_with_parent() -> None:
    """Linux: have the kernel end the program when the tests are killed, so that nothing is left running."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

"""What only the Kubernetes driver must do before and instead of talking to a cluster: refuse what reaches outside,
explain.
"""

# ruff: noqa: E501 - one row is one line, so that the tables read as tables.

from __future__ import annotations

import base64
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from provisioning.domain.driver import DriverError, FieldConflict, ObjectRef, PermanentError, TemporaryError
from provisioning.drivers.kubernetes import KubernetesDriver, connection
from provisioning.drivers.kubernetes.driver import _outcome
from provisioning.drivers.kubernetes.errors import error_of

REF = ObjectRef("apps/v1", "Deployment", "shop-dev", "api")
SECRET = ObjectRef("v1", "Secret", "shop-dev", "db")


def certificate() -> tuple[str, str]:
    """A self-signed certificate and its key, base64 of PEM as kubeconfigs hold them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(signed.public_bytes(Encoding.PEM)).decode(), base64.b64encode(private).decode()


CERTIFICATE, KEY = certificate()


def kubeconfig(
    user: dict[str, Any] | None = None, server: str = "https://localhost:6443", **cluster: Any
) -> dict[str, Any]:
    return {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
        "clusters": [
            {"name": "one", "cluster": {"server": server, "certificate-authority-data": CERTIFICATE, **cluster}}
        ],
        "users": [{"name": "one", "user": {"token": "t0ken-t0ken"} if user is None else user}],
    }


REFUSED = [
    ("exec", kubeconfig({"exec": {"command": "touch", "args": ["/tmp/owned"]}}), "exec"),
    ("exec beside a token", kubeconfig({"token": "x", "exec": {"command": "touch"}}), "exec"),
    ("auth provider", kubeconfig({"auth-provider": {"name": "gcp"}}), "auth-provider"),
    ("token file", kubeconfig({"tokenFile": "/etc/passwd"}), "tokenFile"),
    ("certificate file", kubeconfig({"client-certificate": "/etc/passwd", "client-key": "/etc/passwd"}), "in a file"),
    ("authority file", kubeconfig(**{"certificate-authority": "/etc/passwd"}), "in a file"),
    ("no verification", kubeconfig(**{"insecure-skip-tls-verify": True}), "without verification"),
    ("proxy", kubeconfig(**{"proxy-url": "http://evil.example"}), "proxy"),
    ("impersonation", kubeconfig({"token": "x", "as": "system:admin"}), "impersonation"),
    ("password", kubeconfig({"username": "a", "password": "b"}), "password"),
    ("nobody", kubeconfig({}), "neither token nor client certificate"),
    ("certificate without key", kubeconfig({"client-certificate-data": CERTIFICATE}), "come together"),
    ("not base64", kubeconfig({"client-certificate-data": "%%", "client-key-data": KEY}), "not base64"),
    ("not a certificate", kubeconfig({"client-certificate-data": KEY, "client-key-data": KEY}), "cannot be read"),
    (
        "authority is no certificate",
        kubeconfig(**{"certificate-authority-data": base64.b64encode(b"x").decode()}),
        "cannot be read",
    ),
    ("header injection", kubeconfig({"token": "x\r\nImpersonate-User: root"}), "token"),
    ("plain http", kubeconfig(server="http://localhost:6443"), "https://"),
    ("file address", kubeconfig(server="file:///etc/passwd"), "https://"),
    ("no host", kubeconfig(server="https://"), "https://"),
    ("user in the address", kubeconfig(server="https://a:b@localhost"), "https://"),
    ("no current context", {**kubeconfig(), "current-context": ""}, "contexts"),
    ("no such cluster", {**kubeconfig(), "clusters": []}, "clusters"),
    ("no such user", {**kubeconfig(), "users": [None, {"name": "one"}]}, "users"),
    ("nothing", {}, "contexts"),
    ("a list", [], "mapping"),
]


@pytest.mark.parametrize(("document", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_it_refuses_a_kubeconfig_that_reaches_outside(document: Any, words: str) -> None:
    with pytest.raises(PermanentError) as raised:
        KubernetesDriver(document)
    assert raised.value.code == "bad-kubeconfig"
    assert words in raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize(
    "user",
    [None, {"client-certificate-data": CERTIFICATE, "client-key-data": KEY}],
    ids=["token", "client certificate"],
)
def test_it_leaves_no_file_behind(user: dict[str, Any] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened = KubernetesDriver(kubeconfig(user))
    assert list(tmp_path.iterdir()) == []
    assert "t0ken" not in repr(opened.__dict__)


def status(reason: str = "", message: str = "", **details: Any) -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message, "details": details}).encode()


CONFLICT = {
    "causes": [
        {"reason": "FieldManagerConflict", "message": 'conflict with "argocd" using apps/v1', "field": ".spec.replicas"}
    ]
}
TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "message": "namespace shop-dev is being terminated"}]}
CAUSES = {"causes": [{"field": "spec.replicas", "message": "must be greater than or equal to 0"}]}
MISFIT = "failed to create typed patch object (shop-dev/api; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema"

ANSWERS = [
    ("too many requests", 429, status(), REF, TemporaryError, "cluster-busy", ""),
    ("server error", 500, status(message="etcd leader changed"), REF, TemporaryError, "cluster-busy", "500"),
    ("unavailable", 503, b"<html>", REF, TemporaryError, "cluster-busy", "503"),
    ("time out of the server", 504, status("Timeout"), REF, TemporaryError, "cluster-busy", ""),
    ("misfit, told as 500", 500, status(message=MISFIT), REF, PermanentError, "invalid-object", ".spec.replica"),
    (
        "misfit of a secret",
        500,
        status(message=f"{MISFIT} hunter2"),
        SECRET,
        PermanentError,
        "invalid-object",
        "Secret db",
    ),
    ("unauthorized", 401, status("Unauthorized"), REF, PermanentError, "unauthorized", "credentials"),
    (
        "forbidden",
        403,
        status("Forbidden", "cannot patch deployments"),
        REF,
        PermanentError,
        "forbidden",
        "cannot patch",
    ),
    (
        "over quota",
        403,
        status("Forbidden", "exceeded quota: env, requested: pods=1"),
        REF,
        PermanentError,
        "over-cluster-quota",
        "pods=1",
    ),
    (
        "quota not counted",
        403,
        status("Forbidden", "status unknown for quota: env"),
        REF,
        TemporaryError,
        "quota-not-counted",
        "",
    ),
    (
        "namespace terminating",
        403,
        status("Forbidden", "being terminated", **TERMINATING),
        REF,
        TemporaryError,
        "namespace-terminating",
        "shop-dev",
    ),
    (
        "object missing",
        404,
        status("NotFound", kind="deployments", name="api"),
        REF,
        PermanentError,
        "not-found",
        "Deployment api",
    ),
    (
        "namespace missing",
        404,
        status("NotFound", kind="namespaces", name="shop-dev"),
        REF,
        PermanentError,
        "namespace-missing",
        "shop-dev",
    ),
    ("kind not served", 404, b"404 page not found", REF, PermanentError, "kind-not-served", "apps/v1"),
    (
        "field conflict",
        409,
        status("Conflict", **CONFLICT),
        REF,
        FieldConflict,
        "field-conflict",
        "argocd owns spec.replicas",
    ),
    ("exists", 409, status("AlreadyExists"), REF, PermanentError, "exists", ""),
    ("changed", 409, status("Conflict", "Precondition failed: UID"), REF, TemporaryError, "changed-meanwhile", ""),
    (
        "invalid",
        422,
        status("Invalid", **CAUSES),
        REF,
        PermanentError,
        "invalid-object",
        "spec.replicas: must be greater",
    ),
    (
        "bad request",
        400,
        status("BadRequest", "strict decoding error"),
        REF,
        PermanentError,
        "invalid-object",
        "strict decoding error.",
    ),
    ("too large", 413, b"", REF, PermanentError, "invalid-object", ""),
    (
        "invalid secret",
        422,
        status("Invalid", "hunter2", causes=[{"field": "data.x", "message": "hunter2"}]),
        SECRET,
        PermanentError,
        "invalid-object",
        "see data.x.",
    ),
    ("redirect", 302, b"", REF, PermanentError, "unexpected-answer", "302"),
    ("about nothing", 403, b"[]", None, PermanentError, "forbidden", ""),
]


@pytest.mark.parametrize(
    ("code", "body", "ref", "kind", "told", "words"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_it_turns_an_answer_into_an_error(
    code: int, body: bytes, ref: ObjectRef | None, kind: type[DriverError], told: str, words: str
) -> None:
    error = error_of(code, body, {}, ref)
    assert type(error) is kind
    assert error.code == told
    assert words in error.message
    assert "hunter2" not in f"{error.message} {error.raw}"


@pytest.mark.parametrize(
    ("asked", "delay"), [({"Retry-After": "17"}, 17.0), ({"Retry-After": "99999"}, 300.0), ({"Retry-After": "soon"}, 2.0), ({}, 2.0)]
)  # fmt: skip
def test_it_waits_as_long_as_the_server_asks(asked: dict[str, str], delay: float) -> None:
    error = error_of(429, b"", asked, REF)
    assert isinstance(error, TemporaryError)
    assert error.delay == delay


@pytest.fixture
def impostor() -> Iterator[tuple[int, list[bytes]]]:
    """A port with TLS at which somebody answers each request with what stands in the list, or never if it is
    empty.
    """
    answers: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(CERTIFICATE) + base64.b64decode(KEY))
        pem.flush()
        context.load_cert_chain(pem.name)
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
                kept.append(context.wrap_socket(plain, server_side=True))
            except ssl.SSLError:
                continue
            except OSError:
                return
            kept[-1].recv(65536)
            if answers:
                kept[-1].sendall(answers[0])
                kept[-1].close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1], answers
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)
    for one in kept:
        one.close()


def test_it_gives_up_on_a_server_that_never_answers(
    impostor: tuple[int, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "TIMEOUTS", (0.5, 0.3))
    with pytest.raises(TemporaryError) as raised:
        KubernetesDriver(kubeconfig(server=f"https://localhost:{impostor[0]}")).probe()
    assert raised.value.code == "unreachable"


REPLIES = [
    ("page", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", PermanentError, "unexpected-answer"),
    (
        "redirect",
        b"HTTP/1.1 307 X\r\nLocation: https://localhost:1/\r\nContent-Length: 0\r\n\r\n",
        PermanentError,
        "unexpected-answer",
    ),
    ("cut off", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello", TemporaryError, "unreachable"),
    ("nonsense", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", TemporaryError, "unreachable"),
]


@pytest.mark.parametrize(("reply", "kind", "code"), [row[1:] for row in REPLIES], ids=[row[0] for row in REPLIES])
def test_it_is_not_fooled_by_what_is_no_api_server(
    impostor: tuple[int, list[bytes]], reply: bytes, kind: type[DriverError], code: str
) -> None:
    impostor[1].append(reply)
    with pytest.raises(kind) as raised:
        KubernetesDriver(kubeconfig(server=f"https://localhost:{impostor[0]}")).probe()
    assert raised.value.code == code


def test_it_refuses_a_server_with_another_certificate(impostor: tuple[int, list[bytes]]) -> None:
    other = {"certificate-authority-data": certificate()[0]}
    with pytest.raises(PermanentError) as raised:
        KubernetesDriver(kubeconfig(server=f"https://localhost:{impostor[0]}", **other)).probe()
    assert raised.value.code == "certificate-refused"


def test_it_refuses_a_server_of_another_name(impostor: tuple[int, list[bytes]]) -> None:
    with pytest.raises(PermanentError) as raised:
        KubernetesDriver(kubeconfig(server=f"https://127.0.0.1:{impostor[0]}")).probe()
    assert raised.value.code == "certificate-refused"


def test_it_asks_for_the_name_that_the_kubeconfig_gives(impostor: tuple[int, list[bytes]]) -> None:
    impostor[1].append(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    document = kubeconfig(server=f"https://127.0.0.1:{impostor[0]}", **{"tls-server-name": "localhost"})
    with pytest.raises(PermanentError) as raised:
        KubernetesDriver(document).probe()
    assert raised.value.code == "unauthorized"


def test_it_says_when_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = f"https://localhost:{taken.getsockname()[1]}"
        with pytest.raises(TemporaryError) as raised:
            KubernetesDriver(kubeconfig(server=server)).probe()
    assert raised.value.code == "unreachable"


def written(version: str, *entries: tuple[str, str, str], **metadata: Any) -> dict[str, Any]:
    """What an answer says of an object: its resource version, and who wrote which field when."""
    fields = [{"manager": who, "time": when, "fieldsV1": {field: {}}} for who, when, field in entries]
    return {"metadata": {"resourceVersion": version, "managedFields": fields, **metadata}}


OURS, LATER = ("slipway", "10:00", "f:spec"), ("slipway", "10:01", "f:spec")
STATUS = ("kube-controller-manager", "10:01", "f:status")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, written("1", OURS), "created", id="it-was-not-there"),
        pytest.param(written("1", OURS), written("1", OURS), "unchanged", id="nobody-wrote"),
        pytest.param(written("1", OURS), written("2", LATER), "configured", id="we-wrote"),
        pytest.param(written("1", OURS), written("2", OURS), "configured", id="we-wrote-within-the-same-second"),
        pytest.param(written("1", OURS), written("2", OURS, STATUS), "unchanged", id="a-controller-wrote-a-status"),
        pytest.param(written("1", OURS), written("3", LATER, STATUS), "configured", id="both-wrote"),
        pytest.param(
            written("1", OURS, generation=1),
            written("2", OURS, STATUS, generation=1),
            "unchanged",
            id="same-generation",
        ),
        pytest.param(
            written("1", OURS, generation=1), written("2", LATER, generation=2), "configured", id="new-generation"
        ),
        pytest.param(
            written("1", OURS) | {"spec": {"size": 1}},
            written("2", OURS) | {"spec": {"size": 1}},
            "unchanged",
            id="the-server-stored-the-same-again",
        ),
        pytest.param(
            written("1", OURS) | {"spec": {"size": 1}},
            written("2", OURS) | {"spec": {"size": 2}},
            "configured",
            id="another-size-within-the-same-second",
        ),
        pytest.param(
            written("1", OURS, labels={"revision": "1"}) | {"spec": {}},
            written("2", OURS, labels={"revision": "2"}) | {"spec": {}},
            "configured",
            id="another-label-within-the-same-second",
        ),
    ],
)
def test_it_tells_its_own_writing_from_that_of_controllers(before: Any, after: Any, expected: str) -> None:
    assert _outcome(before, after) == expected

"""Reads an uploaded kubeconfig as what it is: untrusted text that could run programs and read files.

Called by the Kubernetes driver when it opens. Only what is inside the document counts: plugins (``exec``,
``auth-provider``), file references, impersonation, proxies and unverified TLS are refused, each with its sentence.
Nothing is written to disk, except a client certificate for the instant in which Python's ssl module insists on a
file.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provisioning.domain.driver import PermanentError

_REFUSED_USER = {
    "exec": "a plugin that runs a program (exec)",
    "auth-provider": "an auth-provider plugin",
    "tokenFile": "a token in a file (tokenFile)",
    "client-certificate": "a certificate in a file (client-certificate)",
    "client-key": "a key in a file (client-key)",
    "username": "a user name and password",
    "password": "a user name and password",
    "as": "impersonation (as)",
    "as-uid": "impersonation (as-uid)",
    "as-groups": "impersonation (as-groups)",
    "as-user-extra": "impersonation (as-user-extra)",
}
_REFUSED_CLUSTER = {
    "certificate-authority": "a certificate authority in a file (certificate-authority)",
    "insecure-skip-tls-verify": "TLS without verification (insecure-skip-tls-verify)",
    "proxy-url": "a proxy (proxy-url)",
}
_INSTEAD = (
    "Use certificate-authority-data, and token or client-certificate-data with client-key-data, inside the kubeconfig;"
    " the token of a service account is best."
)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API server is and how to prove who we are. Secrets stay out of its repr."""

    server: str
    tls_server_name: str
    authority: str
    token: str = field(repr=False)
    certificate: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def ssl_context(self) -> ssl.SSLContext:
        """Verifies the server by the given authority, or by the system's where none is given."""
        try:
            context = ssl.create_default_context(cadata=self.authority or None)
            if self.certificate:
                _load_certificate(context, self.certificate, self.key)
        except (ssl.SSLError, ValueError):
            raise _bad(
                "its certificates cannot be read", "Check that the *-data fields are whole and belong together."
            ) from None
        return context


def read_kubeconfig(document: Mapping[str, Any]) -> Access:
    """The access that the current context gives. Raises PermanentError ``bad-kubeconfig``."""
    if not isinstance(document, Mapping):
        raise _bad("it is not a mapping")
    context = _named(document, "contexts", "context", document.get("current-context"))
    cluster = _named(document, "clusters", "cluster", context.get("cluster"))
    user = _named(document, "users", "user", context.get("user"))
    _refuse(cluster, _REFUSED_CLUSTER)
    _refuse(user, _REFUSED_USER)
    certificate, key = _data(user, "client-certificate-data"), _data(user, "client-key-data")
    token = user.get("token") or ""
    if not isinstance(token, str) or any(not " " < letter <= "~" for letter in token):
        raise _bad("its token holds what no token can")
    if bool(certificate) != bool(key):
        raise _bad("a client certificate and its key only come together")
    if not token and not certificate:
        raise _bad("its user has neither token nor client certificate")
    authority = _data(cluster, "certificate-authority-data").decode("ascii", "replace")
    return Access(_server(cluster), str(cluster.get("tls-server-name") or ""), authority, token, certificate, key)


def _server(cluster: Mapping[str, Any]) -> str:
    server = cluster.get("server")
    address = urlsplit(server if isinstance(server, str) else "")
    if address.scheme != "https" or not address.hostname or address.username or address.query or address.fragment:
        raise _bad("its server must be an address such as https://10.0.0.1:6443")
    return address.geturl().rstrip("/")


def _named(document: Mapping[str, Any], listing: str, inner: str, name: Any) -> Mapping[str, Any]:
    """The entry called ``name`` of a list such as ``clusters``."""
    entries = document.get(listing)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, Mapping) and name and entry.get("name") == name and isinstance(entry.get(inner), Mapping):
            found: Mapping[str, Any] = entry[inner]
            return found
    raise _bad(f"its {listing} have no entry for {'the current context' if listing == 'contexts' else 'the context'}")


def _refuse(entry: Mapping[str, Any], refused: Mapping[str, str]) -> None:
    for name, what in refused.items():
        if entry.get(name):
            raise _bad(f"it asks for {what}, which is not allowed in an uploaded kubeconfig")


def _data(entry: Mapping[str, Any], name: str) -> bytes:
    value = entry.get(name) or ""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise _bad(f"{name} is not base64") from None


def _load_certificate(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    # load_cert_chain takes files only. The folder is private (0700, random name) and gone before this returns.
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        path = Path(folder, "client.pem")
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(certificate + b"\n" + key)
        # An empty password keeps OpenSSL from asking for one on the terminal.
        context.load_cert_chain(path, password="")


def _bad(why: str, remedy: str = _INSTEAD) -> PermanentError:
    return PermanentError("bad-kubeconfig", f"This kubeconfig cannot be used: {why}.", remedy=remedy)

"""How a Git repository is reached: dulwich's clients over connections that ``idp.kernel.outbound`` has checked.

Called by ``idp.kernel.git_reader`` alone. A client ends with the fetch that it was made for: ``Meter`` holds its end
and how much it may receive. HTTP goes through ``outbound.call`` and follows no redirect, so a token reaches nobody but
the host it was given for. SSH connects to a checked address and trusts the host key that is expected; where none is, it
tells the one it met, so that the caller can keep it. No program is started and no file of this machine is read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import paramiko
from dulwich.client import HTTPUnauthorized, SSHGitClient, SSHVendor, Urllib3HttpGitClient
from dulwich.errors import GitProtocolError, NotGitRepository

from idp.kernel import outbound

CONNECT: Final = 10.0
"""Seconds for one address to answer."""


class Refused(outbound.Refused):
    """The repository cannot be read as it was named; trying again changes nothing."""

    code = "git-refused"


class HostKeyChanged(Refused):
    """The host shows another key than it should; ``shown`` is that key."""

    code = "host-key-changed"
    shown = ""


def fingerprint(host_key: str) -> str:
    """A host key as ``ssh-keygen -l`` tells it, ``SHA256:…``; empty for none."""
    parts = host_key.split()
    if len(parts) < 2:
        return ""
    try:
        raw = base64.b64decode(parts[1], validate=True)
    except binascii.Error:
        return ""
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")


class Meter:
    """Counts what comes in and says when to stop; one for each fetch. ``seconds`` and ``most_bytes`` are for all."""

    def __init__(self, seconds: float, most_bytes: int) -> None:
        self.deadline, self.left, self.most = time.monotonic() + seconds, most_bytes, most_bytes

    @property
    def seconds(self) -> float:
        """How much time is left; Unreachable when it is none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise outbound.Unreachable("The repository could not be read in the time there is for it.", delay=300)
        return left

    def take(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise too_large(self.most)
        return data


def too_large(most: int) -> Refused:
    return Refused(
        f"The newest commit has more than {most // 1_000_000} MB.",
        remedy="Keep the files for Slipway in a repository of their own.",
    )


@dataclass(slots=True)
class _Response:
    """What dulwich asks of an answer."""

    status: int
    content_type: str | None
    redirect_location: str = ""

    def close(self) -> None:
        """Nothing is open: the answer was read as a whole."""


class HttpClient(Urllib3HttpGitClient):
    """Git's smart HTTP; the other one is refused, as it would fetch object by object for as long as it likes."""

    def __init__(self, base: str, meter: Meter, username: str, token: str) -> None:
        # A pool of connections is what dulwich would use; it is never asked, as every request is ours.
        super().__init__(base, pool_manager=_NoPool(), username=username if token else None, password=token)  # type: ignore[arg-type]
        self.meter, self.origin = meter, self._origin(base)

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: bytes | Iterator[bytes] | None = None,
        raise_for_status: bool = True,
    ) -> Any:
        if self._origin(url) != self.origin:
            raise Refused("The repository wants parts of it to be fetched from another host, which Slipway does not.")
        sent = {**(headers or {}), "pragma": "no-cache"}
        if self._auth_header is not None:
            sent["authorization"] = self._auth_header
        body = data if isinstance(data, bytes) else b"".join(data or ())
        method = "GET" if data is None else "POST"
        # The answer may be as large as what is left; one more byte is told by outbound in its own words.
        answer = outbound.call(
            method, url, headers=sent, body=body, timeout=self.meter.seconds, most_bytes=max(1, self.meter.left)
        )
        self.meter.take(answer.body)
        _require_git(answer, url)
        return _Response(answer.status, answer.headers.get("content-type")), io.BytesIO(answer.body).read


class _NoPool:
    headers: dict[str, str] = {}


def _require_git(answer: outbound.Answer, url: str) -> None:
    if answer.status in (401, 403):
        raise HTTPUnauthorized(answer.headers.get("www-authenticate"), url)
    if answer.status in (404, 410):
        raise NotGitRepository
    if answer.status in (301, 302, 303, 307, 308):
        raise Refused("The repository has moved.", remedy="Open it in a browser and use the address that it has now.")
    if answer.status == 429 or answer.status >= 500:
        raise outbound.Unreachable(f"The Git server answers with {answer.status}.", delay=120)
    if answer.status != 200 or not answer.headers.get("content-type", "").startswith("application/x-git-"):
        raise GitProtocolError("no answer of a Git server")


class SshClient(SSHGitClient):
    """Git over SSH; ``vendor.host_key`` is the key that the host showed."""

    def __init__(self, host: str, port: int, username: str, vendor: PinnedSsh) -> None:
        super().__init__(host, port=port, username=username, vendor=vendor)


class PinnedSsh(SSHVendor):
    """Runs one command on the host with a private ``key``; ``expected`` is the host's, as in a known_hosts file."""

    def __init__(self, meter: Meter, key: str, expected: str) -> None:
        self.meter, self.key, self.expected = meter, read_key(key), expected.strip()
        self.host_key = ""
        self.ends: list[Callable[[], None]] = []

    def run_command(  # type: ignore[override]  # dulwich asks of what comes back no more than _Channel has
        self, host: str, command: bytes, username: str | None = None, port: int | None = None, **_: Any
    ) -> Any:
        transport = self._transport(_connected(host, port or 22, self.meter, self.ends))
        transport.auth_publickey(username or "git", self.key)
        channel = transport.open_session(timeout=self.meter.seconds)
        channel.settimeout(self.meter.seconds)
        channel.exec_command(command)
        return _Channel(channel, self.meter)

    def _transport(self, connection: socket.socket) -> paramiko.Transport:
        transport = paramiko.Transport(connection)
        self.ends.append(transport.close)
        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = CONNECT
        transport.start_client(timeout=self.meter.seconds)
        shown = transport.get_remote_server_key()
        self.host_key = f"{shown.get_name()} {shown.get_base64()}"
        if self.expected and self.host_key != self.expected:
            changed = HostKeyChanged(
                "The Git server shows another host key than before.",
                remedy="Ask who keeps the server whether its key was replaced. If nobody knows of that, tell security.",
            )
            changed.shown = self.host_key
            raise changed
        return transport

    def close(self) -> None:
        for end in reversed(self.ends):
            end()


class _Channel:
    """A session as dulwich reads and writes it."""

    stderr = None

    def __init__(self, channel: paramiko.Channel, meter: Meter) -> None:
        self.channel, self.meter = channel, meter

    def read(self, size: int) -> bytes:
        """``size`` bytes, fewer only at the end."""
        kept = bytearray()
        while len(kept) < size:
            self.channel.settimeout(self.meter.seconds)
            data = self.meter.take(self.channel.recv(size - len(kept)))
            if not data:
                break
            kept += data
        return bytes(kept)

    def write(self, data: bytes) -> int:
        self.channel.settimeout(self.meter.seconds)
        self.channel.sendall(data)
        return len(data)

    def can_read(self) -> bool:
        return bool(self.channel.recv_ready())

    def close(self) -> None:
        self.channel.close()


def _connected(host: str, port: int, meter: Meter, ends: list[Callable[[], None]]) -> socket.socket:
    """A connection to a checked address, which a clock shuts at the end of the fetch, whatever waits on it."""
    failed: OSError | None = None
    for address in outbound.addresses(host, port):
        try:
            made = socket.create_connection((address, port), timeout=min(CONNECT, meter.seconds))
        except OSError as error:
            failed = error
            continue
        clock = threading.Timer(meter.seconds, _shut, [made])
        clock.daemon = True
        clock.start()
        ends += [made.close, clock.cancel]
        return made
    raise outbound.Unreachable(f"Nothing answers at “{host}”.", delay=60) from failed


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it is closed already
        connection.shutdown(socket.SHUT_RDWR)


def read_key(text: str) -> paramiko.PKey:
    """The private key in ``text`` (OpenSSH or PEM, without a passphrase); Refused in words when it is none."""
    kinds: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
    for kind in kinds:
        try:
            return kind.from_private_key(io.StringIO(text.strip() + "\n"))
        except paramiko.PasswordRequiredException:
            raise Refused("The private key has a passphrase.", remedy="Make a deploy key without one.") from None
        except (paramiko.SSHException, ValueError, IndexError, TypeError, UnicodeError):
            continue
    raise Refused(
        "This is not a private key that can be read.",
        remedy="Paste the whole private key of a deploy key: Ed25519, ECDSA or RSA, with its first and last line.",
    )

"""Calls to addresses that people typed: importers, webhooks, Git, sign-in providers, chat.

An address that somebody typed must not lead into the network that Slipway stands in. So this module alone opens such
connections: it resolves the name once, checks **every** address it got, and connects to the very address it checked,
so that a name cannot be bound anew between the check and the call (DNS rebinding). Refused are loopback, link-local
(cloud metadata), private, shared, multicast and reserved networks, and IPv6 forms that carry such an IPv4 address.
``SLIPWAY_OUTBOUND_ALLOW`` lets through what an admin trusts: a network (``10.20.0.0/16``), or a host (``git.example``,
``*.corp.example``), whose private addresses are then allowed, its loopback and link-local ones never.

``call`` speaks HTTP; ``addresses`` gives checked addresses to libraries that open connections themselves (Git).
Nothing here knows what is sent. Answers are limited in size, calls in time as a whole and not per read, redirects are
not followed unless asked for, and then every hop is checked as the first one was. Proxies of the environment are not
used: a proxy would resolve the name again, where nobody checks.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import httpcore
from django.conf import settings

from idp.kernel.errors import Transient, UserFault

LONGEST_URL: Final = 2_000
MOST_ADDRESSES: Final = 4
_PORTS: Final = {"http": 80, "https": 443, "ssh": 22}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_CARRIERS: Final = tuple(ipaddress.IPv6Network(one) for one in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))
"""Whose last 32 bits are an IPv4 address: NAT64, compatible and translated ones."""
_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")
_NOWHERE: Final = (ipaddress.ip_network("3fff::/20"), ipaddress.ip_network("192.88.99.0/24"))
"""For documents, and for a relay that is no more: Python counts both as public."""
_REMEDY: Final = (
    "Use an address that is reachable from the internet, or ask an administrator to add the network or host to "
    "SLIPWAY_OUTBOUND_ALLOW."
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(UserFault):
    """The address is not one that Slipway calls. Trying again changes nothing."""

    code = "address-refused"


class AnswerTooLarge(Refused):
    """More came back than the caller takes; nothing of it is kept."""

    code = "answer-too-large"


class Unreachable(Transient):
    """Nobody answered, not in time, or not in HTTP. The same call may work later."""

    code = "unreachable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are lower-case; ``url`` is the last one after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def check_url(url: str, *, schemes: Sequence[str] = ("https", "http")) -> None:
    """Whether the address may be kept at all, for forms: its shape, and its host if that is an address in any notation.

    A name is not resolved here: that is done at each call, where it counts. Raises Refused.
    """
    _parts(url, schemes)


def addresses(host: str, port: int) -> list[str]:
    """Addresses of the host that may be called, each of them checked, in the order to try them.

    Raises Refused when any of its addresses is not allowed, Unreachable when the name is not known.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise Unreachable(f"No address is known for “{host}”.") from None
    unique = list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))
    for address in unique:
        _check_address(ipaddress.ip_address(address), host)
    return unique[:MOST_ADDRESSES]


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = 15.0,
    most_bytes: int = 5_000_000,
    redirects: int = 0,
) -> Answer:
    """One HTTP call; ``timeout`` is for all of it, in seconds, ``most_bytes`` for the body of the answer.

    With ``redirects`` that many are followed for GET and HEAD, never from https to http, and what authenticates is not
    carried to another host. Without, an answer of 3xx is given as it is. Raises Refused, AnswerTooLarge, Unreachable.
    """
    deadline = time.monotonic() + timeout
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if not all(value.isascii() and value.isprintable() for value in sent.values()):
        raise Refused("A token or header for this address has signs that cannot be sent; type it again.")
    for hop in range(redirects + 1):
        answer = _one(method, url, sent, body, deadline, most_bytes)
        target = answer.headers.get("location", "")
        if answer.status not in _REDIRECTS or not target or not redirects or method not in ("GET", "HEAD"):
            return answer
        if hop == redirects:
            break
        url, sent = _next(url, target, sent)
    raise Refused(f"“{urlsplit(url).hostname}” redirects more than {redirects} times.")


def _next(url: str, target: str, headers: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Where a redirect leads, and the headers that may go there."""
    # Headers are read as Latin-1; servers that send letters beyond ASCII in an address send UTF-8.
    there = urljoin(url, target.encode("latin-1").decode("utf-8", "replace"))
    before, after = urlsplit(url), urlsplit(there)
    if before.scheme == "https" and after.scheme != "https":
        raise Refused(f"“{before.hostname}” redirects from https to {after.scheme or 'nothing'}; that is not followed.")
    if (before.scheme, before.netloc) != (after.scheme, after.netloc):
        headers = {name: value for name, value in headers.items() if name in ("accept", "user-agent", "if-none-match")}
    return there, headers


def _one(method: str, url: str, headers: dict[str, str], body: bytes, deadline: float, most_bytes: int) -> Answer:
    parts = _parts(url, ("https", "http"))
    target = parts._replace(fragment="").geturl()
    # Compressed bodies are not asked for: a small one can hold any amount.
    sent = {"user-agent": "slipway", "accept": "*/*", "accept-encoding": "identity"} | headers
    sent |= (
        {"host": parts.netloc, "content-length": str(len(body))}
        if body or method not in ("GET", "HEAD")
        else {"host": parts.netloc}
    )
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=_Checked(deadline), max_connections=1
            ) as pool,
            pool.stream(method, target, headers=list(sent.items()), content=body or None) as response,
        ):
            given = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            content = _read(response.iter_stream(), given, most_bytes, str(parts.hostname))
            return Answer(response.status, given, content, url)
    except (httpcore.TimeoutException, TimeoutError):
        raise Unreachable(f"“{parts.hostname}” did not answer in time.", delay=30) from None
    except httpcore.ConnectError as error:
        raise Unreachable(_why_not(str(parts.hostname), error), delay=30) from None
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        raise Unreachable(f"“{parts.hostname}” broke the connection off ({type(error).__name__}).", delay=30) from None
    except httpcore.UnsupportedProtocol:
        raise Refused("Only http and https can be called.") from None


def _why_not(host: str, error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"The certificate of “{host}” is not trusted, or was made for another name."
    if "SSL" in str(error):
        return f"“{host}” does not speak TLS on that port."
    return f"Nothing answers at “{host}”."


def _read(chunks: Iterable[bytes], headers: Mapping[str, str], most_bytes: int, host: str) -> bytes:
    told = headers.get("content-length", "")
    size = int(told) if told.isdigit() else 0
    kept = bytearray()
    if size <= most_bytes:
        for chunk in chunks:
            kept += chunk
            if len(kept) > most_bytes:
                break
    if max(size, len(kept)) > most_bytes:
        raise AnswerTooLarge(f"“{host}” answers with more than {most_bytes:,} bytes.")
    return bytes(kept)


def _parts(url: str, schemes: Sequence[str]) -> SplitResult:
    """The address in parts, its shape checked; Refused in words otherwise."""
    if len(url) > LONGEST_URL or any(ord(sign) <= 32 or ord(sign) == 127 for sign in url) or "\\" in url:
        raise Refused(f"An address has at most {LONGEST_URL:,} characters, without spaces and backslashes.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused("This is not an address. Write it like https://example.org/path.") from None
    if parts.scheme not in schemes:
        raise Refused(f"An address here begins with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    if not host or port == 0:
        raise Refused("The address names no host. Write it like https://example.org/path.")
    if "@" in parts.netloc and parts.scheme != "ssh":
        raise Refused("Put no name or password into an address: it would be shown wherever the address is.")
    parts, host = _in_ascii(parts, host)
    literal = _literal(host)
    if literal is not None:
        _check_address(literal, host)
    elif _is_local(host):
        _refuse(host)
    return parts


def _in_ascii(parts: SplitResult, host: str) -> tuple[SplitResult, str]:
    """The same with only ASCII, as it is sent: the host as IDNA writes it, all else in percents."""
    if parts.geturl().isascii():
        return parts, host
    try:
        named = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise Refused(f"“{host}” is not the name of a host.") from None
    user, at, place = parts.netloc.rpartition("@")
    _, colon, port = place.rpartition(":") if parts.port else ("", "", "")
    rest = {part: quote(getattr(parts, part), safe="".join(map(chr, range(33, 127)))) for part in ("path", "query")}
    user = quote(user, safe=":%")
    shown = f"[{named}]" if ":" in named else named
    return parts._replace(netloc=f"{user}{at}{shown}{colon}{port}", **rest), named


def _is_local(host: str) -> bool:
    name = host.rstrip(".")
    return name == "localhost" or name.endswith(".localhost")


def _literal(host: str) -> Address | None:
    """The address that the host is, also in the shorter and other notations that a resolver takes (``0x7f.1``)."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, ValueError):
        return None


def _check_address(address: Address, host: str) -> None:
    """Refuse what lies inside, unless an admin trusts its network, or its name for private networks."""
    inner = _inner(address)
    networks, hosts = _allowed()
    if any(one.version == network.version and one in network for one in {address, inner} for network in networks):
        return
    if _is_public(inner):
        return
    never = inner.is_loopback or inner.is_link_local or inner.is_multicast or inner.is_unspecified
    if never or not any(_named(host, pattern) for pattern in hosts):
        _refuse(host)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_IPV6:
        return False
    nowhere = any(address.version == network.version and address in network for network in _NOWHERE)
    return address.is_global and not address.is_multicast and not nowhere


def _refuse(host: str) -> None:
    raise Refused(f"“{host}” leads into a private network, which Slipway does not call.", remedy=_REMEDY)


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, Teredo, NAT64, …), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    if any(address in network for network in _CARRIERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.teredo:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address


def _allowed() -> tuple[list[ipaddress.IPv4Network | ipaddress.IPv6Network], list[str]]:
    networks, hosts = [], []
    for entry in settings.OUTBOUND_ALLOW:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            hosts.append(entry.lower())
    return networks, hosts


def _named(host: str, pattern: str) -> bool:
    name = host.lower().rstrip(".")
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


class _Checked(httpcore.NetworkBackend):
    """Connects to an address that was checked, and ends everything at one moment."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        failed: Exception | None = None
        for address in addresses(host, port):
            try:
                stream = self.inner.connect_tcp(address, port, _left(self.deadline), None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Timed(stream, self.deadline)
        raise failed or httpcore.ConnectError(f"no address for {host}")


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends with the call, so that a slow drip cannot hold a thread."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self.inner, self.deadline = inner, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.inner.read(max_bytes, _left(self.deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.inner.write(buffer, _left(self.deadline))

    def close(self) -> None:
        self.inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self.inner.start_tls(ssl_context, server_hostname, _left(self.deadline)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        return self.inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the call has used its time")
    return left

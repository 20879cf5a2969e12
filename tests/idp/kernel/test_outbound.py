"""Calls to typed addresses: what is refused before a connection, and what a real server cannot make us do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from idp.kernel import outbound
from tests import names

LOOPBACK = ["127.0.0.0/8"]


class Server(ThreadingHTTPServer):
    """Answers as its handler says, on loopback, and counts who came."""

    daemon_threads = True

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.seen: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                answer(self)

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(answer: Callable[[BaseHTTPRequestHandler], None]) -> Server:
        started.append(Server(answer))
        return started[-1]

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


def says(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1.2.3:8000/",
        "http://localhost/",
        "http://app.localhost/",
        "http://0.0.0.0/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://224.0.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[2002:7f00:0001::]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:0:127.0.0.1]/",
        "http://[fec0::1]/",
        "http://[ff02::1]/",
        "http://[3fff::1]/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://169.254.169.254./",
        "http://localhost./",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "http://１２７.０.０.１/",
        "http://[::1]/ä",
        "http://ä..example/",
        "data:text/plain,x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "https://name:word@example.org/",
        "https:///path",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://exa mple.org/",
        "https://example.org\\@127.0.0.1/",
        "https://example.org/\r\nhost: other",
        "https://[::1/",
        "//example.org/",
        "",
        "https://example.org/" + "a" * 2_000,
    ],
)
def test_it_refuses_the_address_as_it_is_written(url: str) -> None:
    with pytest.raises(outbound.Refused):
        outbound.check_url(url)
    with pytest.raises(outbound.Refused):
        outbound.call("GET", url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a?b=c",
        "http://93.184.216.34:8080/",
        "https://[2606:4700::1]/x",
        "https://[2606:4700::1]/ä",
        "https://bücher.example:8443/ä",
    ],
)
def test_it_takes_public_addresses(url: str) -> None:
    outbound.check_url(url)


@pytest.mark.parametrize(
    "found",
    [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("169.254.169.254",), ("::ffff:10.0.0.1",)],
    ids=["loopback", "public and private", "metadata", "mapped"],
)
def test_it_refuses_a_name_that_leads_inside(monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]) -> None:
    names.leads_to(monkeypatch, *found)
    with pytest.raises(outbound.Refused) as refused:
        outbound.call("GET", "https://hooks.example/")
    assert "SLIPWAY_OUTBOUND_ALLOW" in refused.value.remedy


def test_it_connects_to_the_address_it_checked(monkeypatch: pytest.MonkeyPatch, settings: Any, server: Any) -> None:
    """The second answer of a name server that binds anew is never asked for."""
    inside = server(says(200, b"secret"))
    asked: list[str] = []
    real = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host == "rebind.example":
            asked.append(host)
            address = "127.0.0.2" if len(asked) == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
        return real(host, port, *args, **kwargs)

    settings.OUTBOUND_ALLOW = ["127.0.0.2/32"]
    names.asks(monkeypatch, rebinding)
    with pytest.raises(outbound.Unreachable):
        outbound.call("GET", f"http://rebind.example:{inside.server_address[1]}/", timeout=5)
    assert asked == ["rebind.example"]
    assert inside.seen == []


@pytest.mark.parametrize(
    ("allowed", "address", "passes"),
    [
        (["10.0.0.0/8"], "10.1.2.3", True),
        (["10.0.0.0/16"], "10.1.2.3", False),
        (["git.example"], "10.1.2.3", True),
        (["*.example"], "10.1.2.3", True),
        (["*.other"], "10.1.2.3", False),
        (["git.example"], "127.0.0.1", False),
        (["git.example"], "169.254.169.254", False),
        (["git.example"], "::127.0.0.1", False),
        (["git.example"], "::ffff:0:169.254.169.254", False),
        (["127.0.0.0/8"], "127.0.0.1", True),
        (["10.0.0.0/8"], "::ffff:10.1.2.3", True),
    ],
)
def test_it_lets_through_what_an_admin_trusts(
    monkeypatch: pytest.MonkeyPatch, settings: Any, allowed: list[str], address: str, passes: bool
) -> None:
    settings.OUTBOUND_ALLOW = allowed
    names.leads_to(monkeypatch, address)
    if passes:
        assert outbound.addresses("git.example", 443) == [address]
    else:
        with pytest.raises(outbound.Refused):
            outbound.addresses("git.example", 443)


def test_it_gives_the_answer(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(201, b"made", x_kind="thing"))
    answer = outbound.call("POST", f"{here.url}/in?x=1#part", headers={"X-Token": "t"}, body=b"{}")
    assert (answer.status, answer.ok, answer.body, answer.headers["x-kind"]) == (201, True, b"made", "thing")
    path, headers = here.seen[0]
    assert path == "/in?x=1"
    assert (headers["x-token"], headers["content-length"], headers["accept-encoding"]) == ("t", "2", "identity")


def test_it_sends_letters_beyond_ascii_as_their_bytes(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(200, b"ok"))
    assert outbound.call("GET", f"{here.url}/straße/a%20b?q=ü&r=%C3%BC").ok
    assert here.seen[0][0] == "/stra%C3%9Fe/a%20b?q=%C3%BC&r=%C3%BC"


def test_it_follows_a_redirect_with_letters_beyond_ascii(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    there = server(says(200, b"ok"))
    here = server(says(302, location=f"{there.url}/straße".encode().decode("latin-1")))
    assert outbound.call("GET", here.url, redirects=1).body == b"ok"
    assert there.seen[0][0] == "/stra%C3%9Fe"


@pytest.mark.parametrize("token", ["tökén", "a\r\nhost: other", "a\x00b"])
def test_it_sends_no_header_that_cannot_be_one(settings: Any, server: Any, token: str) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(200))
    with pytest.raises(outbound.Refused, match="type it again"):
        outbound.call("GET", here.url, headers={"Authorization": token})
    assert here.seen == []


def test_it_gives_a_redirect_as_it_is(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(302, location="http://169.254.169.254/"))
    assert outbound.call("GET", here.url).status == 302


@pytest.mark.parametrize("target", ["http://169.254.169.254/", "file:///etc/passwd", "http://10.0.0.1/"])
def test_it_checks_where_a_redirect_leads(settings: Any, server: Any, target: str) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(302, location=target))
    with pytest.raises(outbound.Refused):
        outbound.call("GET", here.url, redirects=3)


def test_it_carries_no_token_to_another_host(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    there = server(says(200, b"end"))
    here = server(says(302, location=f"{there.url}/end"))
    answer = outbound.call("GET", here.url, headers={"Authorization": "Bearer x", "Accept": "a/b"}, redirects=1)
    assert (answer.body, answer.url) == (b"end", f"{there.url}/end")
    assert "authorization" not in there.seen[0][1]
    assert there.seen[0][1]["accept"] == "a/b"


def test_it_stops_following_in_circles(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(302, location="/again"))
    with pytest.raises(outbound.Refused):
        outbound.call("GET", here.url, redirects=3)
    assert len(here.seen) == 4


def _endless(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        while True:
            request.wfile.write(b"x" * 65_536)
    except OSError:
        request.close_connection = True


def _dripping(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    try:
        for _ in range(200):
            request.wfile.write(b"x")
            request.wfile.flush()
            time.sleep(0.05)
    except OSError:
        request.close_connection = True


@pytest.mark.parametrize("answer", [_endless, says(200, b"x" * 2_000)], ids=["endless", "told"])
def test_it_takes_no_more_than_agreed(settings: Any, server: Any, answer: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    with pytest.raises(outbound.AnswerTooLarge):
        outbound.call("GET", server(answer).url, most_bytes=1_000)


def test_it_ends_a_slow_drip_with_the_call(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    with pytest.raises(outbound.Unreachable, match="in time"):
        outbound.call("GET", server(_dripping).url, timeout=0.5)


def test_it_tells_in_words_that_nobody_answers(settings: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(outbound.Unreachable, match="Nothing answers"):
            outbound.call("GET", f"http://127.0.0.1:{port}/")


def test_it_tells_in_words_that_the_other_side_speaks_no_tls(settings: Any, server: Any) -> None:
    settings.OUTBOUND_ALLOW = LOOPBACK
    here = server(says(200))
    with pytest.raises(outbound.Unreachable, match="TLS"):
        outbound.call("GET", here.url.replace("http://", "https://"))

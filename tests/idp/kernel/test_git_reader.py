"""Reading a commit from a Git server that may be anything."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import paramiko
import pytest
from dulwich.objects import Blob
from dulwich.repo import MemoryRepo

from idp.kernel import git_reader, outbound
from idp.kernel.git_reader import Limits, Refused, Secret, fetch
from tests.idp.kernel.git_servers import commit, http_server, ssh_server

FILES = {"slipway/staging.yaml": b"kind: Environment\n", "README.md": b"# app\n", "a/b/c.yml": b"x: 1\n"}


@pytest.fixture(autouse=True)
def this_machine_is_allowed(settings):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]


def read(fetched, wanted=lambda path: True):
    return {one.path: one.content for one in fetched.files(wanted)}


def test_it_reads_the_newest_commit_and_its_files():
    with http_server() as server:
        commit(server.repo, {"old.yaml": b"1"})
        head = commit(server.repo, FILES, subject="Add staging\n\nwith words")
        found = fetch(server.url, "main")
    assert (found.commit.id, found.commit.author, found.commit.email) == (head, "Ada Lovelace", "ada@example.org")
    assert found.commit.subject == "Add staging"
    assert read(found) == FILES
    assert read(found, lambda path: path.startswith("slipway/")) == {"slipway/staging.yaml": b"kind: Environment\n"}


def test_it_takes_the_default_branch_and_says_when_nothing_is_new():
    with http_server() as server:
        head = commit(server.repo, FILES)
        assert fetch(server.url).commit.id == head
        server.asked.clear()
        assert fetch(server.url, "main", known=head) is None
        assert server.asked == ["/app.git/info/refs"]


def test_it_reads_another_branch():
    with http_server() as server:
        commit(server.repo, FILES)
        commit(server.repo, {"only.yaml": b"2"}, branch="release/1.4")
        assert read(fetch(server.url, "release/1.4")) == {"only.yaml": b"2"}
        with pytest.raises(Refused, match="no branch “gone”"):
            fetch(server.url, "gone")


def test_it_passes_links_and_submodules_over():
    with http_server() as server:
        target = Blob.from_string(b"/etc/passwd")
        server.repo.object_store.add_object(target)
        commit(server.repo, FILES, extra=((b"link.yaml", 0o120000, target.id), (b"sub", 0o160000, b"1" * 40)))
        assert set(read(fetch(server.url))) == set(FILES)


def test_it_tells_a_file_that_is_too_large_without_its_content():
    with http_server() as server:
        commit(server.repo, {"big.yaml": b"x" * 2000, "small.yaml": b"y"})
        found = fetch(server.url, limits=Limits(file=1000))
        assert read(found) == {"big.yaml": None, "small.yaml": b"y"}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        pytest.param(Limits(pack=500), "more than", id="pack"),
        pytest.param(Limits(unfolded=50_000), "more than", id="unfolded"),
        pytest.param(Limits(objects=3), "more than 3 files", id="objects"),
        pytest.param(Limits(files=2), "More than 2 files", id="files"),
    ],
)
def test_it_holds_its_limits(limits, said):
    with http_server() as server:
        commit(server.repo, FILES | {"zeros.yaml": b"\0" * 100_000, "n.bin": bytes(range(256)) * 3})
        with pytest.raises(outbound.Refused, match=said):
            read(fetch(server.url, limits=limits))


def test_it_ends_a_fetch_whose_time_is_over():
    with http_server() as server:
        commit(server.repo, FILES)
        with pytest.raises(outbound.Unreachable):
            fetch(server.url, limits=Limits(seconds=0.0))


def test_it_sends_a_token_only_over_https_and_says_when_it_is_refused():
    with pytest.raises(Refused, match="never sent over http"):
        fetch("http://git.example/app.git", secret=Secret(token="t"))
    with http_server() as server:
        server.token = "right"
        commit(server.repo, FILES)
        with pytest.raises(Refused, match="does not let Slipway read"):
            fetch(server.url)


def test_a_token_goes_with_every_request(monkeypatch):
    monkeypatch.setattr(git_reader, "check_address", lambda url, secret=None: url)
    with http_server() as server:
        server.token = "right"
        commit(server.repo, FILES)
        assert read(fetch(server.url, secret=Secret(token="right"))) == FILES
        with pytest.raises(Refused, match="does not let Slipway read") as caught:
            fetch(server.url, secret=Secret(token="wrong"))
    assert "wrong" not in f"{caught.value} {caught.value.remedy} {Secret(token='wrong')!r}"


@pytest.mark.parametrize(
    ("status", "headers", "kind", "said"),
    [
        ("302 Found", [("Location", "http://169.254.169.254/")], Refused, "has moved"),
        ("404 Not Found", [], Refused, "no Git repository"),
        ("500 Oops", [], outbound.Unreachable, "answers with 500"),
        ("200 OK", [("Content-Type", "text/html")], Refused, "does not speak Git"),
        ("200 OK", [("Content-Type", "application/x-git-upload-pack-advertisement")], Refused, "does not speak Git"),
    ],
)
def test_it_says_what_is_wrong_with_a_server(status, headers, kind, said):
    def wrap(environ, start):
        start(status, headers)
        return [b"zzzz hello" if status.startswith("200") else b""]

    with http_server() as server:
        server.wrap = wrap
        with pytest.raises((kind,), match=said):
            fetch(server.url)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "git://git.example/app",
        "/etc/passwd",
        "https://user:word@git.example/app",
        "https://git.example",
        "https://git.example/app?x=1",
        "ext::sh -c id",
        "https://169.254.169.254/latest",
        "git@localhost:app.git",
        "-oProxyCommand=id",
    ],
)
def test_it_refuses_addresses_that_are_no_repository_outside(url, settings):
    settings.OUTBOUND_ALLOW = []
    with pytest.raises(outbound.Refused):
        fetch(url)


def test_it_calls_no_private_network_unless_it_is_allowed(settings):
    with http_server() as server:
        commit(server.repo, FILES)
        settings.OUTBOUND_ALLOW = []
        with pytest.raises(outbound.Refused):
            fetch(server.url)
        assert server.asked == []


@pytest.mark.parametrize("branch", ["a..b", "-x", "a b", "x.lock/", "^a", "a\n"])
def test_it_refuses_what_is_no_branch(branch):
    with pytest.raises(Refused, match="name of a branch"):
        fetch("https://git.example/app", branch)


def test_the_short_form_of_ssh_is_read():
    assert git_reader.check_address("git@git.example:team/app.git") == "ssh://git@git.example/team/app.git"


# --- ssh ---


def text_of(key: paramiko.ECDSAKey) -> str:
    kept = io.StringIO()
    key.write_private_key(kept)
    return kept.getvalue()


@pytest.fixture(scope="module")
def keys():
    return [paramiko.ECDSAKey.generate() for _ in range(3)]


def test_it_reads_over_ssh_and_tells_the_host_key(keys):
    mine, host, _ = keys
    repo = MemoryRepo()
    head = commit(repo, FILES)
    with ssh_server(repo, mine, host) as url:
        found = fetch(url, "main", Secret(key=text_of(mine)))
        assert (found.commit.id, read(found)) == (head, FILES)
        assert found.host_key == f"{host.get_name()} {host.get_base64()}"
        assert fetch(url, "main", Secret(key=text_of(mine), host_key=found.host_key), head) is None


def test_it_refuses_another_host_key_and_another_key(keys):
    mine, host, other = keys
    repo = MemoryRepo()
    commit(repo, FILES)
    with ssh_server(repo, mine, host) as url:
        with pytest.raises(Refused, match="another host key"):
            fetch(url, "main", Secret(key=text_of(mine), host_key=f"{other.get_name()} {other.get_base64()}"))
        with pytest.raises(Refused, match="does not accept the key"):
            fetch(url, "main", Secret(key=text_of(other)))


@pytest.mark.parametrize(
    "text", ["", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"]
)
def test_it_says_when_a_key_is_none(text):
    with pytest.raises(Refused, match="not a private key"):
        git_reader.read_key(text)


# --- packs that lie ---


def pack_of(*objects: bytes, count: int | None = None) -> io.BytesIO:
    body = b"PACK" + struct.pack(">II", 2, len(objects) if count is None else count) + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def header(kind: int, size: int) -> bytes:
    first, size = (kind << 4) | (size & 15), size >> 4
    made = bytearray()
    while size:
        made.append(first | 128)
        first, size = size & 127, size >> 7
    return bytes([*made, first])


LIES = {
    "larger than told": pack_of(header(3, 10) + zlib.compress(b"x" * 5_000_000)),
    "smaller than told": pack_of(header(3, 1000) + zlib.compress(b"x")),
    "told to be endless": pack_of(header(3, 2**60) + zlib.compress(b"x")),
    "a delta that makes too much": pack_of(
        header(7, 12) + b"\1" * 20 + zlib.compress(b"\x01" + b"\xff\xff\xff\xff\xff\x01" + b"x" * 5)
    ),
    "ends too early": pack_of(count=5),
    "no pack": b"HTML" * 20,
    "nothing": b"",
}


@pytest.mark.parametrize("pack", LIES.values(), ids=LIES.keys())
def test_it_measures_a_pack_before_it_unfolds_it(pack, tmp_path):
    with (tmp_path / "pack").open("w+b") as kept:
        kept.write(pack)
        with pytest.raises(Refused):
            git_reader._measure(kept, Limits(unfolded=1_000_000), git_reader.Meter(10, 10**9))

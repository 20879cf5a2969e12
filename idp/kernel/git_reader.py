"""Reads the newest commit of a branch of somebody's Git repository, and the files in it, without checking it out.

Called by Git sync and by the import of catalogs, from workers only: a fetch may take as long as ``Limits.seconds``.
Everything on the other side is hostile until proven otherwise. Connections go to addresses that ``idp.kernel.outbound``
checked, a clock ends them as a whole, and a pack is measured before anything in it is unfolded. Only blobs are read:
nothing is written to a disk but the pack itself, links and submodules are passed over, no hook and no filter runs.
``https`` and ``ssh`` are spoken, and ``http`` where no secret is sent. It raises ``Refused`` for what stays wrong and
``outbound.Unreachable`` for what may work later, and knows nothing of what the files mean.
"""

from __future__ import annotations

import mmap
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from stat import S_ISDIR, S_ISREG
from typing import IO, Any, Final
from urllib.parse import urlsplit

import paramiko
from dulwich.client import GitClient, HTTPUnauthorized
from dulwich.errors import ChecksumMismatch, GitProtocolError, HangupException, NotGitRepository, ObjectFormatException
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.object_store import ObjectStoreGraphWalker
from dulwich.objects import Commit as GitCommit
from dulwich.objects import ShaFile, Tag, Tree
from dulwich.pack import MemoryPackIndex, Pack, PackData, UnresolvedDeltas

from idp.kernel import outbound
from idp.kernel.git_transport import (
    HostKeyChanged,
    HttpClient,
    Meter,
    PinnedSsh,
    Refused,
    SshClient,
    read_key,
    too_large,
)

__all__ = [
    "LIMITS",
    "Commit",
    "Fetched",
    "File",
    "HostKeyChanged",
    "Limits",
    "Refused",
    "Secret",
    "check_address",
    "fetch",
    "read_key",
]

_SCP: Final = re.compile(r"^(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9.-]+):(?!/)(\S+)$")
_BRANCH: Final = re.compile(r"^(?!/|-)(?!.*(\.\.|@\{|//|\\))[^\x00-\x20~^:?*\[]{1,200}(?<![/.])\Z")
_COMMIT: Final = re.compile(rb"[0-9a-f]{40}")
_OFFSET_DELTA: Final = 6
_NAMED_DELTA: Final = 7
_NUMBERS: Final = 32
"""Bytes at the beginning of a delta that hold its two sizes, and more."""
_CHUNK: Final = 65_536
_MOST_DEPTH: Final = 40


@dataclass(frozen=True, slots=True)
class Limits:
    """For one fetch. ``unfolded`` are the bytes of all objects of the commit together, ``file`` those of one file."""

    seconds: float = 60.0
    pack: int = 50_000_000
    unfolded: int = 200_000_000
    objects: int = 100_000
    file: int = 1_000_000
    files: int = 5_000


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Secret:
    """``token`` is for https, sent with ``username``; ``key`` is a private key for ssh, ``host_key`` what the host must
    show, as ``ssh-ed25519 AAAA…``, any when empty."""

    token: str = field(default="", repr=False)
    username: str = ""
    key: str = field(default="", repr=False)
    host_key: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """Who wrote what, and when. Texts are as their author typed them, cut to 200 characters, with nothing unseen."""

    id: str
    author: str
    email: str
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class File:
    """``content`` is None for a file that is larger than may be read; ``size`` says how large it is."""

    path: str
    size: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A commit, the key its host showed (ssh), and what is in it."""

    commit: Commit
    host_key: str
    _files: Callable[[Callable[[str], bool]], Iterator[File]] = field(repr=False)

    def files(self, wanted: Callable[[str], bool] = lambda path: True) -> Iterator[File]:
        """Regular files whose path from the root is ``wanted``, by path. Refused when there are too many."""
        return self._files(wanted)


def check_address(url: str, *, secret: Secret | None = None) -> str:
    """The address in the form in which it is kept; Refused says what is right. ``git@host:path`` becomes ``ssh://``."""
    short = _SCP.match(url) if "://" not in url else None
    url = f"ssh://{short[1] or 'git'}@{short[2]}/{short[3]}" if short else url
    outbound.check_url(url, schemes=("https", "http", "ssh"))
    parts = urlsplit(url)
    if parts.password is not None:
        raise Refused("Put no password into the address; give it as the token.")
    if not parts.path.strip("/") or parts.query or parts.fragment:
        raise Refused("The address ends with the path of the repository, such as https://git.example/team/app.git.")
    if parts.scheme == "http" and secret is not None and secret.token:
        raise Refused("A token is never sent over http. Use https.")
    return url


def check_branch(branch: str) -> None:
    if branch and not _BRANCH.match(branch):
        raise Refused("This is not the name of a branch, such as main or release/1.4.")


def fetch(
    url: str, branch: str = "", secret: Secret | None = None, known: str = "", *, limits: Limits = LIMITS
) -> Fetched | None:
    """The newest commit of ``branch``, the default one when empty; None when it is ``known`` already.

    Raises Refused (nothing that trying again would help) and ``outbound.Unreachable``.
    """
    secret = secret or Secret()
    url = check_address(url, secret=secret)
    check_branch(branch)
    meter = Meter(limits.seconds, limits.pack)
    ssh = PinnedSsh(meter, secret.key, secret.host_key) if url.startswith("ssh:") else None
    with tempfile.TemporaryFile() as pack:
        try:
            head = _receive(_client(url, meter, secret, ssh), urlsplit(url).path, branch, known, pack)
            if head is None:
                return None
            objects = _Objects(pack, limits, meter)
            commit = objects.commit(head)
            files = objects.entries(commit.tree)
        except (Refused, outbound.Refused, outbound.Unreachable):
            raise
        except Exception as error:  # noqa: BLE001 - a library over hostile bytes raises anything; what is not known is raised on
            raise _in_words(error) from None
        finally:
            if ssh is not None:
                ssh.close()
    return Fetched(_told(commit), ssh.host_key if ssh else "", lambda wanted: objects.files(files, wanted))


def _client(url: str, meter: Meter, secret: Secret, ssh: PinnedSsh | None) -> GitClient:
    parts = urlsplit(url)
    if ssh is not None:
        return SshClient(parts.hostname or "", parts.port or 22, parts.username or "git", ssh)
    return HttpClient(f"{parts.scheme}://{parts.netloc}/", meter, secret.username or "git", secret.token)


def _receive(client: GitClient, path: str, branch: str, known: str, pack: IO[bytes]) -> bytes | None:
    """The head of the branch, its commit and what is in it written to ``pack``; None when it is the known one."""
    heads: list[bytes] = []

    def wants(refs: Any, depth: int | None = None) -> list[bytes]:
        found = refs.get(f"refs/heads/{branch}".encode() if branch else b"HEAD")
        if found is None:
            told = f"The repository has no branch “{branch}”." if branch else "The repository has no commits yet."
            raise Refused(told)
        if not _COMMIT.fullmatch(found):
            raise Refused("The repository names its commits in a way that Slipway does not read (SHA-256).")
        heads.append(found)
        return [] if found.decode() == known else [found]

    # Nothing is here that the other side could build on, so the pack is whole, though dulwich says “thin-pack”.
    walker = ObjectStoreGraphWalker([], lambda one: [])
    client.fetch_pack(path, wants, walker, pack.write, depth=1)  # type: ignore[arg-type]
    return None if heads[0].decode() == known else heads[0]


def _in_words(error: Exception) -> Exception:
    if isinstance(error, HTTPUnauthorized):
        told = "The Git server does not let Slipway read this repository."
        return Refused(told, remedy="Give a token that may read it, or make a new one if it has expired.")
    if isinstance(error, NotGitRepository):
        told = "There is no Git repository at this address that Slipway may read."
        return Refused(told, remedy="Check the address, and that the token or key may read it.")
    if isinstance(error, paramiko.AuthenticationException):
        told = "The Git server does not accept the key."
        return Refused(told, remedy="Add the public key to the repository as a deploy key that may read.")
    if isinstance(error, (paramiko.SSHException, EOFError, OSError, HangupException)):
        return outbound.Unreachable("The Git server broke the connection off.", delay=60)
    if isinstance(error, (GitProtocolError, AssertionError, ValueError, KeyError, IndexError)):
        return Refused("What answers at this address does not speak Git as it should.", remedy="Check the address.")
    if isinstance(error, (zlib.error, ChecksumMismatch, UnresolvedDeltas, ObjectFormatException)):
        return Refused("The repository sent objects that cannot be read.")
    return error


class _Objects:
    """The objects of one pack, after they were measured. Trees and wanted blobs are unfolded one at a time."""

    def __init__(self, pack: IO[bytes], limits: Limits, meter: Meter) -> None:
        _measure(pack, limits, meter)
        self.limits = limits
        self.data = PackData("commit.pack", DEFAULT_OBJECT_FORMAT, file=pack)
        self.pack = Pack.from_objects(self.data, MemoryPackIndex.for_pack(self.data))

    def commit(self, name: bytes) -> GitCommit:
        found: ShaFile = self.pack[name]  # type: ignore[index]
        for _ in range(5):
            if not isinstance(found, Tag):
                break
            found = self.pack[found.object[1]]
        if not isinstance(found, GitCommit):
            raise Refused("The branch does not lead to a commit.")
        return found

    def entries(self, tree: bytes) -> list[tuple[str, bytes]]:
        """Path and name of every regular file, by path. A path that is no text is passed over."""
        found: list[tuple[str, bytes]] = []
        waiting = [("", tree, 0)]
        while waiting:
            above, name, depth = waiting.pop()
            here = self.pack[name]  # type: ignore[index]
            if not isinstance(here, Tree) or depth > _MOST_DEPTH or len(found) > self.limits.objects:
                raise Refused("The folders of the repository cannot be read: they are too deep, or not folders.")
            for raw, mode, child in here.iteritems():
                part = _name(raw)
                if part and S_ISDIR(mode):
                    waiting.append((f"{above}{part}/", child, depth + 1))
                elif part and S_ISREG(mode):
                    found.append((f"{above}{part}", child))
        return sorted(found)

    def files(self, entries: list[tuple[str, bytes]], wanted: Callable[[str], bool]) -> Iterator[File]:
        chosen = [(path, name) for path, name in entries if wanted(path)]
        if len(chosen) > self.limits.files:
            raise Refused(f"More than {self.limits.files:,} files are chosen; name a folder with fewer.")
        for path, name in chosen:
            try:
                _, content = self.pack.get_raw(name)  # type: ignore[arg-type]
            except KeyError:
                raise Refused(f"The repository did not send {path}.") from None
            yield File(path, len(content), content if len(content) <= self.limits.file else None)


def _name(raw: bytes) -> str:
    """A part of a path that can be shown and compared; empty for what could mean another place."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return "" if text in ("", ".", "..", ".git") or "/" in text or not text.isprintable() else text


def _told(commit: GitCommit) -> Commit:
    name, _, email = _text(commit.author).partition("<")
    zone = timezone(timedelta(seconds=max(-50_400, min(50_400, commit.commit_timezone))))
    try:
        at = datetime.fromtimestamp(commit.commit_time, zone).astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        at = datetime.fromtimestamp(0, UTC)
    subject = _text(commit.message).strip().split("\n")[0]
    return Commit(commit.id.decode(), _plain(name), _plain(email.rstrip("> ")), _plain(subject), at)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _plain(text: str) -> str:
    return "".join(sign for sign in text.strip() if sign.isprintable())[:200]


def _measure(pack: IO[bytes], limits: Limits, meter: Meter) -> None:
    """Refuse a pack whose objects would be more than may be held, before any of them is unfolded as a whole.

    Walks the pack once and lets go of what it unpacks. A delta counts as what it says it makes; what is read later is
    held by dulwich to the sizes that are counted here.
    """
    pack.flush()
    if pack.tell() == 0:
        raise Refused("The repository sent nothing.")
    with mmap.mmap(pack.fileno(), 0, access=mmap.ACCESS_READ) as data:
        reader = _PackBytes(data)
        if reader.take(4) != b"PACK" or reader.number(4) not in (2, 3):
            raise Refused("The repository sent something else than a pack.")
        count = reader.number(4)
        if count > limits.objects:
            raise Refused(f"The newest commit has more than {limits.objects:,} files and folders.")
        unfolded = 0
        for _ in range(count):
            _ = meter.seconds
            unfolded += reader.object(limits.unfolded)
            if unfolded > limits.unfolded:
                raise too_large(limits.unfolded)
    pack.seek(0)


class _PackBytes:
    """A pack and how far it was read."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise Refused("The repository sent a pack that ends too early.")
        self.at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def object(self, most: int) -> int:
        """Passes over one object and says how many bytes hold it and what it makes; not further than ``most``."""
        byte = self.take(1)[0]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 128 and shift < 64:
            byte = self.take(1)[0]
            size |= (byte & 127) << shift
            shift += 7
        if kind == _OFFSET_DELTA:
            while self.take(1)[0] & 128:
                pass
        elif kind == _NAMED_DELTA:
            self.take(20)
        if size > most:
            raise too_large(most)
        try:
            start = self._inflated(size)
        except zlib.error:
            raise Refused("The repository sent objects that cannot be read.") from None
        return size + (_made_of(start) if kind in (_OFFSET_DELTA, _NAMED_DELTA) else 0)

    def _inflated(self, size: int) -> bytes:
        """Passes over compressed bytes, which must be ``size`` when unpacked; the first of them."""
        unpacker, seen, start = zlib.decompressobj(), 0, b""
        step = min(size + 64, _CHUNK)
        while not unpacker.eof and seen <= size:
            part = self.data[self.at : self.at + step]
            if not part:
                raise Refused("The repository sent a pack that ends too early.")
            made = unpacker.decompress(part, size + 1 - seen)
            self.at += len(part) - len(unpacker.unused_data) - len(unpacker.unconsumed_tail)
            seen += len(made)
            start = start if len(start) >= _NUMBERS else start + made[:_NUMBERS]
        if seen != size:
            raise Refused("The repository sent objects that are not as large as they say.")
        return start


def _made_of(delta: bytes) -> int:
    """The size of what a delta makes, which its second number says."""
    numbers, value, shift = [], 0, 0
    for byte in delta:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            numbers.append(value)
            value = shift = 0
            if len(numbers) == 2:
                return numbers[1]
    raise Refused("The repository sent a change of an object that cannot be read.")

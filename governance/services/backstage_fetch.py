"""Reads the files of a source: what was uploaded, an address, a Git repository, or a running Backstage.

Called by ``backstage_runs`` from workers, outside of transactions. Every call goes through ``idp.kernel.outbound`` or
``idp.kernel.git_reader``, which refuse what leads into our own network. A token is sent to the source's own host only.
Raises InvalidInput for what stays wrong and Transient for what may work later.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urljoin

from django.conf import settings

from governance.domain.backstage.findings import Finding
from governance.domain.backstage.outgoing import is_echo
from governance.domain.backstage.placeholders import Unreadable
from governance.domain.backstage.places import location_targets, matcher, raw_address, same_host
from governance.domain.backstage.reading import MOST_ENTITY_BYTES, MOST_FILE_BYTES, Draft, read_file
from governance.models import CatalogSource
from governance.services.backstage_reading import (
    Fetch,
    Gathered,
    SourceFile,
    entity_items,
    gather,
    is_address,
    plain_path,
)
from governance.services.backstage_sources import git_secret, secret_of
from idp.kernel import git_reader, outbound
from idp.kernel.errors import InvalidInput, SlipwayError

MOST_FILES: Final = 2_000
MOST_CALLS: Final = 500
MOST_DEPTH: Final = 5
MOST_PAGES: Final = 200
PAGE: Final = 1_000
MOST_KNOWN: Final = 200_000
SECONDS: Final = 240.0


@dataclass(frozen=True, slots=True)
class Read:
    """What a source has; ``gathered`` is None when it has not changed since ``known``."""

    gathered: Gathered | None
    known: str = ""
    host_key: str = ""


def source_read(source: CatalogSource, files: list[SourceFile] | None, *, anew: bool = False) -> Read:
    """Everything that the source has now. ``files`` are what was uploaded; ``anew`` reads what has not changed too."""
    calls = _Calls(source)
    if files is not None:
        return Read(gather(files, calls.fetch))
    known = "" if anew else source.known
    readers: dict[str, Callable[[CatalogSource, _Calls, str], Read]] = {
        "url": _address,
        "git": _repository,
        "backstage": _backstage,
    }
    if source.kind not in readers:
        raise InvalidInput("Upload the files of this source; it has no address.")
    return readers[source.kind](source, calls, known)


class _Calls:
    """Calls of one import, counted and timed together."""

    def __init__(self, source: CatalogSource) -> None:
        self._source, self._secret = source, secret_of(source) if source.kind in ("url", "backstage") else ""
        self._left, self._end = MOST_CALLS, time.monotonic() + SECONDS

    def get(self, url: str, *, most: int, known: str = "") -> outbound.Answer:
        self._left -= 1
        seconds = min(30.0, self._end - time.monotonic())
        if self._left < 0 or seconds <= 0:
            raise InvalidInput(f"An import makes at most {MOST_CALLS} calls in {SECONDS:.0f} seconds.")
        headers = {"accept": "application/yaml, application/json, text/plain, */*"}
        if self._secret and same_host(url, self._source.url):
            headers["authorization"] = f"Bearer {self._secret}"
        if known:
            headers["if-none-match"] = known
        return outbound.call("GET", raw_address(url), headers=headers, timeout=seconds, most_bytes=most, redirects=3)

    def fetch(self, url: str) -> bytes:
        """For what a document takes in; Unreadable says why not."""
        try:
            answer = self.get(url, most=MOST_ENTITY_BYTES)
        except SlipwayError as error:
            raise Unreadable(error.message) from None
        if not answer.ok:
            raise Unreadable(f"the address answers {answer.status}")
        return answer.body


def _address(source: CatalogSource, calls: _Calls, known: str) -> Read:
    answer = calls.get(source.url, most=MOST_FILE_BYTES, known=known)
    if answer.status == 304:
        return Read(None, known)
    _require_ok(answer)
    first = SourceFile(source.url, answer.body)

    def load(target: str, base: str) -> SourceFile:
        url = urljoin(base, target)
        if not is_address(url):
            raise Unreadable("only addresses are read for this source")
        return SourceFile(url, calls.fetch(url))

    files, refused = _followed([first], load)
    gathered = gather(files, calls.fetch)
    gathered.refuse(refused)
    whole = len(files) == 1 and not gathered.refused
    return Read(gathered, answer.headers.get("etag", "")[:200] if whole else "")


def _repository(source: CatalogSource, calls: _Calls, known: str) -> Read:
    fetched = git_reader.fetch(source.url, source.branch, git_secret(source), known)
    if fetched is None:
        return Read(None, known)

    def beside(path: str) -> bytes:
        for file in fetched.files(lambda one: one == path):
            if file.content is None:
                raise Unreadable("the file is too large")
            return file.content
        raise Unreadable("the repository has no such file")

    def load(target: str, base: str) -> SourceFile:
        if is_address(target):
            return SourceFile(target, calls.fetch(target))
        path = plain_path(urljoin(f"/{base}", target))
        return SourceFile(path, beside(path))

    found = list(fetched.files(matcher(source.pattern)))
    files, refused = _followed([SourceFile(one.path, one.content or b"") for one in found if one.content], load)
    gathered = gather(files, calls.fetch, beside)
    told = f"The file is larger than {MOST_ENTITY_BYTES:,} bytes."
    gathered.refuse([*refused, *(Finding("too-large", told, one.path) for one in found if one.content is None)])
    return Read(gathered, fetched.commit.id, fetched.host_key)


def _followed(
    files: Iterable[SourceFile], load: Callable[[str, str], SourceFile]
) -> tuple[list[SourceFile], list[Finding]]:
    """The files with those that their Locations point at, as deep as ``MOST_DEPTH``, and what could not be read."""
    found = {file.path: file for file in files}
    refused: list[Finding] = []
    waiting = [(file, 0) for file in found.values()]
    while waiting:
        file, depth = waiting.pop(0)
        for draft, said in _targets(file):
            if depth >= MOST_DEPTH or len(found) >= MOST_FILES:
                refused.append(draft.finding("location", f"{said[:120]} is not followed: too deep, or too many files."))
                continue
            try:
                loaded = load(said, file.path)
            except (Unreadable, ValueError) as error:  # ValueError: no address at all, such as “http://[”
                optional = (draft.data.get("spec") or {}).get("presence") == "optional"
                if not optional:
                    refused.append(draft.finding("location", f"{said[:120]} cannot be read: {error}.", "spec.targets"))
                continue
            if loaded.path not in found:
                found[loaded.path] = loaded
                waiting.append((loaded, depth + 1))
    return list(found.values()), refused


def _targets(file: SourceFile) -> Iterable[tuple[Draft, str]]:
    if b"ocation" not in file.content:
        return
    for draft in read_file(file.path, file.content):
        if isinstance(draft, Draft):
            yield from ((draft, said) for said in location_targets(draft.data))


def _backstage(source: CatalogSource, calls: _Calls, known: str) -> Read:
    """All entities of a running Backstage, page by page; nothing when every page is as it was by its ETag.

    What it has from here is left out: taken in, it would stand for our own rows and go out as it once was.
    """
    if known and all(_is_same(source, calls, *one) for one in _known_pages(known)):
        return Read(None, known)
    entities: list[Any] = []
    pages: list[tuple[str, str]] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        answer = calls.get(_page_url(source, cursor), most=MOST_FILE_BYTES * 2)
        _require_ok(answer)
        pages.append((cursor, answer.headers.get("etag", "")))
        items, cursor = _page(answer.body)
        entities += [one for one in items if not (isinstance(one, dict) and is_echo(one, settings.BASE_URL))]
        if not cursor:
            return Read(entity_items(entities, source.url), _as_known(pages))
    raise InvalidInput(f"The catalog has more than {MOST_PAGES * PAGE:,} entities.")


def _page_url(source: CatalogSource, cursor: str) -> str:
    query = urlencode({"limit": PAGE, **({"cursor": cursor} if cursor else {})})
    return f"{source.url.rstrip('/')}/api/catalog/entities/by-query?{query}"


def _is_same(source: CatalogSource, calls: _Calls, cursor: str, etag: str) -> bool:
    """Whether a page answers 304. A page says where the next one begins, so none can come, go or move unseen."""
    return calls.get(_page_url(source, cursor), most=MOST_FILE_BYTES * 2, known=etag).status == 304


def _as_known(pages: list[tuple[str, str]]) -> str:
    """The cursor and the ETag of each page; nothing where one has no ETag, or they are too long to keep."""
    kept = json.dumps(pages) if all(etag for _, etag in pages) else ""
    return kept if len(kept) <= MOST_KNOWN else ""


def _known_pages(known: str) -> list[tuple[str, str]]:
    """What ``_as_known`` kept; anything else is the ETag of a catalog of one page."""
    try:
        found = json.loads(known)
    except ValueError:
        found = None
    return [(cursor, etag) for cursor, etag in found] if isinstance(found, list) else [("", known)]


def _page(body: bytes) -> tuple[list[Any], str]:
    try:
        found = json.loads(body)
        items, info = found["items"], found.get("pageInfo") or {}
        cursor = info.get("nextCursor") or ""
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        items, cursor = None, ""
    if not isinstance(items, list) or not isinstance(cursor, str):
        raise InvalidInput(
            "What answers there is not the catalog of a Backstage.",
            remedy="Write the address of its backend, without /api/catalog.",
        )
    return items, cursor


def _require_ok(answer: outbound.Answer) -> None:
    if answer.ok:
        return
    if answer.status in (401, 403):
        told, remedy = (
            f"The address answers {answer.status}: it does not let Slipway in.",
            "Give a token that may read.",
        )
    else:
        told, remedy = f"The address answers {answer.status}.", "Check the address."
    raise InvalidInput(told, remedy=remedy)


__all__ = ["Fetch", "Read", "source_read"]

"""Lists and watches of one kind, as the API server streams them. Used by the Kubernetes driver only.

A watch is one HTTP answer that stays open: a JSON document per line. It begins after the version it is given and ends
when the server's time is over, when the peer falls silent, or when somebody closes it. Whoever reads it decides about
listing again; nothing is retried here. Source: Kubernetes API concepts, "Efficient detection of changes".
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3

from provisioning.domain.driver import (
    FIELD_MANAGER,
    LABEL_MANAGED,
    Event,
    Listed,
    ObjectRef,
    TemporaryError,
)
from provisioning.drivers.kubernetes.connection import METADATA, METADATA_LIST, WHOLE, Connection
from provisioning.drivers.kubernetes.errors import error_of
from provisioning.drivers.kubernetes.resources import Resource

OURS = f"{LABEL_MANAGED}={FIELD_MANAGER}"
PAGE = "500"
SILENCE = 90.0
"""Seconds without a line after which the peer is taken for gone; bookmarks come about every minute."""


def list_kind(connection: Connection, resource: Resource) -> Listed:
    """All pages of one kind over the whole cluster, of one consistent version."""
    accept = METADATA_LIST if resource.kind == "Secret" else WHOLE
    query = {"labelSelector": OURS, "limit": PAGE}
    found: list[Mapping[str, Any]] = []
    while True:
        page = connection.request("GET", resource.everywhere(), query=query, accept=accept)
        found += [_whole(resource, one) for one in page.get("items") or []]
        if not page["metadata"].get("continue"):
            return Listed(tuple(found), page["metadata"]["resourceVersion"])
        query["continue"] = page["metadata"]["continue"]


class KindWatch:
    """The open stream of one kind. Iterate it in one thread; ``close`` may be called from another."""

    def __init__(self, connection: Connection, resource: Resource, version: str, seconds: float) -> None:
        self._connection = connection
        self._resource = resource
        self._version = version
        self._seconds = seconds
        self._closed = threading.Event()
        self._answer: urllib3.BaseHTTPResponse | None = None

    def __iter__(self) -> Iterator[Event]:
        try:
            with self._open() as answer:
                for line in _lines(answer):
                    yield self._event(line)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if self._closed.is_set():
                return
            raise TemporaryError("watch-broken", "The cluster stopped telling what happens.", raw=str(error)) from None
        finally:
            self._answer = None

    def close(self) -> None:
        """End the stream; a read that waits for a line returns at once."""
        self._closed.set()
        answer = self._answer
        if answer is not None:
            with contextlib.suppress(Exception):  # it may be ending by itself in this moment
                answer.shutdown()

    @contextlib.contextmanager
    def _open(self) -> Iterator[urllib3.BaseHTTPResponse]:
        query = {
            "labelSelector": OURS,
            "watch": "1",
            "allowWatchBookmarks": "1",
            "resourceVersion": self._version,
            "timeoutSeconds": str(max(1, int(self._seconds))),
        }
        accept = METADATA if self._resource.kind == "Secret" else WHOLE
        answer = self._connection.stream(self._resource.everywhere(), query=query, accept=accept, silence=SILENCE)
        try:
            if answer.status >= 300:
                raise error_of(answer.status, answer.read(10_000), answer.headers, self._about())
            self._answer = answer
            if self._closed.is_set():
                return
            yield answer
        finally:
            answer.close()

    def _event(self, line: bytes) -> Event:
        told = json.loads(line)
        subject = told["object"]
        if told["type"] == "ERROR":
            code = int(subject.get("code") or 500)
            raise error_of(code, json.dumps(subject).encode(), {}, self._about())
        version = subject["metadata"]["resourceVersion"]
        if told["type"] == "BOOKMARK":
            return Event("bookmark", {}, version)
        kind = "gone" if told["type"] == "DELETED" else "seen"
        return Event(kind, _whole(self._resource, subject), version)  # type: ignore[arg-type]  # one of two literals

    def _about(self) -> ObjectRef:
        return ObjectRef(self._resource.api_version, self._resource.kind, "", "")


def _lines(answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Whole lines; what is cut off at the end of the stream is dropped, as it will be told again."""
    rest = b""
    for piece in answer.stream(65_536):
        *lines, rest = (rest + piece).split(b"\n")
        yield from (line for line in lines if line.strip())


def _whole(resource: Resource, one: Mapping[str, Any]) -> dict[str, Any]:
    """Items of a list lack their kind, and metadata-only ones call themselves PartialObjectMetadata."""
    return {**one, "apiVersion": resource.api_version, "kind": resource.kind}

"""Calls the REST API of one installation. Every POST has an ``Idempotency-Key``, so that a lost answer can be asked for
again and nothing is done twice.

Used by all commands. It never follows a redirect, so that a token goes nowhere but to the address it was made for.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx

from . import __version__
from .exits import Fault
from .problems import fault_of, no_slipway, problem_in, unreachable

ROOT: Final = "/api/v1/"
ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 30.0
AGAIN: Final = frozenset({429, 502, 503, 504})
TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0)
STREAM_TIMEOUT: Final = httpx.Timeout(30.0, connect=10.0, read=25.0)
"""A stream says at least every ten seconds that it lives."""


class Client:
    """One installation as one identity. Paths are relative to ``/api/v1/``, or absolute as the API gives them."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self._sleep = sleep
        headers = {"User-Agent": f"slipway-cli/{__version__}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, transport=transport)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """What is there, as plain data. ``query`` leaves out what is None or empty."""
        given = {name.rstrip("_"): value for name, value in query.items() if value not in (None, "", False)}
        return self._data(self._send("GET", path, params=_words(given) or None))

    def post(self, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        given = {name: value for name, value in query.items() if value not in (None, "", False)}
        return self._data(self._send("POST", path, json=dict(body or {}), params=_words(given) or None))

    def post_yaml(self, path: str, text: bytes) -> Any:
        """A document as it is written, so that faults are told with its lines."""
        return self._data(self._send("POST", path, content=text, headers={"Content-Type": "application/yaml"}))

    def rows(self, path: str, *, most: int, **query: Any) -> tuple[list[dict[str, Any]], bool]:
        """At most ``most`` rows of a list, page by page, and whether there are more."""
        page = self.get(path, limit=min(most, 200), **query)
        rows = list(page["items"])
        while page.get("next") and len(rows) < most:
            page = self.get(page["next"])
            rows += page["items"]
        return rows[:most], bool(page.get("next")) or len(rows) > most

    @contextmanager
    def stream(self, path: str, *, after: int) -> Iterator[Iterator[str]]:
        """The lines of an event stream from after that event; Fault as for any request, one attempt."""
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(after)} if after else {})
        request = self._http.build_request("GET", _address(path), headers=headers, timeout=STREAM_TIMEOUT)
        response = self._http.send(request, stream=True)
        try:
            if response.status_code != 200:
                response.read()
                raise fault_of(response, url=self.url)
            yield response.iter_lines()
        finally:
            response.close()

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        """An answer of 2xx. Tries again what may work in a moment, always with the same key."""
        if method == "POST":
            given["headers"] = {**given.get("headers", {}), "Idempotency-Key": f'"{uuid.uuid4()}"'}
        attempt = 0
        while True:
            attempt += 1
            try:
                response = self._http.request(method, _address(path), **given)
            except httpx.TransportError as error:
                if attempt >= ATTEMPTS:
                    raise unreachable(self.url, error) from None
                self._sleep(0.3 * 2**attempt)
                continue
            if response.is_success:
                return response
            if attempt >= ATTEMPTS or not _may_work_soon(response):
                raise fault_of(response, url=self.url)
            self._sleep(_wait(response, attempt))

    def _data(self, response: httpx.Response) -> Any:
        if response.status_code == 204:
            return None
        try:
            return response.json()
        except ValueError:
            raise no_slipway(self.url, response.status_code) from None


def base_url(text: str) -> str:
    """The address of an installation as it is kept; Fault when it is none. What stands behind ``/api/v1`` goes."""
    given = text.strip().rstrip("/").removesuffix("/api/v1").rstrip("/")
    try:
        url = httpx.URL(given)
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo:
        raise Fault(
            f"“{text[:200]}” is not the address of an installation.",
            remedy="Write it as https://slipway.example.",
            exit_code=2,
        )
    return given


def part(text: str) -> str:
    """A word of an address, whatever it holds."""
    return quote(text, safe="")


def _address(path: str) -> str:
    return path if path.startswith("/") else f"{ROOT}{path}"


def _words(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "true" if value is True else value for name, value in query.items()}


def _may_work_soon(response: httpx.Response) -> bool:
    if response.status_code in AGAIN:
        return True
    problem = problem_in(response) if response.status_code == 409 else None
    return problem is not None and problem.get("code") == "request-in-progress"


def _wait(response: httpx.Response, attempt: int) -> float:
    """As long as the server asks, within reason."""
    asked = response.headers.get("retry-after", "")
    return min(float(asked), LONGEST_WAIT) if asked.isdigit() else 0.3 * 2**attempt

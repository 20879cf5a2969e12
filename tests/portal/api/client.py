"""An HTTP client for tests that holds every answer against the OpenAPI document: status, media type, body, members.

So a test that only looks at one field still fails when the document does not tell the truth about the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from jsonschema import Draft202012Validator, FormatChecker

from governance.services.tokens import token_create
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM


@contextmanager
def connections_stay() -> Iterator[None]:
    """Django closes connections at the ends of requests; inside a test's transaction they must stay."""
    ends = (request_started, request_finished)
    for end in ends:
        end.disconnect(close_old_connections)
    try:
        yield
    finally:
        for end in ends:
            end.connect(close_old_connections)


SCOPES = ("read", "change", "approve", "admin")


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    from portal.api.reference import document as written

    return written()


class Api:
    """Calls the API as one principal. ``last`` is the last response."""

    def __init__(self, *, token: str = "", user: User | None = None, checks_csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=checks_csrf)
        self.token = token
        if user is not None:
            self.client.force_login(user)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, headers=headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PUT", path, body, headers=headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("PATCH", path, body, headers=headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.call("DELETE", path, headers=headers)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        media: str = "application/json",
        truth: bool = True,
    ) -> Any:
        """``body`` is sent as JSON, or as it is when it is bytes. Headers are words: ``If_Match='"1"'``."""
        address = path if path.startswith("/") else f"/api/v1/{path}"
        sent = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = self.client.generic(method, address, data, content_type=media, headers=sent)
        if truth:
            require_truth(method, address, response)
        return response


def token_for(user: User, *scopes: str, systems: tuple[str, ...] = ()) -> str:
    """A fresh token of that account, all scopes unless said."""
    chosen = scopes or SCOPES
    return token_create(PLATFORM, owner=user, name="test", scopes=chosen, systems=systems, now=clock.now())[1]


def require_truth(method: str, address: str, response: Any) -> None:
    """Fail when the document does not announce this answer, or another form of it."""
    path, _, _ = address.partition("?")
    declared = operation_at(method, path)
    if declared is None:
        assert response.status_code in (401, 404, 405, 413), f"{method} {path} is not in the document"
        require_problem(response)
        return
    announced = declared["responses"].get(str(response.status_code))
    assert announced is not None, f"{method} {path} answered {response.status_code}: {response.content[:500]!r}"
    if "$ref" in announced:
        announced = document()["components"]["responses"][announced["$ref"].rpartition("/")[2]]
    for name in announced.get("headers", {}):
        if name not in ("Deprecation", "Sunset", "Link"):
            assert name in response, f"{method} {path} promises the header {name}"
    content = announced.get("content")
    if not content:
        assert response.content == b""
        return
    media = response["Content-Type"].partition(";")[0]
    assert media in content, f"{method} {path} answered {media}"
    if media in ("text/event-stream", "application/yaml"):
        return
    value = json.loads(response.content)
    require_shape(value, content[media]["schema"])
    if media == "application/problem+json":
        require_problem(response)


def require_problem(response: Any) -> None:
    """RFC 9457 as we promise it."""
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert body["status"] == response.status_code
    assert body["type"].endswith(f"/api/v1/problems/{body['code']}")
    assert body["detail"]
    assert body["title"]
    if "Idempotency-Replayed" not in response:
        assert body["request_id"] == response["X-Request-Id"]
    assert "Traceback" not in body["detail"]


def require_shape(value: Any, schema: Mapping[str, Any]) -> None:
    whole = {**schema, "components": document()["components"]}
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in Draft202012Validator(whole, format_checker=FormatChecker()).iter_errors(value)
    ]
    assert not errors, errors[:5]
    unknown = list(undeclared(value, schema))
    assert not unknown, f"members that the document does not know: {unknown[:5]}"


def undeclared(value: Any, schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Members of ``value`` that no part of ``schema`` declares."""
    parts = list(_parts(schema))
    if isinstance(value, list):
        items = next((part["items"] for part in parts if "items" in part), None)
        for number, item in enumerate(value):
            if items is not None:
                yield from undeclared(item, items, f"{path}[{number}]")
        return
    properties = {name: inner for part in parts for name, inner in part.get("properties", {}).items()}
    if not isinstance(value, dict) or not properties:
        return
    for name, inner in value.items():
        if name not in properties:
            yield f"{path}.{name}"
        else:
            yield from undeclared(inner, properties[name], f"{path}.{name}")


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in schema:
        yield from _parts(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
        return
    yield schema
    for key in ("allOf", "oneOf"):
        for part in schema.get(key, ()):
            yield from _parts(part)


def operation_at(method: str, path: str) -> dict[str, Any] | None:
    """The document's operation for this address: the one with the fewest variables that matches."""
    wanted = "get" if method == "HEAD" else method.lower()
    for template, pattern in _templates():
        if pattern.fullmatch(path) and wanted in document()["paths"][template]:
            return document()["paths"][template][wanted]
    return None


@lru_cache(maxsize=1)
def _templates() -> list[tuple[str, re.Pattern[str]]]:
    templates = sorted(document()["paths"], key=lambda path: path.count("{"))
    return [(path, re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)))) for path in templates]

"""Every address by every persona. An address or a method that is not in the matrix fails, so nothing is forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.portal.access_matrix import MATRIX, PEOPLE, WHO, Row, World, furnish
from tests.portal.api.client import connections_stay

pytestmark = pytest.mark.django_db
HANDLER = ClientHandler(enforce_csrf_checks=False)
"""One for all clients: to make its middleware looks through all static files, which takes longer than most requests."""


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Made once; each request is rolled back to it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield furnish()
        transaction.set_rollback(True)


@pytest.mark.parametrize("row", MATRIX, ids=lambda row: row.id)
def test_it_answers_each_as_the_matrix_says(world: World, row: Row) -> None:
    answered = {who: ask(world, row, who) for who in WHO}
    wrong = {
        who: f"{answered[who]} instead of {row.expected[who]}" for who in WHO if answered[who] != row.expected[who]
    }
    assert not wrong


def ask(world: World, row: Row, who: str) -> int:
    """The status of the row's request as ``who``; whatever it wrote is gone afterwards."""
    cache.clear()
    client = Client(raise_request_exception=False)
    client.handler = HANDLER
    headers = {"If-Match": "*"}
    at = {name: _value(world, value) for name, value in row.at.items()}
    address = reverse(row.name, kwargs=at) + row.query
    body = _value(world, row.body)
    with transaction.atomic():
        if who in PEOPLE:
            client.force_login(world.organisation.people[who])
        elif who in world.tokens:
            headers["Authorization"] = f"Bearer {world.tokens[who]}"
        if row.name.startswith("api:") or row.method != "POST":
            data = "" if body is None else json.dumps(body)
            response = client.generic(row.method, address, data, content_type="application/json", headers=headers)
        else:
            if row.name == "changes-decide":
                body = {"change": f"{body['change']}:{world.ids['digest']}"}
            response = client.post(address, body or {}, headers=headers)
        with connections_stay():
            response.close()
        transaction.set_rollback(True)
    return response.status_code


def _value(world: World, value: Any) -> Any:
    """``value`` with ``=name`` replaced by what the world calls so."""
    if isinstance(value, str) and value.startswith("="):
        return world.ids[value[1:]]
    if isinstance(value, dict):
        return {key: _value(world, inner) for key, inner in value.items()}
    return value


def addresses(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every pattern of the project with its name, as ``reverse`` takes it."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{prefix}{pattern.namespace}:" if pattern.namespace else prefix
            yield from addresses(pattern.url_patterns, inner)
        else:
            yield f"{prefix}{pattern.name}", pattern


def test_every_address_stands_in_the_matrix() -> None:
    listed = {row.name for row in MATRIX}
    found = {name for name, _ in addresses()}
    assert found - listed == set(), "add these to tests/portal/access_matrix.py"
    assert listed - found == set(), "these are no longer addresses"


def test_every_method_of_the_api_stands_in_the_matrix() -> None:
    listed = {(row.name, row.method) for row in MATRIX}
    for name, pattern in addresses():
        view = getattr(pattern.callback, "cls", None)
        if view is None or name == "api:unknown":
            continue
        for method in set(view().allowed_methods) - {"HEAD"}:
            assert (name, method) in listed, f"{method} {name}"


@pytest.mark.parametrize("name", sorted({row.name for row in MATRIX if not row.name.startswith(("api:", "scim:"))}))
def test_a_page_takes_no_method_that_is_not_in_the_matrix(world: World, name: str) -> None:
    listed = {row.method for row in MATRIX if row.name == name}
    at = next(row.at for row in MATRIX if row.name == name)
    for method in {"GET", "POST", "PUT", "DELETE"} - listed:
        assert ask(world, Row(name, method, {}, at), "admin") == 405, method

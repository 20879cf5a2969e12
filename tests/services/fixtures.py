"""Fixtures and rules for tests that need a service; ``tests/conftest.py`` names this module in ``pytest_plugins``.

Django knows one database per process, so tests marked ``postgres`` run in a session of their own
(``python -m tests.services.run_with_postgres``), and are left out of a session on SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.postgres import PostgresServer, own_postgres
from tests.services.postgres import configured_url as postgres_url
from tests.services.programs import ServiceMissing, required
from tests.services.redis import RedisServer, own_redis, running_redis

ELSEWHERE = "runs on PostgreSQL: python -m tests.services.run_with_postgres -m postgres"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave ``postgres`` tests out of a session on SQLite, with the reason."""
    if postgres_url() is not None:
        return
    for item in items:
        if item.get_closest_marker("postgres") is not None:
            item.add_marker(pytest.mark.skip(reason=ELSEWHERE))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis for the whole session; without one the test is skipped, or fails if REQUIRE_SERVICES is set."""
    try:
        with running_redis() as url:
            yield url
    except ServiceMissing as missing:
        _absent(str(missing))


@pytest.fixture
def own_redis_server() -> Iterator[RedisServer]:
    """A Redis of this test alone, to be stopped and started."""
    try:
        with own_redis() as server:
            yield server
    except ServiceMissing as missing:
        _absent(str(missing))


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, to be stopped and started."""
    try:
        with own_postgres() as server:
            yield server
    except ServiceMissing as missing:
        _absent(str(missing))


def _absent(reason: str) -> None:
    if required():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

"""Fixtures that every test may use."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.personas import Organisation

pytest_plugins: list[str] = ["tests.kubernetes.fixtures", "tests.services.fixtures", "tests.scheduling"]


def pytest_collection_finish() -> None:
    """Thousands of tests and all that they import stay to the end; looking through them for garbage takes seconds."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def organisation(db: None) -> Organisation:
    """Two teams with people of every kind, three systems and quotas; see ``tests/personas.py``."""
    from tests.personas import Organisation  # the models can be imported only once Django is set up

    return Organisation.found()


@pytest.fixture
def both_sides_told(db: None) -> Iterator[None]:
    """Every edit that the test leaves in the audit log tells what it was before and after."""
    yield
    from governance.models import AuditEntry
    from tests.audited_sides import one_sided

    assert one_sided(AuditEntry.objects.all()) == []


@pytest.fixture(autouse=True)
def own_sandbox(settings, tmp_path):
    """A sandbox cluster of its own for every test."""
    settings.SANDBOX_PATH = tmp_path / "sandbox.sqlite3"


@pytest.fixture(autouse=True, scope="session")
def flush_of_guarded_tables():
    """On SQLite a flush deletes row by row, which the audit log's guard refuses; it is put aside for as long."""
    from django.db import connection

    from tests.governance.tampering import unguarded

    if connection.vendor != "sqlite":
        yield
        return
    operations = type(connection.ops)
    usual = operations.execute_sql_flush

    def flush(self, statements):
        with unguarded():
            usual(self, statements)

    operations.execute_sql_flush = flush
    yield
    operations.execute_sql_flush = usual

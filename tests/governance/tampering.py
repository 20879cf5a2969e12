"""Somebody with the database in their hands: the triggers that guard the audit log are put aside for a while.

Used by tests that alter the log on purpose, and around the flush after a test with real transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.db import connection

_GUARD: Any = import_module("governance.migrations.0004_audit_guard")


@contextmanager
def unguarded() -> Iterator[None]:
    """Inside, the audit log can be changed like any table."""
    with connection.cursor() as cursor:
        for statement in _GUARD.REMOVED[connection.vendor]:
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in {"sqlite": _GUARD.SQLITE, "postgresql": _GUARD.POSTGRESQL}[connection.vendor]:
                cursor.execute(statement)

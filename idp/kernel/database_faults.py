"""What a fault of the database means to who asked: it is away, or it was not made ready for this version.

Called by every face where a request ends. Says nothing of what the database said: that may hold addresses and names.
"""

from __future__ import annotations

from typing import Final

from django.db import InterfaceError, OperationalError, ProgrammingError

from idp.kernel.errors import Transient

CODE: Final = "database-unavailable"
AWAY: Final = "The database does not answer at the moment. Nothing was changed."
_LACKS: Final = frozenset({"42P01", "42703"})
"""PostgreSQL: undefined table, undefined column."""
_SQLITE_LACKS: Final = ("no such table", "no such column", "has no column named")


def database_fault(fault: BaseException | None) -> Transient | None:
    """``fault`` in words; None when it is none of the database, or one of ours in a query."""
    if isinstance(fault, (OperationalError, ProgrammingError)) and _lacks(fault):
        return Transient(
            "The database is not ready for this version of Slipway. Nothing was changed.",
            code=CODE,
            remedy="Whoever runs Slipway runs “manage.py migrate”, then this works.",
        )
    if isinstance(fault, (OperationalError, InterfaceError)):
        return Transient(AWAY, code=CODE, remedy="Try again in a few seconds.")
    return None


def _lacks(fault: Exception) -> bool:
    """Whether a table or a column is not there, as before migrations were run."""
    if getattr(fault.__cause__, "sqlstate", None) in _LACKS:
        return True
    told = str(fault)
    return any(sign in told for sign in _SQLITE_LACKS)

"""The one place that reads the clock. Services and workers take ``now`` as an argument where time matters."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)

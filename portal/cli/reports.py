"""Waits for work whose end is a report: an import of a catalog, a look at files in Git."""

from __future__ import annotations

import time
from typing import Any, Final

from .client import Client
from .exits import Fault
from .following import POLL_SECONDS

OVER: Final = ("done", "failed")


def finished(client: Client, report: dict[str, Any], *, what: str, timeout: int, remedy: str) -> dict[str, Any]:
    """The report once a worker is through with it; a Fault with ``remedy`` after ``timeout`` seconds."""
    url, ends = report["url"], time.monotonic() + timeout
    while True:
        report = client.get(url)
        if report["state"] in OVER:
            return report
        if time.monotonic() > ends:
            raise Fault(f"{what} {report['id']} goes on after {timeout} seconds.", remedy=remedy)
        time.sleep(POLL_SECONDS)

"""One table of all measurements, and the same as ``bench/results.json``."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
from django.db import connection

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``ratio`` is what the budget speaks about where it is one; ``ok`` None: not measured."""

    what: str
    floor: str
    measured: str
    ratio: str
    budget: str
    ok: bool | None

    @property
    def verdict(self) -> str:
        return {True: "ok", False: "OVER", None: "-"}[self.ok]


def missing(what: str, budget: str, why: str) -> Row:
    return Row(what, "", f"not measured: {why}", "", budget, None)


def milliseconds(value: float) -> str:
    return f"{value:.1f} ms" if value < 100 else f"{value:.0f} ms"


def table(rows: Sequence[Row]) -> str:
    heads = ("what", "floor", "measured", "ratio", "budget", "")
    cells = [heads, *((row.what, row.floor, row.measured, row.ratio, row.budget, row.verdict) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]])


def markdown(rows: Sequence[Row]) -> str:
    """The same table for a document."""
    heads = ("what", "floor", "measured", "ratio", "budget", "")
    lines = [heads, ("---",) * len(heads)]
    lines += [(row.what, row.floor, row.measured, row.ratio, row.budget, row.verdict) for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
    return {
        "cores": os.cpu_count(),
        # Above the number of cores the machine had other work, and times in milliseconds say little.
        "load": [round(load, 1) for load in os.getloadavg()],
        "python": platform.python_version(),
        "django": django.get_version(),
        "postgresql": postgres,
        "system": platform.platform(),
    }


def write(rows: Sequence[Row], *, data: dict[str, Any], details: dict[str, Any], path: Path = RESULTS) -> None:
    """``details`` holds the numbers behind the rows."""
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "data": data,
        "rows": [{**asdict(row), "verdict": row.verdict} for row in rows],
        "details": details,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")

"""``python -m bench``: measures everything that exists, prints one table, writes ``bench/results.json``.

PostgreSQL is the one that DATABASE_URL names, else a throw-away server; what needs a service that is not there is
said to be not measured. Nothing is faked and nothing is asserted: budgets are judged in the table, not by a status.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.services.postgres import running_postgres
from tests.services.programs import ServiceMissing

PARTS = ("pages", "api", "policies", "replays", "search", "latency", "throughput", "steady", "memory")


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured. ``sizes`` are numbers of environments, ascending; the last but for ``large`` is judged.

    With ``searched`` environments there are as many objects to be found as the budget of a search speaks of.
    """

    sizes: tuple[int, ...]
    judged: int
    searched: int
    rounds: int
    times: int
    provisioned: int
    watched: int
    quiet_seconds: float
    load_seconds: float


QUICK = Effort(
    sizes=(100, 1_000),
    judged=1_000,
    searched=1_000,
    rounds=1,
    times=8,
    provisioned=8,
    watched=50,
    quiet_seconds=10,
    load_seconds=10,
)
USUAL = Effort(
    sizes=(1_000, 10_000),
    judged=10_000,
    searched=3_400,
    rounds=3,
    times=12,
    provisioned=40,
    watched=1_000,
    quiet_seconds=60,
    load_seconds=45,
)
LARGE = Effort(
    sizes=(1_000, 10_000, 50_000),
    judged=10_000,
    searched=3_400,
    rounds=4,
    times=15,
    provisioned=60,
    watched=1_000,
    quiet_seconds=60,
    load_seconds=120,
)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", action="store_true", help="little data, few repetitions: about a minute")
    amount.add_argument("--large", action="store_true", help="50,000 environments as well")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only; may be given again")
    parser.add_argument("--output", type=Path, help="where the results go; bench/results.json when left out")
    chosen = parser.parse_args(arguments)
    effort = QUICK if chosen.quick else LARGE if chosen.large else USUAL
    try:
        with _django():
            return _measure(effort, chosen.only or PARTS, chosen.output)
    except ServiceMissing as missing:
        print(f"Nothing is measured: {missing}.")
        return 1


@contextlib.contextmanager
def _django():  # type: ignore[no-untyped-def]
    """Django on a PostgreSQL that keeps what it commits, with a data folder of its own."""
    with running_postgres(durable=True) as url, tempfile.TemporaryDirectory(prefix="slipway-bench-") as folder:
        os.environ.update(
            DATABASE_URL=url,
            DJANGO_SETTINGS_MODULE="bench.settings",
            SLIPWAY_TESTING="1",
            SLIPWAY_DATA_DIR=folder,
            SLIPWAY_EMBEDDED_WORKER="0",
            SLIPWAY_SANDBOX_READY_SECONDS="0",
            SLIPWAY_LOG_LEVEL="WARNING",
        )
        warnings.filterwarnings("ignore", message="No directory at")
        import django

        django.setup()
        from idp.warm_up import warm_up

        warm_up()
        yield


def _measure(effort: Effort, parts: Sequence[str], output: Path | None) -> int:
    from bench import report
    from bench.databases import databases

    rows: list[report.Row] = []
    details: dict[str, Any] = {}
    with databases(_say) as made:
        for size in effort.sizes:
            made.make(size)
        data = {f"{size}": made.seeded[size].counts for size in effort.sizes}
        for part in parts:
            _say(f"measuring {part} …")
            found, numbers = _part(part)(made, effort)
            rows += found
            details[part] = numbers
            made.use(effort.judged)
            # After each part, so that a run that is broken off leaves what it found.
            report.write(rows, data=data, details=details, path=output or report.RESULTS)
    print(report.table(rows))
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _part(name: str) -> Callable[[Any, Effort], tuple[list[Any], Any]]:
    from bench import api, latency, memory, pages, policies, replays, search, steady, throughput

    def of_pages(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        taken = pages.measure(made, effort.sizes, rounds=effort.rounds, times=effort.times)
        return pages.rows(taken, effort.sizes, effort.judged), pages.details(taken)

    def of_api(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        row, listed = api.measure_list(made.use(effort.judged), times=effort.rounds * effort.times)
        rows, posted = api.measure_post(made, effort.sizes, effort.judged, times=effort.rounds * effort.times)
        return [row, *rows], {"list": listed, "post": posted}

    def of_policies(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        made.use(effort.judged)
        return _one(policies.measure(times=effort.rounds * effort.times))

    def of_replays(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        return replays.measure(made.use(effort.judged))

    def of_search(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        if effort.searched not in made.seeded:
            made.make(effort.searched)
        sizes = sorted({*effort.sizes, effort.searched})
        taken = {size: search.measure(made.use(size)) for size in sizes}
        return search.rows(taken, searched=effort.searched, sizes=effort.sizes), search.details(taken)

    def of_latency(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        return _one(latency.measure(made.use(effort.judged), times=effort.rounds * effort.times))

    def of_throughput(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        at = made.use(effort.judged)
        return _one(throughput.measure(at, environments=effort.provisioned, rounds=effort.rounds))

    def of_steady(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        at = made.use(effort.judged)
        found = steady.measure(at, environments=effort.watched, quiet=effort.quiet_seconds, rounds=effort.rounds)
        return _one(found)

    def of_memory(made: Any, effort: Effort) -> tuple[list[Any], Any]:
        return _one(memory.measure(made.use(effort.judged), seconds=effort.load_seconds))

    return {
        "pages": of_pages,
        "api": of_api,
        "policies": of_policies,
        "replays": of_replays,
        "search": of_search,
        "latency": of_latency,
        "throughput": of_throughput,
        "steady": of_steady,
        "memory": of_memory,
    }[name]


def _one(measured: tuple[Any, Any]) -> tuple[list[Any], Any]:
    return [measured[0]], measured[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Fills an empty database with an organisation of any size: ``python -m bench.seed --environments 10000``.

For each 10,000 environments: 200 systems of 40 teams, 50,000 changes, 1,000,000 lines of run logs. Works on the
database of DATABASE_URL, which must be migrated and empty of systems; the same size is always the same data.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

ENVIRONMENTS_PER_SYSTEM = 50
FULL_LISTS = 60
"""Systems that 1,000 environments have at least, in half as many teams: lists of both are full at every size."""
LINES_PER_RUN = 20


@dataclass(frozen=True, slots=True)
class Seeded:
    """Who to look as, and what to look at: the largest of each kind, so that nothing is measured on a small corner."""

    developer: str
    maintainer: str
    team: str
    system: str
    environment: str
    waiting_change: int
    change: int
    run: int
    counts: dict[str, int]


def seed(
    environments: int, *, now: datetime, lines: int = LINES_PER_RUN, say: Callable[[str], None] = lambda text: None
) -> Seeded:
    """Everything, in one transaction; ``lines`` of log for each run."""
    from bench import trace
    from bench.founding import found
    from bench.history import History
    from bench.wanted import plan_all
    from idp.catalog.models import System
    from provisioning.models.search_sql import search_install, search_uninstall

    if System.objects.exists():
        raise SystemExit("This database has systems already; bench.seed fills empty databases only.")
    systems = max(4, environments // ENVIRONMENTS_PER_SYSTEM, min(FULL_LISTS, environments // 16))
    with transaction.atomic():
        organisation = found(systems=systems, now=now)
        say(f"{len(organisation.teams)} teams, {systems} systems")
        catalogue = plan_all(organisation.systems[0], organisation.stages, organisation.developer, now=now)
        history = History(organisation, catalogue, now=now)
        history.environments(environments)
        say(f"{len(history.places)} environments")
        runs = 0
        for made in history.changes():
            runs += len(made)
            trace.runs(made, lines=lines)
        say(f"{runs} runs")
        trace.changes()
        trace.audit()
        # Rows came before what they belong to, so the index was written without them.
        search_uninstall(connection)
        search_install(connection)
    _settle()
    return look(environments)


def _settle() -> None:
    """What the schedule and autovacuum would have done long ago."""
    from governance.services.tallies import tallies_fold
    from idp.kernel import clock
    from provisioning.services.closed_costs import costs_close

    tallies_fold()
    while costs_close(now=clock.now()) is not None:
        continue
    if connection.in_atomic_block:
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def look(environments: int) -> Seeded:
    """What to measure in a database that ``seed`` filled."""
    from governance.models import Approval
    from idp.catalog.models import System
    from provisioning.models import Change, Environment, Run, RunEvent

    system = System.objects.select_related("team").order_by("id")[0]
    own = Change.objects.filter(system=system)
    settled = own.filter(state="succeeded", kind="update").order_by("-id")[0]
    waiting = own.filter(pk__in=Approval.objects.filter(state="waiting").values("change_id")).order_by("-id").first()
    counts = {
        "environments": Environment.objects.filter(deleted_at=None).count(),
        "changes": Change.objects.count(),
        "run events": RunEvent.objects.count(),
    }
    return Seeded(
        developer=f"{system.team.slug}-0",
        maintainer=f"{system.team.slug}-3",
        team=system.team.slug,
        system=system.slug,
        environment=settled.environment_name,
        waiting_change=(waiting or settled).pk,
        change=settled.pk,
        run=Run.objects.filter(change=settled).order_by("-id")[0].pk,
        counts=counts,
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("--environments", type=int, default=10_000, help="living environments; 10000 when left out")
    chosen = parser.parse_args(arguments)
    import django

    django.setup()
    from idp.kernel import clock

    began = time.monotonic()
    seeded = seed(chosen.environments, now=clock.now(), say=print)
    print(", ".join(f"{number:,} {name}" for name, number in seeded.counts.items()))
    print(f"in {time.monotonic() - began:.0f} s; sign in as {seeded.developer}")
    return 0


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "idp.settings")
    sys.exit(main(sys.argv[1:]))

"""``python -m tests.concurrency.on_sqlite FILE``: quota, loans and audit raced for on a SQLite file, in an own process.

The test session's own SQLite database is in memory and of one thread, so it cannot show them. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter

# Seconds for a lock. SQLite gives it to whoever asks at the right moment, so that of 64 the last may wait for them all.
PATIENCE = 300


def main(file: str) -> None:
    os.environ["DATABASE_URL"] = f"sqlite:///{file}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.conf import settings

    settings.DATABASES["default"]["OPTIONS"]["timeout"] = PATIENCE
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    began = time.monotonic(), time.process_time()
    found = races()
    took = time.monotonic() - began[0], time.process_time() - began[1]
    print(json.dumps(found))
    print(f"{took[0]:.1f} s, of them {took[1]:.1f} s of processor", file=sys.stderr)


def races() -> dict[str, object]:
    from governance.selectors.quota import quota_state
    from governance.services.audit import audit_verify
    from governance.services.quota import quota_set
    from idp.kernel.actor import PLATFORM
    from tests.concurrency.test_audit import append
    from tests.concurrency.test_lending import THREADS
    from tests.concurrency.test_quota import ROOM, hold
    from tests.concurrency.threads import side_by_side
    from tests.personas import NOW, Organisation

    team = Organisation.found().payments
    quota_set(PLATFORM, team=team, cpu=ROOM, memory_gib=100, storage_gib=100, environments=100, now=NOW)
    held = side_by_side(THREADS, lambda number: hold(team, number))
    appended = side_by_side(8, lambda number: [append(number * 10 + turn) for turn in range(10)])
    return {
        "held": Counter(type(outcome).__name__ for outcome in held),
        "left": float(quota_state(team.pk).left.cpu),
        "append_faults": [repr(outcome) for outcome in appended if isinstance(outcome, Exception)],
        "journal": journal(),
        "lending": lending(),
        "broken": [fault.sequence for fault in audit_verify()],
    }


def journal() -> str:
    """How SQLite keeps its journal on a connection as production has it."""
    from django.db import connection

    with connection.cursor() as cursor:
        return str(cursor.execute("PRAGMA journal_mode").fetchone()[0])


def lending() -> dict[str, object]:
    """The same as on PostgreSQL: 64 threads hold, lend, borrow and give back. Two teams of their own."""
    from idp.catalog.models import Team
    from tests.concurrency import test_lending
    from tests.concurrency.threads import side_by_side

    teams = test_lending.furnish_again(list(Team.objects.order_by("pk")))
    outcomes = side_by_side(test_lending.THREADS, lambda number: test_lending.work(teams, number))
    found = test_lending.outcome_of(teams, outcomes)
    done = Counter(one if isinstance(one, str) else type(one).__name__ for one in outcomes)
    return {**found, "held": done["held"] > 0, "refused": done["OverQuota"] > 0}


if __name__ == "__main__":
    main(sys.argv[1])

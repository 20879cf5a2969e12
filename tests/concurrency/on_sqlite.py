"""``python -m tests.concurrency.on_sqlite FILE``: quota and audit raced for on a SQLite file, in a process of its own.

The test session's own SQLite database is in memory and of one thread, so it cannot show them. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter


def main(file: str) -> None:
    os.environ["DATABASE_URL"] = f"sqlite:///{file}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    print(json.dumps(races()))


def races() -> dict[str, object]:
    from governance.selectors.quota import quota_state
    from governance.services.audit import audit_verify
    from governance.services.quota import quota_set
    from idp.kernel.actor import PLATFORM
    from tests.concurrency.test_audit import append
    from tests.concurrency.test_quota import ROOM, THREADS, hold
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
        "broken": [fault.sequence for fault in audit_verify()],
    }


if __name__ == "__main__":
    main(sys.argv[1])

"""The same races on the default database: there an immediate transaction is the lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.concurrency.test_lending import RIGHT, THREADS
from tests.concurrency.test_quota import ROOM

# Ends what waits for ever. All migrations of a new file come first: 16 s of processor, minutes on a busy machine.
HANGS_AFTER = 600


def test_it_holds_on_a_sqlite_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.concurrency.on_sqlite", str(tmp_path / "races.sqlite3")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS_AFTER, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "held": {"Reservation": ROOM, "OverQuota": THREADS - ROOM},
        "left": 0.0,
        "append_faults": [],
        "journal": "wal",
        "lending": {**RIGHT, "held": True, "refused": True},
        "broken": [],
    }

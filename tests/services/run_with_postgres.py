"""``python -m tests.services.run_with_postgres [pytest arguments]``: runs pytest on a PostgreSQL.

Uses the server that DATABASE_URL names, else starts a throw-away one and stops it afterwards. Without the programs it
says so in one line and succeeds, unless REQUIRE_SERVICES=1. Where no file or folder is named, those files are looked
through that hold a test marked ``postgres``: to collect all the others takes longer than most of these tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.services.postgres import running_postgres
from tests.services.programs import ServiceMissing, required

TESTS = Path(__file__).resolve().parents[1]
MARK = "pytest.mark.postgres"


def places(arguments: Sequence[str]) -> list[str]:
    """The files to look through, none when ``arguments`` name some themselves."""
    if any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        return []
    files = sorted(TESTS.rglob("test_*.py"))
    return [os.path.relpath(file) for file in files if MARK in file.read_text(encoding="utf-8")]


def main(arguments: list[str]) -> int:
    try:
        with running_postgres() as url:
            environment = os.environ | {"DATABASE_URL": url}
            command = [sys.executable, "-m", "pytest", *arguments, *places(arguments)]
            return subprocess.run(command, env=environment, check=False).returncode
    except ServiceMissing as missing:
        print(f"Tests on PostgreSQL are left out: {missing}.")
        return 1 if required() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

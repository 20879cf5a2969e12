"""``python -m tests.services.run_with_postgres [pytest arguments]``: runs pytest on a PostgreSQL.

Uses the server that DATABASE_URL names, else starts a throw-away one and stops it afterwards. Without the programs it
says so in one line and succeeds, unless REQUIRE_SERVICES=1.
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.services.postgres import running_postgres
from tests.services.programs import ServiceMissing, required


def main(arguments: list[str]) -> int:
    try:
        with running_postgres() as url:
            environment = os.environ | {"DATABASE_URL": url}
            command = [sys.executable, "-m", "pytest", *arguments]
            return subprocess.run(command, env=environment, check=False).returncode
    except ServiceMissing as missing:
        print(f"Tests on PostgreSQL are left out: {missing}.")
        return 1 if required() else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

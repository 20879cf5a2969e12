"""PostgreSQL is restarted under a leading controller, which needs no Redis: it stands by, and goes on by itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.chaos.test_postgres_restart import FORGOTTEN, _manage
from tests.chaos.workers import wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.chaos]

ASK = """
import django, sys
django.setup()
from provisioning.models import ClusterWatch
print(*[f"{one.epoch}:{bool(one.synced_at)}" for one in ClusterWatch.objects.all()])
"""


def own_environment(database: Any, folder: Path) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(FORGOTTEN)}
    own |= {"DJANGO_SETTINGS_MODULE": "idp.settings", "SLIPWAY_DEMO": "1", "SLIPWAY_DATA_DIR": str(folder)}
    return own | {"DATABASE_URL": database.url, "REDIS_URL": "redis://127.0.0.1:1/0"}


def epochs(environment: dict[str, str]) -> dict[int, tuple[int, bool]]:
    """Of each watched cluster, in no order that matters: which claim it is, and whether everything was seen."""
    words = [sys.executable, "-c", ASK]
    done = subprocess.run(words, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=True)
    told = [one.split(":") for one in done.stdout.split()]
    return {index: (int(epoch), synced == "True") for index, (epoch, synced) in enumerate(told)}


def test_it_goes_on_when_the_database_is_back(own_postgres_server, tmp_path):
    environment = own_environment(own_postgres_server, tmp_path)
    _manage(environment, "slipway_demo")
    log = tmp_path / "controller.log"
    with log.open("wb") as sink:
        command = [sys.executable, "manage.py", "slipway_controller"]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=sink, stderr=sink)
    try:
        wait_until(lambda: _all_synced(epochs(environment)), seconds=90, what="the first sync")
        before = epochs(environment)
        own_postgres_server.stop()
        time.sleep(5)
        own_postgres_server.start()
        wait_until(lambda: _all_newer(epochs(environment), before), seconds=90, what="the next term")
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(20)
    assert "Traceback" not in log.read_text()


def _all_synced(found: dict[int, tuple[int, bool]]) -> bool:
    return bool(found) and all(synced for _, synced in found.values())


def _all_newer(found: dict[int, tuple[int, bool]], before: dict[int, tuple[int, bool]]) -> bool:
    return _all_synced(found) and all(found[key][0] > before[key][0] for key in before)

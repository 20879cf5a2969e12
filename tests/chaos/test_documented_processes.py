"""The processes that docs/running.md tells people to start, started so: worker and beat beside the web, with Redis."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from idp.kernel import clock
from provisioning.models import Change, Run
from tests.chaos.conftest import broker
from tests.chaos.workers import environment_of_processes, wait_until
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "running.md"


def documented(program: str) -> list[str]:
    """The command of docs/running.md that starts ``program``."""
    found = re.search(rf"^(\.venv/bin/celery -A idp {program}\b.*)$", DOCUMENT.read_text(), re.MULTILINE)
    assert found, f"docs/running.md does not say how to start {program}"
    words = shlex.split(found[1])
    return [sys.executable, "-m", "celery", *words[1:]]


def test_it_carries_out_a_change_with_worker_and_beat_as_documented(own_redis_server, tmp_path):
    organisation = Organisation.found()
    equip(organisation)
    environment = environment_of_processes(own_redis_server.url)
    with broker(own_redis_server.url):
        own_redis_server.stop()  # so that only beat's sweep can find the run
        change = create(organisation, now=clock.now())
        own_redis_server.start()
        processes = [
            subprocess.Popen(documented(name), env=environment, cwd=settings.BASE_DIR) for name in ("worker", "beat")
        ]
        try:
            wait_until(
                lambda: Change.objects.get(pk=change.pk).state == "succeeded", seconds=60, what="the end of the change"
            )
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(20)
    assert Run.objects.get(change=change).state == "succeeded"

"""Hints to workers leave through our broker from every process, also from one that never starts a worker."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import django
django.setup()
from provisioning.tasks import run_advance
print(run_advance.app.main, run_advance.app.conf.broker_url)
"""


def test_it_sends_hints_through_our_broker_from_a_process_without_a_worker():
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "REDIS_URL": "redis://broker.example:6379/0",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["slipway", "redis://broker.example:6379/0"]

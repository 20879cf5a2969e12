"""``manage.py slipway_controller``: watches all clusters until it is stopped; of several, one leads per cluster."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from provisioning.reconciler import Controllers


class Command(BaseCommand):
    help = "Watch every registered cluster, keep what is observed up to date, and see drift. Stand-bys are welcome."

    def handle(self, *args: Any, **options: Any) -> None:
        controllers = Controllers()

        def end(number: int, frame: FrameType | None) -> None:
            controllers.stop()

        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, end)
        self.stdout.write("Watching clusters. Stop with Ctrl-C.")
        controllers.run()

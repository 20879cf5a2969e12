"""``manage.py slipway_webhooks purge|send``: forget old events with their deliveries, or send by hand what is due."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from governance.services.webhook_delivery import webhooks_send
from governance.services.webhooks import webhooks_purge
from idp.kernel import clock


class Command(BaseCommand):
    help = "Forget old events with the log of their deliveries, or send now what is due."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="verb", required=True)
        purge = kinds.add_parser("purge", help="Forget what is older; what is on its way is kept.")
        purge.add_argument("--days", type=int, help="Keep this many days; SLIPWAY_WEBHOOK_DAYS if left out.")
        kinds.add_parser("send", help="Send what is due, as the worker does.")

    def handle(self, *args: Any, verb: str, days: int | None = None, **options: Any) -> None:
        if verb == "send":
            self.stdout.write(f"{_counted(webhooks_send(now=clock.now()), 'attempt')} made.")
        else:
            self.stdout.write(f"{_counted(webhooks_purge(clock.now(), days=days), 'event')} forgotten.")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

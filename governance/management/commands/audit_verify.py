"""``manage.py audit_verify``: walks the audit chain and names every entry that is not as it was written."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.services.audit import audit_verify


class Command(BaseCommand):
    help = "Check the audit log's hash chain; ends with status 1 when an entry was altered, removed or moved."

    def handle(self, *args: Any, **options: Any) -> None:
        broken = audit_verify()
        if not broken:
            self.stdout.write("The audit log is whole.")
            return
        for fault in broken:
            self.stderr.write(f"Entry {fault.sequence} {fault.reason}.")
        raise CommandError(f"The audit log is broken in {len(broken)} place{'s' if len(broken) != 1 else ''}.")

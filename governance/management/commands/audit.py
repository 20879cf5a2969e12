"""``manage.py audit verify|export|retain|anchor``: the audit log checked, taken outside, kept as long as agreed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.access import rights_of
from governance.services import audit_export
from governance.services.audit import audit_verify
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import SlipwayError


class Command(BaseCommand):
    help = "Check, export, shorten or anchor the audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="verb", required=True)
        kinds.add_parser("verify", help="Name every entry that was altered, removed, inserted or moved; status 1 then.")
        export = kinds.add_parser("export", help="Print the log as JSON Lines with a signed head.")
        export.add_argument("--after", type=int, default=0, help="Only entries after this number.")
        export.add_argument("--until", type=int, help="Only entries up to this number.")
        retain = kinds.add_parser("retain", help="Export old entries into a folder, then remove them.")
        retain.add_argument("--days", type=int, required=True, help="Keep this many days.")
        retain.add_argument("--folder", type=Path, required=True, help="Where the export goes.")
        kinds.add_parser("anchor", help="Write the signed head to SLIPWAY_AUDIT_ANCHOR now.")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"_{verb}")(options)
        except SlipwayError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from None

    def _verify(self, options: dict[str, Any]) -> None:
        broken = audit_verify()
        if not broken:
            self.stdout.write("The audit log is whole.")
            return
        for fault in broken:
            self.stderr.write(f"Entry {fault.sequence} {fault.reason}.")
        raise CommandError(f"The audit log is broken in {len(broken)} place{'s' if len(broken) != 1 else ''}.")

    def _export(self, options: dict[str, Any]) -> None:
        lines = audit_export.audit_export(
            rights_of(PLATFORM), now=clock.now(), after=options["after"], until=options["until"]
        )
        for line in lines:
            self.stdout.write(line, ending="")

    def _retain(self, options: dict[str, Any]) -> None:
        span = timedelta(days=options["days"])
        path = audit_export.audit_retain(
            PLATFORM, rights_of(PLATFORM), older_than=span, folder=options["folder"], now=clock.now()
        )
        self.stdout.write(f"Exported to {path} and removed here." if path else "There is nothing that old.")

    def _anchor(self, options: dict[str, Any]) -> None:
        if not audit_export.audit_anchor(now=clock.now()):
            raise CommandError("SLIPWAY_AUDIT_ANCHOR is not set: name a file or an https address.")
        self.stdout.write("The head is anchored.")

"""``manage.py slipway_local_sign_in open``: for the admin whose provider is away and who kept no password."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.domain.local_sign_in import LocalRule
from governance.services.local_sign_in import local_sign_in_set
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import UserFault


class Command(BaseCommand):
    help = "Let everybody who has a password or a passkey of Slipway sign in with it again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["open"], help="what to do")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            local_sign_in_set(PLATFORM, LocalRule(), now=clock.now())
        except UserFault as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from None
        self.stdout.write("Local sign-in is open to everybody who has a password.")

"""``manage.py slipway_second_factor reset NAME``: for the admin who has lost theirs and has no other admin to ask."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.services.second_factor_rule import factors_reset
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import UserFault


class Command(BaseCommand):
    help = "Take the second factors of a person away, who then signs in with the password and sets up new ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["reset"], help="what to do")
        parser.add_argument("name", help="the name that the person signs in with")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = factors_reset(PLATFORM, username=options["name"], now=clock.now())
        except UserFault as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from None
        self.stdout.write(f"{user.username} has no second factor any more, and was told.")

"""``manage.py slipway_token USER --scope read,change``: makes an API token and prints it, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from governance.access import SCOPES
from governance.services.service_accounts import service_account_create
from governance.services.tokens import USUAL, token_create
from idp.catalog.models import Team, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput, UserFault


class Command(BaseCommand):
    help = "Make an API token for an account and print it; it cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", help="username of the person or service account that the token acts as")
        parser.add_argument(
            "--service-of",
            metavar="TEAM",
            help="makes the account as a service account of that team when it is not there",
        )
        parser.add_argument("--scope", default="read", help=f"comma-separated, of {', '.join(SCOPES)} (default: read)")
        parser.add_argument("--systems", default="", help="comma-separated slugs; empty for all the account may see")
        parser.add_argument("--days", type=int, default=USUAL.days, help="how long it lasts (default: %(default)s)")
        parser.add_argument(
            "--for-people",
            action="store_true",
            help="lets its user name a person for whom it asks, with that person's rights; for service accounts",
        )
        parser.add_argument("--name", default="made on the command line", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        owner = _owner(options["user"], options["service_of"], now)
        try:
            _, plaintext = token_create(
                PLATFORM,
                owner=owner,
                name=options["name"],
                scopes=_words(options["scope"]),
                systems=_words(options["systems"]),
                for_people=options["for_people"],
                expires_at=now + timedelta(days=max(min(options["days"], 100_000), -1)),
                now=now,
            )
        except InvalidInput as error:
            raise CommandError(" ".join(f"{fault.path}: {fault.message}" for fault in error.errors)) from None
        self.stdout.write(plaintext)


def _owner(username: str, team: str | None, now: datetime) -> User:
    if team is not None:
        found = Team.objects.filter(slug=team).first()
        if found is None:
            raise CommandError(f"There is no team “{team}”.")
        try:
            return service_account_create(PLATFORM, team=found, username=username, now=now)
        except UserFault as error:
            raise CommandError(error.message) from None
    owner = User.objects.filter(username=username).first()
    if owner is None:
        raise CommandError(f"There is no account “{username}”.")
    return owner


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]

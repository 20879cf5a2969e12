"""``manage.py slipway_demo``: gets everything ready that the demo needs and says how to sign in. May be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from governance.services.accounts import password_hashed
from idp.catalog.models import User
from idp.kernel import clock
from provisioning.demo.making import demo_accounts, demo_make, demo_needed, demo_passwords_reset
from provisioning.demo.organisation import PEOPLE
from provisioning.demo.password import demo_password


class Command(BaseCommand):
    help = "Prepare the demo: tables, static files, an organisation with a history. Prints how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is not a demo: set SLIPWAY_DEMO=1, or use slipway_setup for a real installation.")
        call_command("migrate", verbosity=0, interactive=False)
        if static_is_stale():
            call_command("collectstatic", verbosity=0, interactive=False)
        password, fresh = demo_password(settings.DATA_DIR / "demo-password")
        if demo_needed():
            self.stdout.write("Making the demo organisation; this takes a few seconds.")
            self.stdout.flush()
            demo_make(password_hash=password_hashed(password), now=clock.now())
        elif not demo_accounts():
            raise CommandError(
                "This database holds another organisation, which the demo leaves alone. "
                "Unset SLIPWAY_DEMO, or set DATABASE_URL to an empty database."
            )
        elif fresh:
            demo_passwords_reset(password_hash=password_hashed(password), now=clock.now())
        self.stdout.write(welcome(demo_accounts(), password))


def static_is_stale() -> bool:
    """Whether nothing was collected yet, or one of our static files is newer than what was."""
    collected = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not collected.exists():
        return True
    since = collected.stat().st_mtime
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    return any(file.stat().st_mtime > since for folder in folders for file in folder.rglob("*") if file.is_file())


def welcome(accounts: list[User], password: str) -> str:
    """The block that tells a visitor where to go and as whom; ``accounts`` are those that are there."""
    can = {person.username: person.can for person in PEOPLE}
    width = max(len(account.username) for account in accounts)
    people = "\n".join(f"    {one.username:<{width}}  {can.get(one.username, '')}".rstrip() for one in accounts)
    return (
        f"\n  Slipway, with a demo organisation: {settings.BASE_URL}\n\n"
        f"  Sign in as\n{people}\n\n"
        f"  with the password\n    {password}\n"
    )

"""``manage.py slipway_demo``: gets everything ready that the demo needs and says how to sign in. May be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from governance.services.accounts import password_hashed
from idp.kernel import clock
from provisioning.demo.organisation import PEOPLE
from provisioning.demo.password import demo_password
from provisioning.demo.story import demo_make, demo_needed

PASSWORD_FILE = "demo-password"


class Command(BaseCommand):
    help = "Prepare the demo: tables, static files, an organisation with a history. Prints how to sign in."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This is not a demo: set SLIPWAY_DEMO=1, or use slipway_setup for a real installation.")
        call_command("migrate", verbosity=0, interactive=False)
        if static_is_stale():
            call_command("collectstatic", verbosity=0, interactive=False)
        password, _ = demo_password(settings.DATA_DIR / PASSWORD_FILE)
        if demo_needed():
            self.stdout.write("Making the demo organisation, this takes a few seconds …")
            self.stdout.flush()
            demo_make(password_hash=password_hashed(password), now=clock.now())
        self.stdout.write(welcome(password))


def static_is_stale() -> bool:
    """Whether a static file of ours is newer than what was collected, or nothing was."""
    collected = Path(settings.STATIC_ROOT) / "staticfiles.json"
    if not collected.exists():
        return True
    since = collected.stat().st_mtime
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    return any(file.stat().st_mtime > since for folder in folders for file in folder.rglob("*") if file.is_file())


def welcome(password: str) -> str:
    width = max(len(person.username) for person in PEOPLE)
    people = "\n".join(f"    {person.username:<{width}}  {person.can}" for person in PEOPLE)
    return f"\n  Slipway demo: {settings.BASE_URL}\n\n  Sign in as\n{people}\n\n  Password: {password}\n"

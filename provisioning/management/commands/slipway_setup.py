"""``manage.py slipway_setup --admin NAME``: what a real installation begins with. May be repeated.

Publishes the built-in contracts, saves the starter policies, makes the first platform admin and, with ``--sandbox``,
a sandbox cluster with four stages. What is there already stays as it is.
"""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from governance.access import PLATFORM_ADMINS
from governance.services.accounts import account_create, password_hashed
from governance.services.policies import starter_policies_install
from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import InvalidInput
from provisioning.services.hosts import hosts_record
from provisioning.services.setup import contracts_install, sandbox_install


class Command(BaseCommand):
    help = "Set up a new installation: built-in contracts, starter policies, the first platform admin."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--admin",
            required=True,
            metavar="NAME",
            help="the first platform admin's account; its password is asked for, or taken from SLIPWAY_ADMIN_PASSWORD",
        )
        told = "add a sandbox cluster with preview, dev, staging and prod"
        parser.add_argument("--sandbox", action="store_true", help=told)

    def handle(self, *args: Any, **options: Any) -> None:
        require_migrated()
        try:
            told = self._admin(options["admin"])
            contracts = contracts_install(now=clock.now())
            policies = starter_policies_install(PLATFORM, now=clock.now())
            if options["sandbox"]:
                sandbox_install(now=clock.now())
            hosts = hosts_record(now=clock.now())
        except InvalidInput as error:
            raise CommandError(" ".join(f"{one.path}: {one.message}" for one in error.errors) or str(error)) from None
        self.stdout.write(told)
        self.stdout.write(
            f"Contracts in place: {', '.join(f'{one.capability.name} {one.version}' for one in contracts)}."
        )
        self.stdout.write(
            f"Starter policies added: {', '.join(one.name for one in policies) or 'none, all are there'}."
        )
        if hosts:
            self.stdout.write(f"Hosts that were routed before hosts had owners, and now belong to teams: {hosts}.")
        if options["sandbox"]:
            self.stdout.write("Sandbox in place. Register a real cluster before anybody relies on it.")

    def _admin(self, username: str) -> str:
        """Make the admin, or find it made; a sentence that says which."""
        there = User.objects.filter(username=username).first()
        if there is None:
            hashed = password_hashed(asked_password(username), username=username)
            account_create(PLATFORM, username=username, password_hash=hashed, groups=[PLATFORM_ADMINS], now=clock.now())
            return f"Made the account {username}, a platform admin."
        if there.is_superuser or there.groups.filter(name=PLATFORM_ADMINS).exists():
            return f"The account {username} is there already, a platform admin."
        raise CommandError(f"The account {username} is there already and is no platform admin. Choose another name.")


def require_migrated() -> None:
    """CommandError when the tables are not those that this version needs."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError("The database is not up to date. Run “manage.py migrate” first.")


def asked_password(username: str) -> str:
    """From the environment, or typed twice by the person at the terminal."""
    given = os.environ.get("SLIPWAY_ADMIN_PASSWORD", "")
    if given:
        return given
    if not sys.stdin.isatty():
        raise CommandError("Set SLIPWAY_ADMIN_PASSWORD, or run this in a terminal and type the password.")
    typed = getpass.getpass(f"Password for {username}: ")
    if getpass.getpass("Again: ") != typed:
        raise CommandError("The two passwords differ. Nothing was made; run it again.")
    return typed

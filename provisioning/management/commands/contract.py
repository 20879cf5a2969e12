"""``manage.py contract check`` and ``contract publish``: contracts from files, with what is wrong line by line.

A thin face over ``provisioning.services.contracts``, as are ``POST /api/v1/capabilities/…/contracts/`` and the page
“Publish a version”. ``check`` stores nothing. Exits with 1 when a file has findings or was refused.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import FieldError, SlipwayError
from provisioning.domain.version import Version
from provisioning.services.contracts import contract_publish, contract_read

ENDINGS: Final = (".yaml", ".yml")


class Command(BaseCommand):
    help = "Check contract files, or publish them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="say what stands against publishing; stores nothing")
        check.add_argument("files", nargs="+", help="YAML files, or folders of them")
        publish = verbs.add_parser("publish", help="publish, older versions first")
        publish.add_argument("files", nargs="+", help="YAML files, or folders of them with a README.md beside")
        publish.add_argument("--as", dest="admin", required=True, help="sign-in name of the admin who does it")

    def handle(self, *args: Any, **options: Any) -> None:
        files = list(_files(options["files"]))
        failed = self._check(files) if options["verb"] == "check" else self._publish(files, _actor(options["admin"]))
        if failed:
            raise CommandError(f"{failed} of {len(files)} {'file' if len(files) == 1 else 'files'} must be mended.")

    def _check(self, files: list[Path]) -> int:
        failed = 0
        for file in files:
            try:
                parsed, found = contract_read(_text(file))
            except SlipwayError as error:
                found = list(error.errors) or [FieldError("", error.message)]
            else:
                if not found:
                    self.stdout.write(f"{file}: {parsed.reference} has nothing against it.")
            failed += bool(found)
            self._tell(file, found)
        return failed

    def _publish(self, files: list[Path], actor: Actor) -> int:
        """Goes on after a file that is refused, so that one run tells of all of them."""
        failed = 0
        for file in sorted(files, key=_version_of):
            try:
                row = contract_publish(actor, text=_text(file), readme=_readme(file), now=clock.now())
            except SlipwayError as error:
                failed += 1
                self.stderr.write(f"{file}: {error.message} {error.remedy}".rstrip())
                self._tell(file, error.errors)
            else:
                self.stdout.write(f"{file}: {row.capability.name} {row.version} is published ({row.state}).")
        return failed

    def _tell(self, file: Path, found: Iterable[FieldError]) -> None:
        for one in found:
            line = f":{one.line}" if one.line else ""
            self.stderr.write(
                f"{file}{line}: {one.path}: {one.message}" if one.path else f"{file}{line}: {one.message}"
            )


def _files(named: Iterable[str]) -> Iterable[Path]:
    """The files, and those of the folders, each once; CommandError when one is not there or a folder has none."""
    seen: dict[Path, None] = {}
    for name in named:
        path = Path(name)
        inside = sorted(one for one in path.rglob("*") if one.suffix in ENDINGS) if path.is_dir() else [path]
        if not path.exists() or not inside:
            raise CommandError(f"{name} {'holds no YAML file' if path.is_dir() else 'is not there'}.")
        seen |= dict.fromkeys(inside)
    return seen


def _text(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None


def _readme(file: Path) -> str:
    beside = file.with_name("README.md")
    return beside.read_text(encoding="utf-8") if beside.is_file() else ""


def _version_of(file: Path) -> tuple[str, Version]:
    """Versions of one capability from old to new; what cannot be read comes first and is told in its turn."""
    try:
        parsed, _ = contract_read(_text(file))
    except SlipwayError:
        return "", Version(0, 0, 0)
    return parsed.capability, parsed.semver


def _actor(username: str) -> Actor:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return Actor(user_id=user.pk, username=user.username, via="cli")

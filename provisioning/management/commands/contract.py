"""``manage.py contract check``, ``publish`` and ``draft``: contracts from files, with what is wrong line by line.

A thin face over ``provisioning.services.contracts`` and ``contract_drafts``, as are ``POST
/api/v1/capabilities/…/contracts/`` and the page “Publish a version”. ``check`` and ``draft`` store nothing. Exits with
1 when a file has findings or was refused; a draft with decisions to make is neither.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

from idp.catalog.models import User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import FieldError, SlipwayError
from provisioning.domain.blast_words import told
from provisioning.domain.contract_draft import Naming
from provisioning.domain.contract_draft_values import FLUX, RELEASES, Chart
from provisioning.domain.contract_source import definitions_in
from provisioning.domain.version import Version
from provisioning.services.contract_drafts import CRD, VALUES, DraftRequest, contract_draft
from provisioning.services.contract_preview import contract_strike
from provisioning.services.contracts import contract_publish, contract_read, draft_read

ENDINGS: Final = (".yaml", ".yml")
DEFINITIONS: Final = "crds"
"""Name of the folder beside the versions that holds definitions of custom kinds."""
LARGEST: Final = 8_000_000
"""Bytes of a file to draft from: operators ship all their definitions in one."""


class Command(BaseCommand):
    help = "Check contract files, publish them, or draft one from a CRD or a Helm chart."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        check = verbs.add_parser("check", help="say what stands against publishing; stores nothing")
        check.add_argument("files", nargs="+", help="YAML files, or folders of them with CRDs in crds/ beside")
        check.add_argument("--blast", action="store_true", help="say also what each would do to everything that lives")
        publish = verbs.add_parser("publish", help="publish, older versions first")
        publish.add_argument("files", nargs="+", help="YAML files, or folders of them with README.md and crds/ beside")
        publish.add_argument("--as", dest="admin", required=True, help="sign-in name of the admin who does it")

        _add_draft(verbs.add_parser("draft", help="write a contract to begin with; stores nothing"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "draft":
            self._draft(options)
            return
        files = list(_files(options["files"]))
        try:
            if options["verb"] == "check":
                failed = self._check(files, blast=options["blast"])
            else:
                failed = self._publish(files, _actor(options["admin"]))
        except (OperationalError, ProgrammingError) as error:
            raise CommandError(
                f"The database cannot be read ({error}). Run `manage.py migrate`, or name another with DATABASE_URL."
            ) from error
        if failed:
            raise CommandError(f"{failed} of {len(files)} {'file' if len(files) == 1 else 'files'} must be mended.")

    def _check(self, files: list[Path], *, blast: bool) -> int:
        failed = 0
        for file in files:
            try:
                parsed, found = contract_read(_text(file), definitions=_definitions(file), now=clock.now())
            except SlipwayError as error:
                found = list(error.errors) or [FieldError("", error.message)]
            else:
                if not found:
                    self.stdout.write(f"{file}: {parsed.reference} has nothing against it.")
                if blast and not found:
                    for line in told(contract_strike(PLATFORM, contract=parsed), parsed.reference, settings.CURRENCY):
                        self.stdout.write(line)
            failed += bool(found)
            self._tell(file, found)
        return failed

    def _publish(self, files: list[Path], actor: Actor) -> int:
        """Goes on after a file that is refused, so that one run tells of all of them."""
        failed = 0
        for file in sorted(files, key=_version_of):
            try:
                definitions = _definitions(file)
                row = contract_publish(
                    actor, text=_text(file), definitions=definitions, readme=_readme(file), now=clock.now()
                )
            except SlipwayError as error:
                failed += 1
                self.stderr.write(f"{file}: {error.message} {error.remedy}".rstrip())
                self._tell(file, error.errors)
            else:
                self.stdout.write(f"{file}: {row.capability.name} {row.version} is published ({row.state}).")
        return failed

    def _draft(self, options: dict[str, Any]) -> None:
        """The contract to standard output or a file; what to decide and what stands against it to standard error."""
        try:
            made = contract_draft(_asked(options))
        except SlipwayError as error:
            told = "; ".join(f"{one.path}: {one.message}" for one in error.errors if one.message != error.message)
            raise CommandError(f"{error.message} {told}".strip()) from None
        if options["out"]:
            Path(options["out"]).write_text(made.text, encoding="utf-8")
            self.stdout.write(f"{options['out']}: a draft of {made.reference}.")
        else:
            self.stdout.write(made.text, ending="")
        for one in made.decisions:
            self.stderr.write(f"{'Decide' if one.must else 'Look at'} {one.path}: {one.message}.")
        for problem in made.problems:
            self.stderr.write(f"Mend {problem.path}: {problem.message}")

    def _tell(self, file: Path, found: Iterable[FieldError]) -> None:
        for one in found:
            line = f":{one.line}" if one.line else ""
            self.stderr.write(
                f"{file}{line}: {one.path}: {one.message}" if one.path else f"{file}{line}: {one.message}"
            )


def _add_draft(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--from-crd", dest="crd", metavar="FILE", help="YAML or JSON with a CustomResourceDefinition")
    source.add_argument("--from-values-schema", dest="values", metavar="FILE", help="a chart's values.schema.json")
    parser.add_argument("--name", default="", help="of the capability; the kind's or chart's own without it")
    parser.add_argument("--owner", default="", help="slug of the team that answers for it")
    parser.add_argument("--kind", default="", help="which kind, where the file defines several")
    parser.add_argument("--served", default="", help="which version of the kind; the stored one without it")
    parser.add_argument("--chart", default="", help="name of the chart")
    parser.add_argument("--chart-version", default="", help="version of the chart")
    parser.add_argument("--chart-source", default="", help="HelmRepository (Flux) or address (Argo CD) of the chart")
    parser.add_argument("--release", choices=RELEASES, default=FLUX, help="who installs the chart; flux without it")
    parser.add_argument("--out", default="", metavar="FILE", help="write there instead of standard output")


def _asked(options: dict[str, Any]) -> DraftRequest:
    return DraftRequest(
        artifact=CRD if options["crd"] else VALUES,
        text=_text(Path(options["crd"] or options["values"])),
        naming=Naming(capability=options["name"], owner=options["owner"]),
        kind=options["kind"],
        served=options["served"],
        chart=Chart(options["chart"], options["chart_version"], options["chart_source"]),
        release=options["release"],
        max_bytes=LARGEST,
    )


def _files(named: Iterable[str]) -> Iterable[Path]:
    """The files, and those of the folders, each once; CommandError when one is not there or a folder has none."""
    seen: dict[Path, None] = {}
    for name in named:
        path = Path(name)
        inside = sorted(one for one in path.rglob("*") if _is_contract(one)) if path.is_dir() else [path]
        if not path.exists() or not inside:
            raise CommandError(f"{name} {'holds no YAML file' if path.is_dir() else 'is not there'}.")
        seen |= dict.fromkeys(inside)
    return seen


def _is_contract(file: Path) -> bool:
    return file.suffix in ENDINGS and file.parent.name != DEFINITIONS


def _definitions(file: Path) -> list[Any]:
    """The CRDs in the folder ``crds`` beside a contract; of those, a contract takes the kinds that it names."""
    folder = file.with_name(DEFINITIONS)
    files = sorted(one for one in folder.glob("*") if one.suffix in (*ENDINGS, ".json")) if folder.is_dir() else []
    return [one for each in files for one in definitions_in(_text(each), max_bytes=LARGEST)]


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
        parsed = draft_read(_text(file)).contract
    except SlipwayError:
        return "", Version(0, 0, 0)
    return parsed.capability, parsed.semver


def _actor(username: str) -> Actor:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no account {username}.")
    return Actor(user_id=user.pk, username=user.username, via="cli")

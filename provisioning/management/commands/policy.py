"""``manage.py policy test`` and ``policy replay``: a policy's own tests, and what it would have done, at the prompt.

Both take a file or the name of a stored policy, and store no policy. A thin face over
``governance.services.policy_checks`` and the replays that the portal shows. ``test`` exits with 1 when something stands
against enforcing it.
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.access import rights_of
from governance.models import Policy
from governance.selectors.policies import current_text
from governance.services.policy_checks import PolicyCheck, policy_check
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import SlipwayError
from provisioning.domain.replay import STRUCK, sentence
from provisioning.models import PolicyReplay
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.selectors.policy_replays import team_lines
from provisioning.services.policy_replays import DAYS, replay_of_draft


class Command(BaseCommand):
    help = "Run a policy's own tests, or the policy over the changes that were recorded."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        test = verbs.add_parser("test", help="say what stands against it and what each of its tests comes out as")
        test.add_argument("policies", nargs="+", metavar="FILE|NAME", help="a YAML file, or a policy that is stored")
        replay = verbs.add_parser("replay", help="say what it would have done, by team; asked as if it were enforced")
        replay.add_argument("policies", nargs=1, metavar="FILE|NAME", help="a YAML file, or a policy that is stored")
        replay.add_argument("--days", type=int, default=DAYS, help=f"how far to look back; {DAYS} if left out")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['verb']}")(options)
        except SlipwayError as error:
            raise CommandError(f"{error.message} {error.remedy}".strip()) from None

    def _test(self, options: dict[str, Any]) -> None:
        failed = sum(not self._tested(named) for named in options["policies"])
        if failed:
            total = len(options["policies"])
            raise CommandError(f"{failed} of {total} {'policy' if total == 1 else 'policies'} must be mended.")

    def _tested(self, named: str) -> bool:
        check = _check(named)
        self._tell(named, check)
        for one in check.tests:
            self.stdout.write(f"{named}: {'holds' if one.holds else 'FAILS'}: {one.name}. {one.words}")
        if check.may_be_enforced:
            self.stdout.write(f"{named}: nothing stands against it.")
        return check.may_be_enforced

    def _replay(self, options: dict[str, Any]) -> None:
        named = options["policies"][0]
        check = _check(named)
        if check.found or check.document is None:
            self._tell(named, check)
            raise CommandError(f"{named} must be mended first.")
        report = replay_of_draft(PLATFORM, document=check.document, days=options["days"], now=clock.now())
        while report.state in ("queued", "running"):
            before = report.epoch
            replay_advance(report.pk)
            report.refresh_from_db()
            if report.epoch == before:
                raise CommandError("A worker is working it out already; ask again in a moment.")
            self.stderr.write(f"{report.done:,} of {report.total:,} changes are judged.")
        if report.state == "failed":
            raise CommandError(report.error)
        self._answer(report)

    def _answer(self, report: PolicyReplay) -> None:
        self.stdout.write(sentence(report.counts, report.total, report.days))
        for line in team_lines(report):
            told = ", ".join(f"{line['counts'][one]} {one}" for one in STRUCK if line["counts"].get(one))
            if told:
                self.stdout.write(f"  {line['slug']}: {told}")
        self.stdout.write(f"Every change: /policies/replays/{report.pk}/")

    def _tell(self, named: str, check: PolicyCheck) -> None:
        for one in check.found:
            line = f":{one.line}" if one.line else ""
            self.stderr.write(
                f"{named}{line}: {one.path}: {one.message}" if one.path else f"{named}{line}: {one.message}"
            )
            if one.pointer:
                self.stderr.write(f"  {one.source}\n  {one.pointer}")


def _check(named: str) -> PolicyCheck:
    """What is in the file of that name, else the stored policy."""
    path = Path(named)
    if path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise CommandError(f"{named} cannot be read as text in UTF-8.") from None
        return policy_check(rights_of(PLATFORM), text=text)
    found = Policy.objects.filter(name=named).first()
    if found is None:
        raise CommandError(f"There is no file and no policy “{named}”.")
    return policy_check(rights_of(PLATFORM), text=current_text(found), name=named)

"""The demo: what a visitor is promised is there, consistent, and made once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import call_command
from django.db import transaction
from django.db.models import F, Sum

from governance.access import rights_of
from governance.models import (
    ApprovalRoute,
    AuditEntry,
    Budget,
    Decision,
    Delegation,
    Loan,
    Policy,
    QuotaRequest,
    Reservation,
)  # fmt: skip
from governance.selectors.quota import quota_state
from governance.services.accounts import password_hashed
from governance.services.audit import audit_verify
from idp.catalog.models import Component, Dependency, System, Team, User
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import Forbidden
from provisioning.demo import making
from provisioning.demo.organisation import COMPONENTS, PEOPLE
from provisioning.demo.story import STORY
from provisioning.demo.telling import StoryClock
from provisioning.models import Change, Environment, Freeze, GlassBreak, Revision, Run, RunEvent, Stage
from provisioning.orchestrator import advance, sweep
from provisioning.selectors.changes import change_list, change_view
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve
from provisioning.services.starts import change_resume
from tests.provisioning.organisation import Clock, carry_out

PASSWORD = "otter-haven-quay-skiff-4711"
ROWS = (Team, User, System, Component, Dependency, Stage, Policy, Environment, Revision, Change, Run, RunEvent,
        Reservation, AuditEntry)  # fmt: skip


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """The demo, made once for all tests here; answers when."""
    from django.conf import settings

    now = clock.now()
    usual = settings.SANDBOX_PATH
    with django_db_blocker.unblock(), transaction.atomic():
        settings.SANDBOX_PATH = tmp_path_factory.mktemp("demo") / "sandbox.sqlite3"
        making.demo_make(password_hash=password_hashed(PASSWORD), now=now)
        yield now
        settings.SANDBOX_PATH = usual
        transaction.set_rollback(True)


@pytest.fixture
def demo(made, db):
    """The demo inside a transaction of the test's own."""
    return made


@pytest.fixture
def as_demo(settings, tmp_path):
    settings.DEMO = True
    settings.DATA_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    return tmp_path


def person(name: str) -> Actor:
    return Actor(User.objects.get(username=name).pk, name, via="portal")


def command() -> str:
    out = StringIO()
    call_command("slipway_demo", stdout=out)
    return out.getvalue()


def only(state: str) -> Change:
    return Change.objects.select_related("environment", "system").get(state=state)


# --- the organisation ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "number"),
    [
        (lambda: Team.objects.all(), 4),
        (lambda: System.objects.all(), 8),
        (lambda: System.objects.filter(restricted=True), 1),
        (lambda: Component.objects.all(), 20),
        (lambda: Component.objects.filter(repository=""), 0),
        (lambda: Component.objects.filter(links=[]), 0),
        (lambda: Stage.objects.all(), 4),
        (lambda: Environment.objects.filter(deleted_at=None), 17),
        (lambda: Environment.objects.filter(state="gone"), 1),
        (lambda: Environment.objects.filter(state="failed"), 1),
        (lambda: Environment.objects.filter(state="asleep"), 1),
        (lambda: Change.objects.filter(state="pending"), 1),
        (lambda: Change.objects.filter(state="rejected"), 1),
        (lambda: Change.objects.filter(state="cancelled"), 1),
        (lambda: Change.objects.filter(state="denied"), 2),
        (lambda: Change.objects.filter(state__in=("approved", "running")), 0),
        (lambda: Change.objects.filter(via="api"), 4),
        (lambda: Run.objects.filter(state="failed"), 1),
        (lambda: Run.objects.filter(state__in=("queued", "running")), 0),
        (lambda: ApprovalRoute.objects.filter(state="active"), 1),
        (lambda: ApprovalRoute.objects.filter(state="draft"), 1),
        (lambda: Policy.objects.filter(mode="observe", active=True, version=2), 1),
        (lambda: Freeze.objects.filter(lifted_at=None), 3),
        (lambda: GlassBreak.objects.filter(verdict=""), 1),
        (lambda: Loan.objects.filter(state="active"), 1),
        (lambda: Loan.objects.filter(state="asked"), 1),
        (lambda: QuotaRequest.objects.filter(state="open"), 1),
        (lambda: Budget.objects.all(), 4),
        (lambda: Delegation.objects.filter(withdrawn_at=None), 1),
    ],
    ids=[
        "teams", "systems", "restricted systems", "components", "components without a repository",
        "components without links", "stages", "living environments", "deleted environments", "failed environments",
        "sleeping environments",
        "pending changes", "rejected changes", "cancelled changes", "denied changes", "changes under way",
        "changes by a pipeline", "failed runs", "active runs",
        "routes in force", "drafts of routes", "policies that observe, edited once", "freezes",
        "broken glass to look at",
        "running loans", "loans to answer", "wishes for more quota", "budgets", "stand-ins",
    ],
)  # fmt: skip
def test_it_holds_what_was_promised(demo, rows, number):
    assert rows().count() == number


def test_it_connects_components_across_systems(demo):
    assert Dependency.objects.exclude(component__system=F("needs__system")).count() >= 8
    assert Dependency.objects.count() == sum(len(one.needs) for one in COMPONENTS)


@pytest.mark.parametrize("team", ["payments", "storefront", "data", "platform"])
def test_it_counts_exactly_what_living_environments_use(demo, team):
    living = Environment.objects.filter(system__team__slug=team, deleted_at=None)
    sums = living.aggregate(cpu=Sum("cpu"), memory_gib=Sum("memory_gib"), storage_gib=Sum("storage_gib"))
    used = quota_state(Team.objects.get(slug=team).pk).used
    assert {"cpu": used.cpu, "memory_gib": used.memory_gib, "storage_gib": used.storage_gib} == sums
    assert used.environments == living.count()


def test_it_leaves_payments_short_of_memory_and_holds_only_what_waits(demo):
    state = quota_state(Team.objects.get(slug="payments").pk)
    assert 0.75 <= state.used.memory_gib / state.limits.memory_gib <= 0.85
    assert (state.held.cpu, state.held.memory_gib, state.held.environments) == (1, 2, 0)
    assert Reservation.objects.filter(state="held").count() == 1


def test_it_writes_an_unbroken_audit_log_in_order_of_time(demo):
    moments = list(AuditEntry.objects.order_by("sequence").values_list("at", flat=True))
    assert audit_verify() == []
    assert all(before <= after for before, after in pairwise(moments))
    assert demo - timedelta(days=41) < moments[0]
    assert moments[-1] <= demo - timedelta(minutes=37)


def test_it_denies_once_by_policy_and_once_by_quota(demo):
    by_policy, by_quota = Change.objects.filter(state="denied").order_by("-system__slug")
    denials = [
        [one["policy"] for one in change.verdicts if one["outcome"] == "denies"] for change in (by_policy, by_quota)
    ]
    assert denials == [["production-images-are-ours"], []]
    assert by_quota.facts["quota"]["memory_gib"]["ratio_after"] > 1


def test_it_says_what_the_observed_rule_would_have_stopped(demo):
    said = [
        [one["outcome"] for one in change.verdicts if one["policy"] == "nothing-late-in-the-day"]
        for change in Change.objects.filter(stage__production=True)
    ]
    assert 1 <= sum("observes" in outcomes for outcomes in said) < len(said) / 2


@pytest.mark.parametrize("team", ["payments", "storefront", "data"])
def test_it_leaves_room_in_every_budget(demo, team):
    """A visitor's changes are not stopped by money."""
    lines = list(Budget.objects.filter(team__slug=team))
    for line in lines:
        where = {"system__team__slug": team} if line.system is None else {"system": line.system}
        cost = Environment.objects.filter(deleted_at=None, **where).aggregate(sum=Sum("monthly_cost"))["sum"]
        assert 0.5 < cost / line.amount < 0.95, (line.amount, cost)


def test_it_asks_two_in_turn_for_sign_in(demo):
    change = Change.objects.get(system__slug="identity", kind="update")
    assert list(
        Decision.objects.filter(change_id=change.pk).order_by("pk").values_list("user__username", flat=True)
    ) == ["platform-maintainer", "admin"]
    assert change.state == "succeeded"


def test_it_lets_runs_take_as_long_as_work_takes(demo):
    spans = [run.finished_at - run.started_at for run in Run.objects.exclude(change__kind="sleep")]
    assert timedelta(seconds=5) < min(spans)
    assert max(spans) < timedelta(minutes=2)
    assert RunEvent.objects.filter(text="1 of 3 replicas ready.").exists()


def test_it_has_environments_that_expire_soon(demo):
    soon = Environment.objects.filter(expires_at__gt=demo, expires_at__lt=demo + timedelta(days=4), deleted_at=None)
    assert {one.name for one in soon} == {"psp-retry", "banner-test", "pr-2291"}


# --- what is left for the visitor ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "waits"),
    [("maintainer", True), ("second-maintainer", True), ("developer", False), ("viewer", False),
     ("search-maintainer", False), ("admin", False), ("auditor", False)],
    ids=lambda value: str(value),
)  # fmt: skip
def test_it_waits_for_maintainers_of_payments_only(demo, who, waits):
    waiting = change_list(rights_of(person(who)), waiting_on_me=True)
    assert [change.pk for change in waiting] == ([only("pending").pk] if waits else [])


def test_it_lets_the_maintainer_approve_what_the_developer_asked(demo):
    change = only("pending")
    assert (change.requester.username, str(change.environment.stage.name)) == ("developer", "prod")
    assert abs(demo - timedelta(minutes=38) - change.created_at) < timedelta(seconds=5)
    with pytest.raises(Forbidden):
        change_approve(person("developer"), change.pk, plan_digest=change.plan_digest, now=demo)

    change_approve(person("maintainer"), change.pk, plan_digest=change.plan_digest, now=demo)

    run = carry_out(Run.objects.get(change=change), Clock(demo))
    assert run.state == "succeeded", run.error


def test_it_leaves_a_failed_run_that_can_be_resumed_or_mended(demo):
    change = only("failed")
    assert change_view(rights_of(person("developer")), change).runs
    run = Run.objects.get(change=change)
    assert run.error["code"] == "image-not-found"
    assert "0.14.2-missing" in run.error["message"]

    again = carry_out(change_resume(person("developer"), change.pk, now=demo), Clock(demo))
    assert again.state == "failed"

    resources = change.target["resources"]
    inputs = {**resources["renderer"]["inputs"], "image": "registry.example/invoice-renderer:0.14.2"}
    spec = {
        "resources": {
            name: {"capability": f"{one['capability']}@1", "inputs": inputs if name == "renderer" else one["inputs"],
                   **({"component": one["component"]} if one["component"] else {})}
            for name, one in resources.items()
        }
    }  # fmt: skip
    request = ChangeRequest("update", "invoicing", "staging", spec=spec, reason="Tag without a typing mistake.")
    mended = change_submit(person("developer"), request, now=demo)
    assert carry_out(Run.objects.get(change=mended), Clock(demo)).state == "succeeded"


def test_it_leaves_nothing_for_workers_to_do(demo):
    assert sweep(now=lambda: demo) == 0
    for run in Run.objects.all():
        advance(run.pk, now=lambda: demo)
    assert not Run.objects.filter(finished_at__gte=demo).exists()


@pytest.mark.parametrize(
    "anchor",
    [
        datetime(2026, 11, 23, 0, 1, tzinfo=UTC),
        datetime(2026, 11, 22, 23, 59, tzinfo=UTC),
        datetime(2026, 1, 1, 12, 0, tzinfo=UTC),
        datetime(2028, 3, 1, 0, 0, tzinfo=UTC),
        datetime(2026, 11, 25, 8, 30, tzinfo=UTC),
    ],
    ids=["Monday after midnight", "Sunday before midnight", "new year", "after a leap day", "Wednesday morning"],
)
def test_it_tells_the_story_forward_on_any_day(anchor):
    times = StoryClock(anchor)

    class Silent:
        """Lets the time pass that approvals take, and runs at their longest."""

        def __getattr__(self, name):
            def act(*_, approved=None, **__):
                times.later((approved.minutes if approved else 0) + 2)

            return act

    for chapter in STORY:
        chapter(Silent(), times)
    assert times.at <= anchor


# --- the commands -------------------------------------------------------------------------------------------


def test_it_makes_nothing_the_second_time(demo, as_demo):
    (as_demo / "demo-password").write_text(PASSWORD)
    before = [rows.objects.count() for rows in ROWS]

    told = command()

    assert [rows.objects.count() for rows in ROWS] == before
    assert PASSWORD in told
    assert all(one.username in told and one.can in told for one in PEOPLE)


def test_it_lets_people_sign_in_with_what_it_prints(demo, as_demo, client):
    (as_demo / "demo-password").write_text(PASSWORD)
    printed = re.search(r"with the password\n\s+(\S+)", command()).group(1)
    assert client.login(username="developer", password=printed)


def test_it_gives_accounts_a_new_password_when_the_file_is_gone(demo, as_demo, client):
    told = command()
    kept = (as_demo / "demo-password").read_text().strip()
    assert kept in told
    assert kept != PASSWORD
    assert client.login(username="maintainer", password=kept)
    assert not client.login(username="maintainer", password=PASSWORD)

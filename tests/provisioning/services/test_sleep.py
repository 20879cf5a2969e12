"""Environments that sleep by a plan: what people keep, what the sweep does, and what never happens twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from governance.models import AuditEntry, Notice
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Forbidden, InvalidInput
from provisioning.models import Change, Environment, Run, SleepPlan, Stage, Step
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.sleep import activity_report, sleep_hold, sleep_plan_save
from provisioning.services.sleep_sweep import environments_power
from tests.personas import NOW
from tests.provisioning.organisation import Clock, carry_out, create, equip, spec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]

NIGHTS = [{"days": ["mon", "tue", "wed", "thu", "fri"], "from": "19:00", "to": "07:00"}]
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
EVENING = NOON.replace(hour=19)
MORNING = EVENING + timedelta(hours=12)
NO_SLEEP = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "no-sleep"},
    "spec": {
        "title": "Nothing sleeps",
        "mode": "enforce",
        "when": "change.kind == 'sleep'",
        "effect": "deny",
        "message": "Not this week.",
    },
}


@pytest.fixture
def environment(organisation) -> Environment:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, now=NOON)), Clock(NOON))
    return Environment.objects.get()


def planned(organisation, *, who="developer", now=NOON, windows=NIGHTS, **more) -> SleepPlan:
    return sleep_plan_save(
        organisation.actor(who), system="checkout", environment="try", windows=windows, time_zone="UTC", now=now, **more
    )


def swept(now: datetime) -> Change | None:
    """What one sweep asks for, carried out."""
    before = Change.objects.count()
    environments_power(now=now)
    change = Change.objects.latest("id") if Change.objects.count() > before else None
    run = Run.objects.filter(change=change).first() if change else None
    if run is not None:
        carry_out(run, Clock(now))
    return change


def asked(organisation, kind: str, now: datetime) -> None:
    change = change_submit(organisation.actor("developer"), ChangeRequest(kind, "checkout", "try"), now=now)
    carry_out(Run.objects.get(change=change), Clock(now))


def test_it_sleeps_at_night_and_wakes_in_the_morning_with_its_data_kept(organisation, environment):
    planned(organisation)
    awake = environment.cpu
    assert swept(NOON) is None
    slept = swept(EVENING)
    assert (slept.kind, slept.state, slept.requester.username) == ("sleep", "running", "slipway")
    assert "by its schedule" in slept.reason
    environment.refresh_from_db()
    assert environment.state == "asleep"
    assert (environment.cpu, environment.storage_gib) == (0, 5)
    assert swept(EVENING + timedelta(minutes=1)) is None
    assert swept(MORNING).kind == "wake"
    environment.refresh_from_db()
    assert (environment.state, environment.cpu) == ("ready", awake)


def test_consumers_fall_asleep_before_what_they_need_and_wake_after_it(organisation, environment):
    asked(organisation, "sleep", NOON)
    asked(organisation, "wake", NOON + timedelta(minutes=10))
    slept, woke = (Run.objects.get(change__kind=kind) for kind in ("sleep", "wake"))

    def needs(run: Run) -> dict[str, list[str]]:
        rows = Step.objects.filter(run=run, kind="resource").order_by("position")
        return {row.title: row.needs for row in rows}

    assert needs(slept) == {
        "shop": ["guardrails"],
        "api": ["resource:shop"],
        "db": ["resource:api"],
    }
    assert needs(woke) == {"db": ["guardrails"], "api": ["resource:db"], "shop": ["resource:api"]}


def test_whoever_wakes_it_at_night_has_it_awake_until_the_next_window(organisation, environment):
    planned(organisation)
    swept(EVENING)
    asked(organisation, "wake", EVENING + timedelta(hours=1))
    assert swept(EVENING + timedelta(hours=2)) is None
    assert swept(MORNING) is None
    assert swept(EVENING + timedelta(days=1)).kind == "sleep"


def test_it_stays_awake_as_long_as_it_was_asked_to(organisation, environment):
    planned(organisation)
    sleep_hold(organisation.actor("developer"), system="checkout", environment="try", span="9h", now=NOON)
    assert swept(EVENING) is None
    assert swept(NOON + timedelta(hours=9)).kind == "sleep"


def test_it_waits_for_a_change_that_people_look_at(organisation, environment):
    planned(organisation)
    policy_save(
        PLATFORM,
        document={
            **NO_SLEEP,
            "metadata": {"name": "ask"},
            "spec": {
                "title": "A maintainer agrees",
                "mode": "enforce",
                "when": "change.kind == 'update'",
                "effect": "require-approval",
                "approvals": [{"from": "team:maintainer", "count": 1}],
                "message": "Agree.",
            },
        },
        now=NOON,
    )
    request = ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": 1}))
    waiting = change_submit(organisation.actor("developer"), request, now=NOON)
    assert waiting.state == "pending"
    assert swept(EVENING) is None
    assert f"#{waiting.pk}" in SleepPlan.objects.get().said
    waiting.refresh_from_db()
    assert waiting.state == "pending"
    Change.objects.filter(pk=waiting.pk).update(state="cancelled")
    assert swept(EVENING + timedelta(minutes=5)).kind == "sleep"
    assert SleepPlan.objects.get().said == ""


def test_it_says_once_that_a_policy_keeps_it_awake(organisation, environment):
    planned(organisation)
    policy_save(PLATFORM, document=NO_SLEEP, now=NOON)
    swept(EVENING)
    environments_power(now=EVENING + timedelta(minutes=10))
    assert Change.objects.filter(kind="sleep", state="denied").count() == 1
    assert SleepPlan.objects.get().said == "Not this week."
    told = Notice.objects.filter(kind="sleep-refused")
    assert {one.person.username for one in told} >= {"developer", "maintainer"}


def test_it_takes_back_at_dawn_what_nobody_agreed_to_at_night(organisation, environment):
    planned(organisation)
    ask = {**NO_SLEEP["spec"], "effect": "require-approval", "approvals": [{"from": "team:maintainer", "count": 1}]}
    policy_save(PLATFORM, document={**NO_SLEEP, "spec": ask}, now=NOON)
    change = swept(EVENING)
    assert change.state == "pending"
    assert swept(MORNING) is None
    change.refresh_from_db()
    assert change.state == "cancelled"


def test_it_leaves_a_failed_one_to_people(organisation, environment):
    planned(organisation)
    Environment.objects.update(state="failed")
    assert swept(EVENING) is None
    assert "failed" in SleepPlan.objects.get().said


def test_it_lets_go_what_was_missed_for_hours(organisation, environment):
    planned(organisation)
    assert swept(EVENING + timedelta(hours=8)) is None
    assert swept(MORNING) is None


def test_a_run_under_way_comes_first(organisation, environment):
    planned(organisation)
    Environment.objects.update(state="progressing")
    assert swept(EVENING) is None
    Environment.objects.update(state="ready")
    assert swept(EVENING + timedelta(minutes=5)).kind == "sleep"


def reported(organisation, now, **more):
    return activity_report(organisation.actor("developer"), system="checkout", environment="try", now=now, **more)


@pytest.mark.parametrize("said_by", ["environment", "stage"])
def test_it_sleeps_after_hours_without_activity(organisation, environment, said_by):
    if said_by == "environment":
        planned(organisation, windows=[], idle_hours=4)
    else:
        Stage.objects.filter(name="dev").update(idle_hours=4)
    reported(organisation, NOON + timedelta(hours=1))
    assert swept(NOON + timedelta(hours=1)) is None
    reported(organisation, NOON + timedelta(hours=3))
    assert swept(NOON + timedelta(hours=5)) is None
    slept = swept(NOON + timedelta(hours=7, minutes=1))
    assert slept.kind == "sleep"
    assert "4 hours without activity" in slept.reason
    asked(organisation, "wake", NOON + timedelta(hours=8))
    assert swept(NOON + timedelta(hours=9)) is None
    assert swept(NOON + timedelta(hours=12, minutes=10)).kind == "sleep"


def test_one_that_never_reports_is_not_idle(organisation, environment):
    planned(organisation, windows=[], idle_hours=1)
    assert swept(NOON + timedelta(hours=50)) is None


def test_activity_is_written_once_a_minute_and_never_goes_back(organisation, environment):
    first = reported(organisation, NOON)
    assert reported(organisation, NOON + timedelta(seconds=30)).active_at == first.active_at
    later = reported(organisation, NOON + timedelta(minutes=2))
    assert later.active_at == NOON + timedelta(minutes=2)
    assert reported(organisation, NOON + timedelta(minutes=3), at=NOON).active_at == later.active_at
    with pytest.raises(InvalidInput):
        reported(organisation, NOON, at=NOON + timedelta(hours=1))


def test_a_plan_is_kept_with_an_audit_entry_by_who_may_ask_for_changes(organisation, environment):
    plan = planned(organisation)
    assert (plan.windows, plan.version) == (NIGHTS, 2)
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.object_label) == ("sleep.save", "checkout/try")
    for who in ("viewer", "stranger"):
        with pytest.raises(Forbidden):
            planned(organisation, who=who)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"windows": [{"days": ["mon"], "from": "x", "to": "07:00"}]}, id="no time"),
        pytest.param({"idle_hours": 721}, id="idle for more than a month"),
    ],
)
def test_it_stores_nothing_that_is_wrong(organisation, environment, more):
    with pytest.raises(InvalidInput):
        planned(organisation, **more)
    assert not SleepPlan.objects.exists()


@pytest.mark.parametrize("span", ["", "soon", "31d", "800h", "-1d"])
def test_it_is_not_held_awake_for_anything(organisation, environment, span):
    with pytest.raises(InvalidInput):
        sleep_hold(organisation.actor("developer"), system="checkout", environment="try", span=span, now=NOON)


def test_production_does_not_sleep_by_itself(organisation):
    equip(organisation, policies=())
    carry_out(Run.objects.get(change=create(organisation, "try", stage="prod")))
    with pytest.raises(InvalidInput, match="stored"):
        planned(organisation)
    assert not mail.outbox


def test_it_does_not_fall_asleep_as_soon_as_a_plan_is_kept(organisation, environment):
    planned(organisation, now=EVENING + timedelta(hours=1))
    assert swept(EVENING + timedelta(hours=1)) is None
    assert NOW < NOON

"""Teams are told of an end before it comes, each notice once; and of one that the platform cannot bring about."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import Notice
from idp.kernel.errors import InvalidInput
from provisioning.domain.expiring import beyond, extension, notice_level, worth_telling
from provisioning.models import Change, Environment, ExpiryWatch, Run
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.expiry import environments_expire
from provisioning.services.expiry_notices import expiries_tell
from tests.personas import NOW
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec
from tests.provisioning.reconciler.watching import observe_once

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def environment(organisation, db) -> Environment:
    equip(organisation, policies=())
    carry_out(Run.objects.get(change=create(organisation)))
    return Environment.objects.get()


def told() -> list[str]:
    rows = Notice.objects.filter(kind="environment-expires", person__username="developer").order_by("id")
    return [row.title for row in rows]


def test_the_team_is_told_a_week_a_day_and_an_hour_before_each_once(environment):
    end: datetime = environment.expires_at
    counts = []
    for before in (8 * DAY, 7 * DAY, 7 * DAY - MINUTE, 2 * DAY, DAY, DAY - HOUR, HOUR, MINUTE):
        counts.append(expiries_tell(now=end - before))
        assert expiries_tell(now=end - before) == 0
    assert counts == [0, 1, 0, 0, 1, 0, 1, 0]
    assert told() == [f"checkout / try goes away {when}" for when in ("in 7 days", "in a day", "in an hour")]
    people = set(Notice.objects.values_list("person__username", flat=True))
    assert {"developer", "maintainer"} <= people
    assert "viewer" not in people
    assert expiries_tell(now=end + MINUTE) == 0


def expiring(environment: Environment) -> list[dict[str, str]]:
    environment.refresh_from_db()
    return [one for one in environment.conditions if one["type"] == "Expiring"]


def test_that_it_expires_is_among_its_conditions_until_it_is_extended(organisation, environment):
    assert expiring(environment) == []
    now = environment.expires_at - 7 * DAY
    expiries_tell(now=now)
    [condition] = expiring(environment)
    assert (condition["status"], condition["reason"], condition["since"]) == ("True", "TimeRunsOut", now.isoformat())
    expiries_tell(now=now + 6 * DAY)
    observe_once(environment.cluster, sandbox())
    assert expiring(environment) == [condition]
    later = now + 6 * DAY + HOUR
    request = ChangeRequest("extend", "checkout", "try", until="30d")
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=later)), Clock(later))
    assert expiring(environment) == []


def test_another_end_is_told_of_anew(organisation, environment):
    expiries_tell(now=environment.expires_at - DAY)
    now = environment.expires_at - DAY + HOUR
    request = ChangeRequest("extend", "checkout", "try", until="30d")
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=now)), Clock(now))
    environment.refresh_from_db()
    assert expiries_tell(now=now) == 0
    assert expiries_tell(now=environment.expires_at - 7 * DAY) == 1
    assert len(told()) == 2


def test_who_just_set_a_near_end_is_not_told_of_it(organisation, environment):
    made = spec(shop={"host": "short.dev.example"})
    carry_out(
        Run.objects.get(
            change=change_submit(
                organisation.actor("developer"),
                ChangeRequest("create", "checkout", "short", {**made, "expires": "12h"}),
                now=NOW,
            )
        )
    )
    assert expiries_tell(now=NOW + MINUTE) == 0
    assert expiries_tell(now=NOW + 11 * HOUR) == 1
    assert told() == ["checkout / short goes away in an hour"]


def test_looking_costs_one_query_when_nothing_is_to_be_told(environment):
    expiries_tell(now=environment.expires_at - DAY)
    with CaptureQueriesContext(connection) as asked:
        expiries_tell(now=environment.expires_at - DAY + MINUTE)
    assert len(asked) == 1


def test_what_cannot_be_deleted_does_not_keep_others_waiting(organisation, environment):
    """A refusal that stores no change must not be asked for every minute, before everybody else."""
    made = spec(shop={"host": "other.dev.example"})
    request = ChangeRequest("create", "checkout", "other", {**made, "expires": "89d"})
    carry_out(Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=NOW)))
    after = NOW + 90 * DAY
    first = environments_expire_with_a_refusal("try", now=after, limit=1)
    assert first == []
    watch = ExpiryWatch.objects.get(environment=environment)
    assert (watch.refused_at, "held by somebody" in watch.refusal) == (after, True)
    [change] = environments_expire_with_a_refusal("try", now=after + MINUTE, limit=1)
    assert change.environment_name == "other"
    refused = Notice.objects.filter(kind="expiry-refused")
    assert {one.person.username for one in refused} >= {"developer", "maintainer", "admin"}
    environments_expire_with_a_refusal("try", now=after + MINUTE * 2, limit=1)
    assert Notice.objects.filter(kind="expiry-refused", person__username="developer").count() == 1
    assert [one.environment_name for one in environments_expire(now=after + DAY + HOUR)] == ["try"]


def environments_expire_with_a_refusal(name: str, *, now: datetime, limit: int) -> list[Change]:
    from provisioning.services import expiry

    usual = expiry.change_submit

    def refusing(actor, request, *, now):
        if request.environment == name:
            raise InvalidInput("It is held by somebody.")
        return usual(actor, request, now=now)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(expiry, "change_submit", refusing)
        return environments_expire(now=now, limit=limit)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["create", "update"])
def test_production_takes_no_end(organisation, kind):
    equip(organisation, policies=())
    if kind == "update":
        carry_out(Run.objects.get(change=create(organisation, "live", stage="prod")))
    request = ChangeRequest(kind, "checkout", "live", {**spec("prod"), "expires": "14d"})
    with pytest.raises(InvalidInput) as refused:
        change_submit(organisation.actor("developer"), request, now=NOW)
    [error] = refused.value.errors
    assert error.path == "spec.expires"
    assert "Production never expires" in error.message


END = datetime.fromisoformat("2026-06-20T12:00:00+00:00")


@pytest.mark.parametrize(
    ("before", "level"),
    [
        pytest.param(8 * DAY, 0, id="far"),
        pytest.param(7 * DAY, 1, id="a week"),
        pytest.param(DAY, 2, id="a day"),
        pytest.param(HOUR, 3, id="an hour"),
        pytest.param(timedelta(0), 0, id="over"),
    ],
)
def test_it_knows_which_notice_is_due(before, level):
    assert notice_level(END, END - before) == level


def test_a_notice_is_worth_telling_when_the_end_was_set_before_it_fell_due():
    assert worth_telling(1, END, END - 8 * DAY)
    assert not worth_telling(1, END, END - 6 * DAY)
    assert worth_telling(2, END, END - 6 * DAY)
    assert not worth_telling(0, END, END - 60 * DAY)


@pytest.mark.parametrize(
    ("created", "default", "most", "expected"),
    [
        pytest.param(END - 10 * DAY, 14, 90, END + 14 * DAY, id="the usual life more"),
        pytest.param(END - 80 * DAY, 14, 90, END + 10 * DAY, id="up to the longest"),
        pytest.param(END - 90 * DAY, 14, 90, None, id="at the longest"),
        pytest.param(END - 90 * DAY, None, None, END + 14 * DAY, id="a stage without limits"),
    ],
)
def test_one_click_gives_as_much_as_nobody_has_to_be_asked_for(created, default, most, expected):
    assert extension(END, created=created, default_days=default, max_days=most) == expected


def test_more_than_that_may_be_asked_for_within_reason():
    assert beyond(END, now=END - DAY, default_days=14, max_days=10) == END + 9 * DAY

"""Pages of sleep: the schedule with what it saves, staying awake, waking and extending with one click."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from idp.kernel import clock
from provisioning.models import Change, Environment, Preview, Run, SleepPlan
from provisioning.services.changes import ChangeRequest, change_submit
from tests.provisioning.organisation import Clock, carry_out, create, equip

pytestmark = pytest.mark.django_db
PLACE = ["checkout", "try"]
NIGHTS = {"w0_days": ["mon", "tue", "wed", "thu", "fri"], "w0_from": "19:00", "w0_to": "07:00", "zone": "Europe/Berlin"}


@pytest.fixture
def environment(organisation) -> Environment:
    equip(organisation)
    now = clock.now()
    carry_out(Run.objects.get(change=create(organisation, now=now)), Clock(now))
    return Environment.objects.get()


def signed_in(client, organisation, who="developer"):
    client.force_login(getattr(organisation, who))
    return client


def test_it_shows_what_a_schedule_would_save_before_it_is_kept(client, organisation, environment):
    page = signed_in(client, organisation)
    text = page.post(reverse("environment-sleep", args=PLACE), {**NIGHTS, "do": "look"}).content.decode()
    assert "Asleep 60 of 168 h a week, which saves €" in text
    assert "Not saved yet" in text
    assert not SleepPlan.objects.exists()


def test_a_browser_with_scripts_gets_the_part_that_changes(client, organisation, environment):
    answer = signed_in(client, organisation).post(
        reverse("environment-sleep", args=PLACE), NIGHTS, headers={"HX-Request": "true"}
    )
    text = answer.content.decode().strip()
    assert text.startswith('<section id="saving"')
    assert "<html" not in text


def test_it_keeps_a_schedule(client, organisation, environment):
    answer = signed_in(client, organisation).post(
        reverse("environment-sleep", args=PLACE), {**NIGHTS, "idle": "own", "hours": "8", "version": "0", "do": "save"}
    )
    assert answer.status_code == 302
    plan = SleepPlan.objects.get()
    assert plan.windows == [{"days": NIGHTS["w0_days"], "from": "19:00", "to": "07:00"}]
    assert (plan.time_zone, plan.idle_hours) == ("Europe/Berlin", 8)
    text = client.get(reverse("environment-settings", args=PLACE)).content.decode()
    assert "Mon to Fri, 19:00 to 07:00 the next day" in text
    assert "After 8 h without reported activity" in text


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        pytest.param({"w0_from": "7pm"}, "Write a time of day such as 19:00.", id="no time"),
        pytest.param({"w0_days": []}, "Choose at least one of", id="no day"),
        pytest.param({"zone": "Mars"}, "Write the name of a time zone", id="no zone"),
        pytest.param({"idle": "own", "hours": "many"}, "Write a number of hours", id="no number"),
        pytest.param({"version": "7"}, "changed meanwhile", id="somebody was faster"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(client, organisation, environment, sent, said):
    answer = signed_in(client, organisation).post(
        reverse("environment-sleep", args=PLACE), {**NIGHTS, "do": "save", **sent}
    )
    assert answer.status_code == 422
    assert said in answer.content.decode()


@pytest.mark.parametrize("preset", ["nights", "nights-and-weekends", "weekends"])
def test_a_preset_fills_the_form(client, organisation, environment, preset):
    text = signed_in(client, organisation).get(reverse("environment-sleep", args=PLACE) + f"?preset={preset}").content
    assert b"Not saved yet" in text
    assert b'value="07:00"' in text


def test_a_viewer_reads_and_does_not_write(client, organisation, environment):
    page = signed_in(client, organisation, "viewer")
    assert b'name="do"' not in page.get(reverse("environment-sleep", args=PLACE)).content
    assert page.post(reverse("environment-sleep", args=PLACE), NIGHTS).status_code == 403
    assert page.post(reverse("environment-hold", args=PLACE), {"for": "4h"}).status_code == 403


def test_it_stays_awake_when_asked(client, organisation, environment):
    page = signed_in(client, organisation)
    page.post(reverse("environment-hold", args=PLACE), {"for": "12h"})
    assert b"It stays awake until" in page.get(reverse("environment-sleep", args=PLACE)).content


def test_one_click_wakes_it_and_shows_the_run(client, organisation, environment):
    change = change_submit(organisation.actor("developer"), ChangeRequest("sleep", *PLACE), now=clock.now())
    carry_out(Run.objects.get(change=change), Clock(clock.now()))
    page = signed_in(client, organisation)
    assert b"It is asleep." in page.get(reverse("environment", args=PLACE)).content
    answer = page.post(reverse("environment-power", args=[*PLACE, "wake"]))
    woken = Change.objects.get(kind="wake")
    assert answer["Location"] == reverse("run", args=[Run.objects.get(change=woken).pk])


def test_one_click_extends_as_far_as_nobody_has_to_be_asked(client, organisation, environment):
    page = signed_in(client, organisation)
    page.post(reverse("environment-extend", args=PLACE))
    change = Change.objects.get(kind="extend")
    assert change.state == "running"
    assert change.target["expires"] > environment.expires_at.isoformat()


def test_at_the_longest_life_it_leads_to_who_has_to_be_asked(client, organisation, environment):
    Environment.objects.update(expires_at=environment.created_at + timedelta(days=90))
    answer = signed_in(client, organisation).post(reverse("environment-extend", args=PLACE))
    assert answer["Location"] == reverse("environment-ask", args=[*PLACE, "extend"])
    assert not Change.objects.filter(kind="extend").exists()


def test_a_preview_shows_its_key_and_where_it_comes_from(client, organisation, environment):
    Preview.objects.create(
        system=environment.system,
        key="pr-123",
        environment=environment,
        link="https://git.example/pulls/123",
        created_at=clock.now(),
        changed_at=clock.now(),
    )
    text = signed_in(client, organisation).get(reverse("environment", args=PLACE)).content.decode()
    assert 'href="https://git.example/pulls/123"' in text
    assert "Preview pr-123" in text

"""Home answers: what needs me now?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse

from governance.models import Approval, Loan, Quota, QuotaRequest
from idp.catalog.models import System, Team
from idp.kernel import clock
from portal.pages.home import summary
from portal.reading.mine import needs_care
from portal.reading.quotas import Tight
from provisioning.models import Environment
from tests.personas import NOW, Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    cache.clear()
    return Organisation.found()


@pytest.fixture
def stages(organisation):
    return estate.install()


def home(client, organisation, persona):
    client.force_login(organisation.people[persona])
    return client.get(reverse("home"))


def waiting(organisation, of):
    request = estate.change(of, organisation.developer, title="More replicas")
    Approval.objects.create(
        change_id=request.pk,
        plan_digest=request.plan_digest,
        position=0,
        source="team:maintainer",
        team=organisation.payments,
        count=1,
        reason="",
        policy="p",
    )
    return request


WAITS = {
    "a maintainer of the team": ("maintainer", 1),
    "the one who asked": ("developer", 0),
    "someone else": ("stranger", 0),
}


@pytest.mark.parametrize(("persona", "number"), WAITS.values(), ids=WAITS.keys())
def test_it_says_first_what_waits_for_this_person(client, organisation, stages, persona, number):
    waiting(organisation, estate.environment(organisation.checkout, stages["prod"], organisation.developer))
    answer = home(client, organisation, persona)
    text = answer.content.decode()
    assert ("1 change waits for your decision" in text) is bool(number)
    assert ("Nothing waits for your decision" in text) is not number
    assert ("Waiting on you" in text) is bool(number)
    assert answer.context["shell"]["waiting_count"] == number


def test_it_names_what_failed_with_the_run_and_the_reason(client, organisation, stages):
    made = estate.environment(organisation.checkout, stages["dev"], organisation.developer, state="failed")
    run = estate.failed_run(made, organisation.developer, message="The image does not exist.")
    text = home(client, organisation, "viewer").content.decode()
    assert f"run {run.pk} stopped at api" in text
    assert "The image does not exist." in text
    assert f'href="{reverse("run", args=[run.pk])}"' in text


def test_it_shows_only_what_my_teams_own(client, organisation, stages):
    estate.environment(organisation.checkout, stages["dev"], organisation.developer, state="failed")
    assert home(client, organisation, "stranger").context["care"] == []
    assert len(home(client, organisation, "viewer").context["care"]) == 1


def test_a_quota_near_its_limit_is_said_with_what_is_free(client, organisation, stages):
    estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    Quota.objects.filter(team=organisation.payments).update(environments=1)
    assert "Payments uses 1 of 1 environments" in home(client, organisation, "viewer").content.decode()


def test_a_person_without_a_team_is_told_what_this_is(client, organisation):
    answer = home(client, organisation, "auditor")
    assert "You are in no team yet" in answer.content.decode()


def environment(state="ready", hours=None):
    expires = None if hours is None else NOW + timedelta(hours=hours)
    return Environment(pk=1, name="dev", state=state, expires_at=expires)


CARE = {
    "ready": (environment(), []),
    "failed": (environment("failed"), ["checkout / dev failed"]),
    "degraded": (environment("degraded"), ["checkout / dev is degraded"]),
    "rolling out": (environment("progressing"), ["checkout / dev is rolling out"]),
    "expires in hours": (environment(hours=4), ["checkout / dev expires today at 13:30"]),
    "expires tomorrow": (environment(hours=24), ["checkout / dev expires tomorrow at 09:30"]),
    "expires in days": (environment(hours=60), ["checkout / dev expires on 4 Mar"]),
    "expires later": (environment(hours=100), []),
    "expired": (environment(hours=-48), ["checkout / dev expired on 28 Feb"]),
}


@pytest.mark.parametrize(("made", "titles"), CARE.values(), ids=CARE.keys())
def test_it_says_in_words_what_needs_care(made, titles):
    made.failed_run = made.failed_error = None
    system = System(slug="checkout", team=Team(slug="payments"))
    assert [care.title for care in needs_care([(system, made)], NOW)] == titles


def test_the_gravest_comes_first():
    system = System(slug="checkout")
    rows = [environment("progressing"), environment(hours=1), environment("failed")]
    for row in rows:
        row.failed_run = row.failed_error = None
    assert [care.state for care in needs_care([(system, row) for row in rows], NOW)] == [
        "failed",
        "expiring",
        "progressing",
    ]


def care_of(*states):
    made = [environment(state) for state in states]
    for number, row in enumerate(made):
        row.failed_run = row.failed_error = None
        row.name = f"e{number}"
    return needs_care([(System(slug="s"), row) for row in made], NOW)


TIGHT = Tight("payments", "Payments", "near", "", "")
SUMMARIES = {
    "nothing at all": ([], [], [], "Your teams have no environment yet."),
    "one that is well": ([], [], [1], "The one environment of your teams is as agreed."),
    "many that are well": ([], [], [1, 2], "All 2 environments of your teams are as agreed."),
    "one by its name": (["failed"], [], [1], "s / e0 failed. The rest is as agreed."),
    "several by their number": (["failed", "failed"], [], [1], "2 environments failed. The rest is as agreed."),
    "two kinds": (
        ["failed", "degraded"],
        [TIGHT],
        [1],
        "s / e0 failed, s / e1 is degraded and Payments is near its quota. The rest is as agreed.",
    ),
    "moving is no trouble": (["progressing"], [], [1], "The one environment of your teams is as agreed."),
}


@pytest.mark.parametrize(("states", "tight", "environments", "words"), SUMMARIES.values(), ids=SUMMARIES.keys())
def test_the_sentence_below_the_answer(states, tight, environments, words):
    assert summary(care_of(*states), tight, environments) == words


def test_the_banner_says_that_it_is_a_sandbox_and_that_work_is_late(client, organisation, stages):
    made = estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    run = estate.failed_run(made, organisation.developer, message="x")
    run.state, run.due_at = "queued", clock.now() - timedelta(minutes=3)
    run.save()
    text = home(client, organisation, "viewer").content.decode()
    assert "This is a sandbox." in text
    assert "Work is delayed." in text
    assert "3 min" in text


def test_it_says_what_waits_besides_changes(client, organisation, stages):
    soon = clock.now() + timedelta(days=3)
    payments, other = organisation.payments, Team.objects.create(name="Other", slug="other", created_at=NOW)
    QuotaRequest.objects.create(team=payments, cpu=2, reason="More shops.", made_at=clock.now())
    Loan.objects.create(
        lender=other, borrower=payments, state="offered", cpu=1, reason="-", ends_at=soon, made_at=clock.now()
    )
    shown = home(client, organisation, "admin").content.decode()
    assert "1 team asks for more quota" in shown
    assert "offered to your team" not in shown
    shown = home(client, organisation, "maintainer").content.decode()
    assert "1 decision waits for you" in shown
    assert 'href="/teams/payments/quota/loans"' in shown
    assert "for more quota" not in shown
    shown = home(client, organisation, "developer").content.decode()
    assert "Nothing waits for your decision" in shown

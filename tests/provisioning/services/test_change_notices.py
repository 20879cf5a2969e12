"""Who is told what of a change: each concerned person once, nobody of what they did themselves."""

from __future__ import annotations

import pytest
from django.db import transaction

from governance.models import Notice
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Run
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import (
    change_approve,
    change_cancel,
    change_comment,
    change_reject,
    change_request_info,
)
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = pytest.mark.django_db

NO_MORE = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "three-at-most"},
    "spec": {
        "title": "Three copies at most",
        "mode": "enforce",
        "when": "plan.resources.exists(one, one.name == 'api' && default(one.inputs.replicas, 1) > 3)",
        "effect": "deny",
        "message": "Four copies are too many.",
    },
}


@pytest.fixture
def organisation(organisation: Organisation) -> Organisation:
    equip(organisation)
    return organisation


@pytest.fixture
def waiting(organisation: Organisation) -> Change:
    """A create in prod by the developer, which waits for a maintainer."""
    return create(organisation, "live", stage="prod")


def told(kind: str, *, unread: bool = False) -> list[str]:
    rows = Notice.objects.filter(kind=kind, **({"read_at": None} if unread else {}))
    return sorted(rows.values_list("person__username", flat=True))


def test_it_asks_those_who_may_decide(waiting):
    assert told("change-waits") == ["maintainer", "second_maintainer"]
    notice = Notice.objects.filter(kind="change-waits").first()
    assert notice.title == "Create checkout / live waits for your decision"
    assert notice.text == "developer asks for it: Because."
    assert notice.url == f"/changes/{waiting.pk}/"


def test_it_does_not_ask_the_requester(organisation):
    create(organisation, "live", stage="prod", who="maintainer")
    assert told("change-waits") == ["second_maintainer"]


def test_it_tells_nobody_of_a_change_that_starts_at_once(organisation):
    create(organisation)
    assert not Notice.objects.exists()


def test_it_tells_the_requester_that_somebody_agreed_and_asks_nobody_any_more(organisation, waiting):
    change_approve(organisation.actor("maintainer"), waiting.pk, plan_digest=waiting.plan_digest, now=NOW)
    assert told("change-approved") == ["developer"]
    assert Notice.objects.get(kind="change-approved").text == "maintainer agreed."
    assert told("change-waits", unread=True) == []
    assert not Notice.objects.filter(kind="change-waits", mail="due").exists()


def test_it_tells_the_requester_why_it_was_rejected_once(organisation, waiting):
    change_reject(organisation.actor("maintainer"), waiting.pk, comment="Not on a Friday.", now=NOW)
    assert told("change-rejected") == ["developer"]
    assert Notice.objects.get(kind="change-rejected").text == "Not on a Friday."
    assert told("change-waits", unread=True) == []


def test_it_tells_the_requester_who_cancelled_but_not_oneself(organisation, waiting):
    change_cancel(organisation.actor("developer"), waiting.pk, now=NOW)
    assert told("change-cancelled") == []
    assert told("change-waits", unread=True) == []
    other = create(organisation, "other", stage="prod")
    change_cancel(organisation.actor("maintainer"), other.pk, now=NOW)
    assert told("change-cancelled") == ["developer"]
    assert Notice.objects.get(kind="change-cancelled").text == "maintainer cancelled it."


def test_it_takes_questions_to_the_requester_and_answers_back(organisation, waiting):
    change_request_info(organisation.actor("maintainer"), waiting.pk, comment="Why now?", now=NOW)
    assert told("information-asked") == ["developer"]
    # Whoever asked has seen the change; the other maintainer is still waited for.
    assert told("change-waits", unread=True) == ["second_maintainer"]
    change_comment(organisation.actor("developer"), waiting.pk, comment="The season starts.", now=NOW)
    assert told("change-commented") == ["maintainer"]
    assert told("information-asked", unread=True) == []
    change_comment(organisation.actor("second_maintainer"), waiting.pk, comment="Fine.", now=NOW)
    assert told("change-commented") == ["developer", "maintainer", "maintainer"]


def test_it_tells_of_each_comment_once(organisation, waiting):
    for words in ("One.", "Two.", "Two."):
        change_comment(organisation.actor("viewer"), waiting.pk, comment=words, now=NOW)
    assert told("change-commented") == ["developer"] * 3


def test_it_tells_the_requester_of_success(organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    assert told("change-succeeded") == ["developer"]
    assert told("environment-failed") == []


def test_it_tells_the_requester_and_the_team_of_a_failure(organisation):
    change = create(organisation, "bad", api={"image": "registry.example/checkout-api:missing"})
    run = carry_out(Run.objects.get(change=change))
    assert told("change-failed") == ["developer"]
    assert told("environment-failed") == ["maintainer", "second_maintainer"]
    notice = Notice.objects.get(kind="change-failed")
    assert notice.url == f"/runs/{run.pk}/"
    assert "missing" in notice.text


@pytest.fixture
def two(organisation: Organisation) -> tuple[Change, Change]:
    """Two updates of one environment that wait; the first to start moves the base of the other."""
    first = create(organisation, "live", stage="prod")
    change_approve(organisation.actor("maintainer"), first.pk, plan_digest=first.plan_digest, now=NOW)
    carry_out(Run.objects.get(change=first))
    one, other = (
        change_submit(
            organisation.actor("developer"),
            ChangeRequest("update", "checkout", "live", spec=spec("prod", api={"replicas": replicas})),
            now=NOW,
        )
        for replicas in (3, 4)
    )
    return one, other


def test_it_asks_anew_about_a_new_plan_and_no_longer_about_the_old(organisation, two):
    one, other = two
    before = set(Notice.objects.filter(url=f"/changes/{other.pk}/").values_list("pk", flat=True))
    change_approve(organisation.actor("maintainer"), one.pk, plan_digest=one.plan_digest, now=NOW)
    other.refresh_from_db()
    anew = Notice.objects.filter(url=f"/changes/{other.pk}/", kind="change-waits").exclude(pk__in=before)
    assert other.state == "pending"
    assert sorted(anew.values_list("person__username", flat=True)) == ["maintainer", "second_maintainer"]
    assert not Notice.objects.filter(pk__in=before, read_at=None).exists()


def test_it_tells_a_requester_whose_change_a_rule_stops_later(organisation, two):
    one, other = two
    policy_save(PLATFORM, document=NO_MORE, now=NOW)
    change_approve(organisation.actor("maintainer"), one.pk, plan_digest=one.plan_digest, now=NOW)
    other.refresh_from_db()
    assert other.state == "denied"
    denied = Notice.objects.get(kind="change-denied", key=f"change:{other.pk}:denied")
    assert (denied.person.username, denied.text) == ("developer", "Four copies are too many.")
    assert not Notice.objects.filter(kind="change-waits", url=f"/changes/{other.pk}/", read_at=None).exists()


def test_it_takes_back_what_it_told_when_the_change_is_undone(organisation, waiting):
    """A notice is a part of its transaction."""
    with transaction.atomic():
        change_comment(organisation.actor("maintainer"), waiting.pk, comment="Oh.", now=NOW)
        transaction.set_rollback(True)
    assert told("change-commented") == []

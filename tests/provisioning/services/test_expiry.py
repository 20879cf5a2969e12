"""Environments whose time is over are deleted by an ordinary change, asked for by the platform."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import Notice
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Environment, Run
from provisioning.services.expiry import environments_expire
from tests.personas import NOW
from tests.provisioning.organisation import Clock, carry_out, create, equip

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=15)
NO_DELETES = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "no-deletes"},
    "spec": {
        "title": "Nothing is deleted",
        "mode": "enforce",
        "when": "change.kind == 'delete'",
        "effect": "deny",
        "message": "Not this week.",
    },
}


@pytest.fixture
def environment(organisation) -> Environment:
    equip(organisation)
    change = create(organisation)
    carry_out(Run.objects.get(change=change))
    return Environment.objects.get()


def test_it_leaves_alone_what_still_has_time(environment):
    assert environment.expires_at is not None
    assert environments_expire(now=environment.expires_at - timedelta(seconds=1)) == []


def test_it_deletes_what_is_over_in_the_platforms_name(environment):
    [change] = environments_expire(now=LATER)
    assert (change.kind, change.state, change.requester.username, change.via) == (
        "delete",
        "running",
        "slipway",
        "system",
    )
    assert "time was over" in change.reason
    assert not change.requester.is_active
    assert environments_expire(now=LATER) == []
    assert carry_out(Run.objects.get(change=change), Clock(LATER)).state == "succeeded"
    environment.refresh_from_db()
    assert environment.deleted_at is not None
    assert environments_expire(now=LATER + timedelta(days=5)) == []


def test_it_asks_once_a_day_when_a_policy_refuses(environment):
    policy_save(PLATFORM, document=NO_DELETES, now=NOW)
    assert environments_expire(now=LATER) == []
    assert environments_expire(now=LATER + timedelta(hours=23)) == []
    assert Change.objects.filter(kind="delete", state="denied").count() == 1
    assert set(Notice.objects.filter(kind="expiry-refused").values_list("text", flat=True)) == {"Not this week."}
    environments_expire(now=LATER + timedelta(hours=25))
    assert Change.objects.filter(kind="delete", state="denied").count() == 2


def test_it_never_expires_production(organisation):
    equip(organisation, policies=())
    carry_out(Run.objects.get(change=create(organisation, "live", stage="prod")))
    assert Environment.objects.get().expires_at is None
    assert environments_expire(now=LATER + timedelta(days=3650)) == []

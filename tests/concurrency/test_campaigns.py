"""Sweeps, owners and those who conduct a campaign at the same moment: every environment is asked for once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict
from provisioning.models import Campaign, Change
from provisioning.services.campaign_items import campaign_take_earlier
from provisioning.services.campaign_sweep import campaigns_advance_due
from provisioning.services.campaigns import campaign_pause, campaign_start
from tests.concurrency.threads import side_by_side
from tests.personas import Organisation
from tests.provisioning.campaigns.fleet import Fleet, next_version

THREADS = 6
pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def fleet(organisation: Organisation) -> Fleet:
    found = Fleet.sail(organisation, stages=())
    found.make("checkout", "dev")
    found.make("shop", "dev")
    next_version()
    return found


def upgrades() -> list[str]:
    rows = Change.objects.filter(kind="upgrade").order_by("system__slug")
    return list(rows.values_list("system__slug", flat=True))


def test_many_sweeps_ask_once(fleet: Fleet) -> None:
    fleet.start()
    now = fleet.clock() + timedelta(hours=2)
    outcomes = side_by_side(THREADS, lambda _: campaigns_advance_due(now=now))
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    assert upgrades() == ["checkout", "shop"]


def test_an_owner_and_the_sweep_ask_once_together(fleet: Fleet) -> None:
    item = fleet.item(fleet.start(), "checkout/dev")
    now = fleet.clock() + timedelta(hours=2)
    owner = fleet.organisation.actor("developer")

    def work(number: int) -> object:
        return campaign_take_earlier(owner, item.pk, now=now) if number % 2 else campaigns_advance_due(now=now)

    outcomes = side_by_side(THREADS, work)
    assert not [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, Conflict)], outcomes
    assert upgrades() == ["checkout", "shop"]


def test_one_of_two_campaigns_starts(fleet: Fleet) -> None:
    drafts = [fleet.draft().pk for _ in range(2)]
    now = fleet.clock()
    outcomes = side_by_side(2, lambda number: campaign_start(PLATFORM, drafts[number], now=now))
    assert sorted(type(one).__name__ for one in outcomes) == ["Campaign", "Conflict"], outcomes
    assert Campaign.objects.filter(state="running").count() == 1


def test_a_pause_and_a_sweep_leave_nothing_half_asked(fleet: Fleet) -> None:
    campaign = fleet.start()
    now = fleet.clock() + timedelta(hours=2)

    def work(number: int) -> object:
        return campaign_pause(PLATFORM, campaign.pk, now=now) if number else campaigns_advance_due(now=now)

    outcomes = side_by_side(2, work)
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    asked = campaign.items.exclude(change=None)
    assert sorted(asked.values_list("environment__system__slug", flat=True)) == upgrades()

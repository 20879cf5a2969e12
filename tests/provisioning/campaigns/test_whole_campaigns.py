"""Whole campaigns on the sandbox: twelve environments in three stages, as workers carry them out."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry, Notice
from governance.services.audit import audit_verify
from provisioning.models import Campaign, CampaignItem, CampaignWave, Change
from provisioning.services.campaigns import campaign_resume, wave_retry, wave_rollback
from provisioning.services.decisions import change_approve
from tests.personas import Organisation
from tests.provisioning.campaigns.fleet import SYSTEMS, Fleet, next_version, upgrades
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
BROKEN = "*-staging/Deployment/*"


@pytest.fixture
def fleet(organisation: Organisation) -> Fleet:
    found = Fleet.sail(organisation)
    next_version()
    return found


def _waves(campaign: Campaign) -> list[str]:
    return list(campaign.waves.order_by("number").values_list("state", flat=True))


def test_it_moves_a_fleet_stage_by_stage(fleet):
    campaign = fleet.start()
    assert _waves(campaign) == ["planned"] * 3
    fleet.settle(hours=0.5)
    assert set(fleet.states(campaign).values()) == {"planned"}
    fleet.settle(hours=0.6)
    assert _waves(campaign) == ["settled", "planned", "planned"]
    assert {label for label, version in fleet.versions().items() if version == "1.3.0"} == {f"{s}/dev" for s in SYSTEMS}
    fleet.settle(hours=1)
    fleet.settle(hours=1)
    campaign.refresh_from_db()
    assert (campaign.state, _waves(campaign)) == ("finished", ["settled"] * 3)
    assert set(fleet.versions().values()) == {"1.3.0"}
    assert upgrades() == 12
    assert set(Change.objects.filter(kind="upgrade").values_list("requester__username", flat=True)) == {"slipway"}
    verbs = list(
        AuditEntry.objects.filter(object_type="campaign").order_by("sequence").values_list("action", flat=True)
    )
    turns = ["campaign.wave-start", "campaign.wave-settle"] * 3
    assert verbs == ["campaign.draft", "campaign.start", *turns, "campaign.finish"]
    assert audit_verify() == []


def test_it_pauses_when_a_wave_breaks_and_takes_it_back(fleet):
    campaign = fleet.start()
    sandbox().tell(BROKEN, "refuse", reason="Out of nodes.")
    fleet.settle(hours=1.1)
    fleet.settle(hours=1)
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "of 4 environments of wave 2 failed" in campaign.state_reason
    assert _waves(campaign) == ["settled", "running", "planned"]
    failed = CampaignItem.objects.filter(campaign=campaign, state="failed")
    assert failed.count() == 3, "no more than move at once"
    assert "Out of nodes." in failed[0].reason
    assert Notice.objects.filter(kind="campaign-paused", person=fleet.organisation.admin).exists()
    fleet.settle(hours=24)
    assert {fleet.versions()[f"{system}/prod"] for system in SYSTEMS} == {"1.0.0"}

    sandbox().forget(BROKEN)
    wave_rollback(fleet.organisation.actor("admin"), campaign.pk, 2, reason="It breaks.", now=fleet.clock())
    fleet.settle()
    assert _waves(campaign) == ["settled", "reverted", "planned"]
    assert {fleet.versions()[f"{system}/staging"] for system in SYSTEMS} == {"1.0.0"}
    assert {fleet.versions()[f"{system}/dev"] for system in SYSTEMS} == {"1.3.0"}
    assert Change.objects.filter(kind="rollback", state="succeeded").count() == 3

    wave_retry(fleet.organisation.actor("admin"), campaign.pk, 2, now=fleet.clock())
    campaign_resume(fleet.organisation.actor("admin"), campaign.pk, now=fleet.clock())
    fleet.settle()
    fleet.settle(hours=24)
    campaign.refresh_from_db()
    assert campaign.state == "finished"
    assert set(fleet.versions().values()) == {"1.3.0"}
    assert CampaignWave.objects.filter(campaign=campaign, state="settled").count() == 3


def test_it_waits_for_approvals_like_everyone_and_says_who_lags(organisation):
    fleet = Fleet.sail(organisation, stages=("dev",), policies=(PROD_NEEDS_A_MAINTAINER,))
    next_version()
    prod = fleet.make("checkout", "prod")
    campaign = fleet.start()
    fleet.settle(hours=1.1)
    fleet.settle(hours=1)
    item = fleet.item(campaign, "checkout/prod")
    assert (item.state, prod.name) == ("waiting", "prod")
    assert "Waits for" in item.reason
    assert "maintainer" in item.reason
    change = item.change
    change_approve(organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=fleet.clock())
    fleet.settle(hours=0.1)
    campaign.refresh_from_db()
    assert campaign.state == "finished"
    assert fleet.versions()["checkout/prod"] == "1.3.0"

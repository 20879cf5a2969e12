"""What people may do to campaigns, what owners may do to their own day, and that nothing happens twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import AuditEntry, Notice
from governance.services.policies import policy_save
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound
from provisioning.domain.campaign_layout import Pace
from provisioning.models import Campaign, CampaignItem, Capability, Change, Contract, Environment, Run
from provisioning.services import campaign_items, campaign_sweep, campaigns
from provisioning.services.campaign_items import campaign_postpone, campaign_take_earlier, item_ask
from provisioning.services.campaign_sweep import campaign_advance, campaigns_advance_due
from provisioning.services.campaigns import CampaignSettings, campaign_layout
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve
from tests.personas import Organisation
from tests.provisioning.campaigns.fleet import HOUR, PACE, Fleet, next_version, upgrades
from tests.provisioning.organisation import PROD_NEEDS_A_MAINTAINER, carry_out

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_sides_told")]
NO_UPGRADES = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "no-upgrades"},
    "spec": {
        "title": "Nobody upgrades",
        "mode": "enforce",
        "when": "change.kind == 'upgrade'",
        "effect": "deny",
        "message": "Not before the season is over.",
    },
}


@pytest.fixture
def fleet(organisation: Organisation) -> Fleet:
    """checkout and shop in dev."""
    found = Fleet.sail(organisation, stages=())
    found.make("checkout", "dev")
    found.make("shop", "dev")
    next_version()
    return found


@pytest.fixture
def started(fleet: Fleet) -> Campaign:
    return fleet.start()


def _fields(error: InvalidInput) -> list[str]:
    return [one.path for one in error.errors]


# --- who may -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "may"),
    [
        pytest.param("admin", True, id="admins"),
        pytest.param("maintainer", True, id="maintainers of the capability's team"),
        pytest.param("developer", False, id="its developers"),
        pytest.param("storefront_maintainer", False, id="maintainers of another team"),
        pytest.param("auditor", False, id="auditors"),
    ],
)
def test_only_the_capabilitys_people_conduct(fleet, who, may):
    Capability.objects.filter(name="web-service").update(owner=fleet.organisation.payments)
    if may:
        assert fleet.start(who).state == "running"
        return
    with pytest.raises(Forbidden):
        fleet.draft(who)
    campaign = fleet.draft()
    for act in (campaigns.campaign_start, campaigns.campaign_pause, campaigns.campaign_cancel):
        with pytest.raises(Forbidden, match="Only maintainers of payments"):
            act(fleet.organisation.actor(who), campaign.pk, now=fleet.clock())


def test_a_token_needs_the_scope_admin(fleet):
    campaign = fleet.draft()
    with pytest.raises(Forbidden, match="scope"):
        campaigns.campaign_start(fleet.organisation.actor("admin", scopes=["change"]), campaign.pk, now=fleet.clock())


@pytest.mark.parametrize(
    ("who", "error"),
    [
        pytest.param("viewer", Forbidden, id="viewers"),
        pytest.param("stranger", Forbidden, id="other teams"),
    ],
)
def test_only_its_people_choose_an_environments_day(fleet, started, who, error):
    item = fleet.item(started, "checkout/dev")
    with pytest.raises(error):
        campaign_take_earlier(fleet.organisation.actor(who), item.pk, now=fleet.clock())
    with pytest.raises(error):
        campaign_postpone(fleet.organisation.actor(who), item.pk, until=fleet.clock() + HOUR, now=fleet.clock())
    assert upgrades() == 0


def test_who_may_not_know_of_an_environment_learns_nothing(fleet):
    fleet.make("vault", "dev")
    item = fleet.item(fleet.start(), "vault/dev")
    with pytest.raises(NotFound):
        campaign_take_earlier(fleet.organisation.actor("stranger"), item.pk, now=fleet.clock())


# --- what is asked -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        pytest.param({"target": "9.9.9"}, "target", id="unknown target"),
        pytest.param({"sources": ("0.0.1",)}, "sources", id="unknown source"),
        pytest.param({"sources": ("1.3.0",)}, "sources", id="from itself"),
        pytest.param({"target": "1.0.0"}, "sources", id="nothing lives on older ones"),
        pytest.param({"pace": Pace(threshold=100)}, "threshold", id="a pace that cannot be"),
        pytest.param({"first": ("moon",)}, "first", id="a stage that it does not reach"),
        pytest.param({"title": "x" * 121}, "title", id="a long title"),
    ],
)
def test_it_names_what_is_wrong(fleet, asked, path):
    with pytest.raises(InvalidInput) as caught:
        fleet.draft(**asked)
    assert path in _fields(caught.value)
    assert not Campaign.objects.exists()


def test_it_does_not_lead_to_a_version_that_is_not_offered(fleet):
    Contract.objects.filter(capability__name="web-service", version="1.3.0").update(state="defective")
    with pytest.raises(InvalidInput, match="not right"):
        fleet.draft()


def test_looking_at_the_waves_writes_nothing(fleet):
    settings = CampaignSettings("web-service", "1.3.0", starts_at=fleet.clock(), pace=PACE)
    layout = campaign_layout(fleet.organisation.actor("admin"), settings, now=fleet.clock())
    assert [(one.title, len(one.places)) for one in layout.waves] == [("Stage dev", 2)]
    assert layout.sources == ("1.0.0",)
    assert not Campaign.objects.exists()


def test_the_start_reaches_what_was_made_since_the_draft(fleet):
    campaign = fleet.draft()
    fleet.make("checkout", "dev", name="late")
    campaigns.campaign_start(fleet.organisation.actor("admin"), campaign.pk, now=fleet.clock())
    assert set(fleet.states(campaign)) == {"checkout/dev", "checkout/late", "shop/dev"}


def test_there_is_one_open_campaign_of_a_capability(fleet, started):
    with pytest.raises(Conflict, match="under way"):
        fleet.start()
    assert Campaign.objects.filter(state="running").count() == 1


def test_it_tells_every_team_its_day(fleet, started):
    told = Notice.objects.filter(kind="campaign-announced")
    assert set(told.values_list("person__username", flat=True)) >= {"developer", "maintainer", "stranger"}
    assert not told.filter(person=fleet.organisation.viewer).exists()
    mine = told.get(person=fleet.organisation.developer)
    assert "checkout/dev on 2 March 2026" in mine.text
    assert "shop" not in mine.text
    assert mine.url == f"/campaigns/{started.pk}/"


# --- those it cannot move ------------------------------------------------------------------------------------


def test_what_does_not_map_needs_a_person_and_holds_nobody_up(organisation):
    fleet = Fleet.sail(organisation, stages=())
    fleet.make("checkout", "dev")
    fleet.make("shop", "dev", command=["serve"])
    next_version("2.0.0")
    campaign = fleet.start(target="2.0.0")
    assert fleet.states(campaign) == {"checkout/dev": "planned", "shop/dev": "needs-person"}
    assert "inputs.command has no place in 2.0.0" in fleet.item(campaign, "shop/dev").reason
    fleet.settle(hours=2)
    campaign.refresh_from_db()
    assert (campaign.state, fleet.versions()) == ("finished", {"checkout/dev": "2.0.0", "shop/dev": "1.0.0"})


@pytest.mark.parametrize(
    ("act", "state", "said"),
    [
        pytest.param("delete", "skipped", "deleted", id="deleted meanwhile"),
        pytest.param("upgrade", "skipped", "moved or removed before", id="moved by its people"),
        pytest.param("break", "needs-person", "last run failed", id="broken meanwhile"),
        pytest.param("deny", "refused", "Not before the season", id="denied by a policy"),
    ],
)
def test_it_leaves_alone_what_it_should(fleet, started, act, state, said):
    environment = Environment.objects.get(system__slug="shop")
    if act == "delete":
        _carried(fleet, ChangeRequest("delete", "shop", "dev", confirm="dev"))
    elif act == "upgrade":
        _carried(fleet, ChangeRequest("upgrade", "shop", "dev", capability="web-service", version="1.3.0"))
    elif act == "break":
        Environment.objects.filter(pk=environment.pk).update(state="failed")
    else:
        policy_save(PLATFORM, document=NO_UPGRADES, now=fleet.clock())
    before = upgrades()
    fleet.settle(hours=2)
    item = fleet.item(started, "shop/dev")
    assert (item.state, said in item.reason) == (state, True), item.reason
    started.refresh_from_db()
    assert started.state == "finished"
    expected = {"deny": before + 2}.get(act, before + 1)
    assert upgrades() == expected
    told = Notice.objects.filter(kind="campaign-failed", person=fleet.organisation.stranger)
    assert told.exists() is (state in ("needs-person", "refused"))


def _carried(fleet: Fleet, request: ChangeRequest) -> None:
    change = change_submit(PLATFORM, request, now=fleet.clock())
    carry_out(Run.objects.get(change=change), fleet.clock)


# --- owners --------------------------------------------------------------------------------------------------


def test_an_owner_takes_it_before_its_day_in_their_own_name(fleet, started):
    item = campaign_take_earlier(
        fleet.organisation.actor("developer"), fleet.item(started, "checkout/dev").pk, now=fleet.clock()
    )
    assert (item.state, item.change.requester.username, item.asked_by) == ("running", "developer", "developer")
    fleet.settle()
    assert fleet.versions() == {"checkout/dev": "1.3.0", "shop/dev": "1.0.0"}
    fleet.settle(hours=2)
    assert set(fleet.versions().values()) == {"1.3.0"}
    assert upgrades() == 2
    assert AuditEntry.objects.filter(action="campaign.take", team_slug="payments").exists()


def test_what_the_gate_says_to_an_owner_is_kept(fleet, started):
    policy_save(PLATFORM, document=NO_UPGRADES, now=fleet.clock())
    item = campaign_take_earlier(
        fleet.organisation.actor("developer"), fleet.item(started, "checkout/dev").pk, now=fleet.clock()
    )
    assert (item.state, item.reason) == ("refused", "Not before the season is over.")
    assert item.change.state == "denied"


@pytest.mark.parametrize("days", [1, 7], ids=["a day", "to the limit"])
def test_an_owner_postpones_within_the_limit(fleet, started, days):
    item = fleet.item(started, "checkout/dev")
    until = item.due_at + timedelta(days=days)
    campaign_postpone(fleet.organisation.actor("developer"), item.pk, until=until, now=fleet.clock())
    fleet.settle(hours=2)
    assert fleet.versions() == {"checkout/dev": "1.0.0", "shop/dev": "1.3.0"}
    started.refresh_from_db()
    assert (started.state, started.due_at) == ("running", until)
    fleet.settle(hours=24 * days)
    started.refresh_from_db()
    assert (started.state, set(fleet.versions().values())) == ("finished", {"1.3.0"})


def test_nobody_postpones_beyond_the_limit(fleet, started):
    item = fleet.item(started, "checkout/dev")
    with pytest.raises(InvalidInput, match="at the latest"):
        campaign_postpone(
            fleet.organisation.actor("developer"), item.pk, until=item.due_at + timedelta(days=8), now=fleet.clock()
        )


def test_who_chose_an_earlier_day_moves_before_the_wave(fleet):
    started = fleet.start(starts_at=fleet.clock() + timedelta(days=5))
    item = fleet.item(started, "checkout/dev")
    campaign_postpone(fleet.organisation.actor("developer"), item.pk, until=fleet.clock() + HOUR, now=fleet.clock())
    fleet.settle(hours=1.1)
    assert fleet.states(started) == {"checkout/dev": "succeeded", "shop/dev": "planned"}


def test_the_starter_does_not_approve_what_their_campaign_asks(organisation):
    fleet = Fleet.sail(organisation, stages=(), policies=(PROD_NEEDS_A_MAINTAINER,))
    fleet.make("checkout", "prod")
    next_version()
    Capability.objects.filter(name="web-service").update(owner=organisation.payments)
    campaign = fleet.start("maintainer")
    fleet.settle(hours=1.1)
    change = fleet.item(campaign, "checkout/prod").change
    with pytest.raises(Forbidden):
        change_approve(organisation.actor("maintainer"), change.pk, plan_digest=change.plan_digest, now=fleet.clock())
    second = organisation.actor("second_maintainer")
    change_approve(second, change.pk, plan_digest=change.plan_digest, now=fleet.clock())


# --- paused and cancelled ------------------------------------------------------------------------------------


def test_a_pause_withdraws_what_waits_and_asks_again_later(organisation):
    fleet = Fleet.sail(organisation, stages=(), policies=(PROD_NEEDS_A_MAINTAINER,))
    fleet.make("checkout", "prod")
    next_version()
    campaign = fleet.start()
    fleet.settle(hours=1.1)
    first = fleet.item(campaign, "checkout/prod").change
    admin = organisation.actor("admin")
    campaigns.campaign_pause(admin, campaign.pk, reason="Wait.", now=fleet.clock())
    fleet.settle()
    first.refresh_from_db()
    assert (first.state, fleet.states(campaign)) == ("cancelled", {"checkout/prod": "planned"})
    with pytest.raises(Conflict, match="paused"):
        campaign_take_earlier(admin, fleet.item(campaign, "checkout/prod").pk, now=fleet.clock())
    campaigns.campaign_resume(admin, campaign.pk, now=fleet.clock())
    fleet.settle()
    assert fleet.states(campaign) == {"checkout/prod": "waiting"}
    assert upgrades() == 2


def test_a_cancelled_campaign_leaves_what_moved_and_can_still_go_back(fleet, started):
    campaign_take_earlier(
        fleet.organisation.actor("developer"), fleet.item(started, "checkout/dev").pk, now=fleet.clock()
    )
    fleet.settle(hours=0.1)
    admin = fleet.organisation.actor("admin")
    campaigns.campaign_cancel(admin, started.pk, reason="Not now.", now=fleet.clock())
    fleet.settle(hours=5)
    assert fleet.states(started) == {"checkout/dev": "succeeded", "shop/dev": "withdrawn"}
    campaigns.wave_rollback(admin, started.pk, 1, reason="Nor there.", now=fleet.clock())
    fleet.settle()
    assert fleet.states(started) == {"checkout/dev": "reverted", "shop/dev": "withdrawn"}
    assert set(fleet.versions().values()) == {"1.0.0"}


def test_going_back_spares_what_was_changed_since(fleet, started):
    fleet.settle(hours=2)
    spec = {
        "stage": "dev",
        "resources": {
            "api": {
                "capability": "web-service@1.3.0",
                "inputs": {"image": "registry.example/shop:2.0.0", "replicas": 1},
            }
        },
    }
    _carried(fleet, ChangeRequest("update", "shop", "dev", spec=spec))
    campaigns.wave_rollback(fleet.organisation.actor("admin"), started.pk, 1, now=fleet.clock())
    fleet.settle()
    assert fleet.states(started) == {"checkout/dev": "reverted", "shop/dev": "stuck"}
    assert "changed since, to r3" in fleet.item(started, "shop/dev").reason
    assert fleet.versions() == {"checkout/dev": "1.0.0", "shop/dev": "1.3.0"}


# --- nothing twice -------------------------------------------------------------------------------------------


def test_a_worker_that_dies_leaves_nothing_twice(fleet, started, monkeypatch):
    """It dies after each of the first writes in turn; the next one goes on, and everything is asked once."""
    fleet.clock.forward(2 * 3600)
    real, left = campaign_items.item_move, [3]

    def dying(*args, **rest):
        real(*args, **rest)
        left[0] -= 1
        if left[0] >= 0:
            raise SystemExit("killed")

    monkeypatch.setattr(campaign_items, "item_move", dying)
    for _ in range(4):
        try:
            campaigns_advance_due(now=fleet.clock())
        except SystemExit:
            assert upgrades() == 0
        fleet.clock.forward(campaign_sweep.LEASE.total_seconds() + 1)
    fleet.settle()
    started.refresh_from_db()
    assert (started.state, upgrades()) == ("finished", 2)
    assert set(fleet.versions().values()) == {"1.3.0"}


def test_two_sweeps_do_not_both_act(fleet, started):
    fleet.clock.forward(2 * 3600)
    now = fleet.clock()
    Campaign.objects.filter(pk=started.pk).update(lease_until=now + HOUR)
    assert not campaign_advance(started.pk, now=now)
    assert campaign_advance(started.pk, now=now + 2 * HOUR)


def test_asking_again_for_an_item_asks_nothing(fleet, started):
    fleet.settle(hours=2)
    for item in CampaignItem.objects.filter(campaign=started):
        item_ask(item.pk, now=fleet.clock())
    assert Change.objects.filter(kind="upgrade").count() == 2

"""Pages of campaigns: laid out before they start, conducted, answered by owners; hidden names stay hidden."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idp.kernel import clock
from portal.drawing.campaigns import Span, campaign_bar, in_words, wave_chart
from provisioning.domain.contract import parse_contract
from provisioning.models import Campaign, CampaignItem, CampaignWave, Contract, Revision
from tests.personas import NOW, Organisation
from tests.portal.pages import estate
from tests.provisioning.campaigns.fleet import next_version

pytestmark = pytest.mark.django_db
CEILING = 12
ASKED = {
    "capability": "web-service",
    "target": "1.3.0",
    "sources": "",
    "order": "stage",
    "shares": "10, 50, 100",
    "first": "",
    "starts_at": "2030-11-28 09:00",
    "interval": "24",
    "soak": "1",
    "patience": "72",
    "threshold": "20",
    "postpone_days": "14",
    "at_once": "10",
}


@pytest.fixture
def world(organisation: Organisation) -> Organisation:
    """Environments of three systems in two stages, one system restricted, all on web-service 1.0.0."""
    stages = estate.install()
    for name in ("checkout", "vault", "shop"):
        for stage in ("dev", "prod"):
            estate.environment(organisation.systems[name], stages[stage], organisation.developer)
    _complete()
    next_version()
    return organisation


def _complete() -> None:
    """Give what lives the inputs that the gate would have stored: with their defaults."""
    contracts = {
        row.capability.name: parse_contract(row.document)
        for row in Contract.objects.filter(version="1.0.0").select_related("capability")
    }
    for revision in Revision.objects.all():
        for one in revision.document["resources"].values():
            one["inputs"] = contracts[one["capability"]].with_defaults(one["inputs"])
        revision.save()


@pytest.fixture
def draft(world, sign_in) -> Campaign:
    sign_in("admin").post(reverse("campaign-new"), {**ASKED, "do": "draft"})
    return Campaign.objects.get()


@pytest.fixture
def running(draft, sign_in) -> Campaign:
    sign_in("admin").post(reverse("campaign-act", args=[draft.pk, "start"]))
    draft.refresh_from_db()
    assert draft.state == "running"
    return draft


def text_of(response) -> str:
    return unescape(response.content.decode())


def part(campaign: Campaign, system: str, name: str = "dev") -> CampaignItem:
    return campaign.items.get(environment__system__slug=system, environment__name=name)


def test_its_waves_are_shown_before_anything_is_stored(world, sign_in):
    page = text_of(sign_in("admin").post(reverse("campaign-new"), {**ASKED, "do": "show"}))
    assert "6 environments in 2 waves" in page
    assert "1. Stage dev" in page
    assert "checkout/dev, shop/dev, vault/dev" in page
    assert not Campaign.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        pytest.param("starts_at", "soon", "Write a moment like", id="no moment"),
        pytest.param("shares", "ten", "whole percentages", id="no shares"),
        pytest.param("first", "moon", "There is no stage “moon”", id="an unknown stage"),
        pytest.param("threshold", "100", "less than or equal to 99", id="never pauses"),
    ],
)
def test_it_says_at_the_field_what_is_right(world, sign_in, field, value, said):
    answer = sign_in("admin").post(reverse("campaign-new"), {**ASKED, field: value, "do": "draft"})
    assert (answer.status_code, said in text_of(answer)) == (422, True)


def test_a_draft_is_started_from_its_page(draft, sign_in):
    page = text_of(sign_in("admin").get(reverse("campaign", args=[draft.pk])))
    assert "6 environments would move to web-service 1.3.0" in page
    assert "Start the campaign" in page
    assert "Start the campaign" not in text_of(sign_in("developer").get(reverse("campaign", args=[draft.pk])))


def test_what_is_not_possible_is_said_on_the_page(running, sign_in):
    answer = sign_in("admin").post(reverse("campaign-act", args=[running.pk, "resume"]))
    assert (answer.status_code, "This campaign is running" in text_of(answer)) == (422, True)


@pytest.mark.parametrize(
    ("who", "seen"), [("developer", True), ("stranger", False), ("admin", True)], ids=["own", "other", "admin"]
)
def test_a_restricted_systems_name_is_shown_to_those_who_may_see_it(running, sign_in, who, seen):
    part(running, "vault").delete()
    CampaignItem.objects.filter(environment__system__slug="vault").update(state="failed", reason="Out of nodes.")
    CampaignWave.objects.update(state="running", started_at=NOW)
    for address in (
        reverse("campaign", args=[running.pk]),
        reverse("campaign-environments", args=[running.pk]),
        reverse("campaign-environments", args=[running.pk]) + "?state=failed",
    ):
        assert ("vault / prod" in text_of(sign_in(who).get(address))) is seen


def test_a_stranger_who_conducts_reads_no_hidden_name_in_the_preview(world, sign_in):
    from provisioning.models import Capability

    Capability.objects.filter(name="web-service").update(owner=world.storefront)
    page = text_of(sign_in("storefront_maintainer").post(reverse("campaign-new"), {**ASKED, "do": "show"}))
    assert "6 environments in 2 waves" in page
    assert "shop/dev" in page
    assert "vault" not in page


def test_an_owner_finds_their_day_on_the_environments_page(running, sign_in):
    address = reverse("environment", args=["checkout", "dev"])
    page = text_of(sign_in("developer").get(address))
    assert "api: web-service 1.0.0 → 1.3.0 on <time" in page
    assert "28 Nov 2030" in page
    assert "Take it now" in page
    assert "Take it now" not in text_of(sign_in("viewer").get(address))


def test_an_owner_chooses_another_day_and_returns_to_where_they_were(running, sign_in):
    item, back = part(running, "checkout"), reverse("environment", args=["checkout", "dev"])
    address = reverse("campaign-postpone", args=[running.pk, item.pk])
    answer = sign_in("developer").post(address, {"until": "2030-12-01 10:00", "next": back})
    assert answer["Location"] == back
    item.refresh_from_db()
    assert (item.state, f"{item.due_at:%Y-%m-%d %H:%M}") == ("rescheduled", "2030-12-01 10:00")
    answer = sign_in("developer").post(address, {"until": "2031-12-01 10:00"})
    assert (answer.status_code, "at the latest" in text_of(answer)) == (422, True)
    answer = sign_in("developer").post(address, {"until": "2030-12-01 10:00", "next": "https://evil.example/"})
    assert answer["Location"] == reverse("campaign", args=[running.pk])


def test_an_owner_takes_it_now_and_sees_the_change(running, sign_in):
    item = part(running, "checkout")
    answer = sign_in("developer").post(reverse("campaign-take", args=[running.pk, item.pk]))
    item.refresh_from_db()
    assert item.change is not None, item.reason
    assert answer["Location"] == reverse("change", args=[item.change.pk])
    assert (item.change.kind, item.change.requester.username) == ("upgrade", "developer")


def test_the_capabilitys_page_and_the_list_lead_to_it(running, sign_in):
    for address in (reverse("campaigns"), reverse("capability", args=["web-service"])):
        assert reverse("campaign", args=[running.pk]) in text_of(sign_in("viewer").get(address))


def _queries(client, address: str) -> int:
    client.get(address)
    cache.delete("shell.work-delayed")
    with CaptureQueriesContext(
        connection,
    ) as seen:
        assert client.get(address).status_code == 200
    return len(seen)


@pytest.mark.parametrize(
    ("name", "query"),
    [("campaign", ""), ("campaign-environments", ""), ("campaign-environments", "?state=failed&team=payments")],
    ids=["overview", "environments", "filtered"],
)
def test_its_pages_ask_no_more_with_more_environments(running, world, sign_in, name, query):
    address = reverse(name, args=[running.pk]) + query
    client = sign_in("developer")
    before = _queries(client, address)
    stages = estate.install()
    made = estate.environments(estate.systems(world.payments, 100), [stages["dev"]])
    wave = running.waves.first()
    CampaignItem.objects.bulk_create(
        CampaignItem(
            campaign=running,
            wave=wave,
            environment=one,
            resources=["api"],
            state="failed" if at % 2 else "planned",
            reason="Out of nodes.",
            due_at=NOW,
            changed_at=NOW,
        )
        for at, one in enumerate(made)
    )
    CampaignWave.objects.filter(pk=wave.pk).update(state="running", started_at=NOW)
    assert _queries(client, address) == before
    assert before <= CEILING


def test_the_list_asks_no_more_with_more_campaigns(running, sign_in):
    client = sign_in("developer")
    before = _queries(client, reverse("campaigns"))
    target = Contract.objects.get(capability__name="web-service", version="1.3.0")
    for number in range(30):
        Campaign.objects.create(
            title=f"Campaign {number}",
            capability=target.capability,
            target=target,
            sources=["1.0.0"],
            order="stage",
            pace=running.pace,
            state="finished",
            starts_at=NOW,
            created_at=NOW,
        )
    assert _queries(client, reverse("campaigns")) == before
    assert before <= CEILING


def test_its_bar_says_every_figure():
    counts = {"succeeded": 7, "skipped": 1, "failed": 1, "planned": 3}
    assert in_words(counts) == "8 moved, 1 failed, 3 still to come of 12"
    drawn = campaign_bar(counts, "All & everyone")
    assert 'aria-label="All &amp; everyone: 8 moved, 1 failed, 3 still to come of 12"' in drawn
    assert drawn.count("<rect") == 2
    assert "nobody" in campaign_bar({}, "None")


def test_its_chart_keeps_every_wave_inside_the_drawing():
    day = timedelta(days=1)
    spans = [Span(f"<{n}>", "planned", NOW + n * day, NOW + (n + 1) * day) for n in range(5)]
    drawn = wave_chart(spans, clock.now(), "Waves")
    assert "&lt;0&gt;" in drawn
    assert drawn.count("<rect") == 5
    assert wave_chart([], NOW, "Waves") == ""

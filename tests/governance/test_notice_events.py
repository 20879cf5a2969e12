"""Notices as events: who hears of them, once, with whom they name, and what never leaves the portal."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.domain.notice import KINDS
from governance.domain.notice_ways import KEPT, OWN, TOLD
from governance.domain.quota import Amounts
from governance.models import (
    AuditEntry,
    Notice,
    NoticeSetting,
    OutgoingEvent,
    SlackLink,
    WebhookDelivery,
    WebhookEndpoint,
)
from governance.selectors.webhooks import may_be_told
from governance.services import webhooks
from governance.services.delegations import delegation_create
from governance.services.loans import loan_accept, loan_propose
from governance.services.notice_events import About, about_all
from governance.services.notices import notify
from governance.services.quota_notices import loan_told
from governance.services.webhook_delivery import events_spread, letter_of
from idp.kernel.errors import InvalidInput, PlatformFault
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
SLACK = "https://hooks.slack.com/services/T0AB/B0CD/abcdef"


def channel(organisation: Organisation, name: str, **given: Any) -> WebhookEndpoint:
    given = {"url": f"https://{name}.example/", "team": None, "events": ["notice.told"], **given}
    return webhooks.webhook_create(organisation.actor("admin"), name=name, now=NOW, **given)[0]


def tell(organisation: Organisation, *people: str, kind: str = "system-alone", key: str = "one", **given: Any) -> int:
    words = {"title": "checkout needs an owner", "text": "Nobody is left.", "url": "/ownership/", **given}
    to = [organisation.people[one].pk for one in people]
    return notify(kind, to=to, key=key, now=NOW, **words)


def heard() -> list[tuple[str, str]]:
    """Slug of the system or team of each event, and to whose endpoints it goes."""
    rows = OutgoingEvent.objects.filter(type="notice.told").select_related("system", "team").order_by("id")
    return [
        (row.system.slug, "system") if row.system else ("", "organisation" if row.team is None else row.team.slug)
        for row in rows
    ]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        pytest.param("checkout", [("checkout", "system")], id="a system"),
        pytest.param("payments", [("", "organisation"), ("", "payments")], id="a team"),
        pytest.param("", [("", "organisation")], id="neither"),
    ],
)
def test_it_goes_to_who_may_hear_of_what_it_is_about(
    organisation: Organisation, about: str, told: list[tuple[str, str]]
) -> None:
    for name, team in (("all", None), ("ours", organisation.payments), ("theirs", organisation.storefront)):
        channel(organisation, name, team=team)
    concerns = {"checkout": About(system=organisation.checkout), "payments": About(team=organisation.payments)}
    tell(organisation, "developer", about=concerns.get(about, About()))
    assert heard() == told


def test_a_restricted_system_is_told_to_its_own_team(organisation: Organisation) -> None:
    channel(organisation, "theirs", team=organisation.storefront)
    tell(organisation, "developer", about=About(system=organisation.systems["vault"]))
    assert heard() == []
    ours = channel(organisation, "ours", team=organisation.payments)
    tell(organisation, "developer", key="two", about=About(system=organisation.systems["vault"]))
    event = OutgoingEvent.objects.select_related("system").get()
    assert may_be_told(ours, event)
    assert not may_be_told(WebhookEndpoint.objects.get(name="theirs"), event)


@pytest.mark.parametrize("events", [[], ["run.failed"]], ids=["nothing ticked", "something else ticked"])
def test_it_goes_only_where_it_was_asked_for(organisation: Organisation, events: list[str]) -> None:
    channel(organisation, "all", events=events)
    tell(organisation, "developer", about=About())
    assert heard() == []
    assert Notice.objects.count() == 1


def test_it_is_told_once_for_each_key_and_names_who_wanted_to_be_told(organisation: Organisation) -> None:
    channel(organisation, "all")
    NoticeSetting.objects.create(person=organisation.people["viewer"], kind="system-alone", delivery="none")
    about = About(system=organisation.checkout)
    assert tell(organisation, "maintainer", "developer", "viewer", about=about) == 2
    assert tell(organisation, "maintainer", "second_maintainer", about=about) == 1
    (event,) = OutgoingEvent.objects.all()
    assert event.data["people"] == ["developer", "maintainer"]
    assert (event.subject, event.data["page"], event.data["team"]) == ("checkout", "/ownership/", "payments")


def test_a_channel_hears_of_it_where_no_person_wants_to(organisation: Organisation) -> None:
    channel(organisation, "all")
    NoticeSetting.objects.create(person=organisation.people["viewer"], kind="system-alone", delivery="none")
    assert [tell(organisation, "viewer", about=About()) for _ in range(2)] == [0, 0]
    assert tell(organisation, key="two", about=About()) == 0
    assert [one.data["people"] for one in OutgoingEvent.objects.all()] == [[], []]


def test_a_kind_with_an_event_of_its_own_or_kept_away_is_never_told_so(organisation: Organisation) -> None:
    channel(organisation, "all")
    for kind in (*OWN, *KEPT):
        assert tell(organisation, "developer", kind=kind, key=kind, about=About()) == 1, kind
    assert heard() == []
    for kind in TOLD:
        assert tell(organisation, "developer", kind=kind, key=kind, about=About()) == 1, kind
    assert len(heard()) == len(TOLD)
    assert Notice.objects.count() == len(KINDS)


def test_a_caller_says_what_it_is_about(organisation: Organisation) -> None:
    with pytest.raises(PlatformFault, match="which system or team"):
        tell(organisation, "developer")


def test_where_nobody_asked_for_notices_it_costs_one_query(organisation: Organisation) -> None:
    with CaptureQueriesContext(connection) as alone:
        tell(organisation, "developer", kind="drift-found")
    with CaptureQueriesContext(connection) as about:
        tell(organisation, "developer", key="two", about=About(system=organisation.checkout))
    assert len(about) == len(alone) + 1


def test_several_systems_are_what_they_have_in_common(organisation: Organisation) -> None:
    checkout, vault, shop = (organisation.systems[one] for one in ("checkout", "vault", "shop"))
    assert about_all([checkout, checkout]).system == checkout
    assert about_all([checkout, vault]) == About(team=organisation.payments)
    assert about_all([checkout, shop]) == About()


def test_slack_mentions_who_linked_themselves_in_its_own_workspace(organisation: Organisation) -> None:
    row = channel(organisation, "chat", kind="slack", url=SLACK)
    for number, (name, workspace) in enumerate({"developer": "T0AB", "maintainer": "T9ZZ", "viewer": "T0AB"}.items()):
        SlackLink.objects.create(
            person=organisation.people[name], workspace=workspace, member=f"U{number}", member_name=name, made_at=NOW
        )
    tell(organisation, "developer", "maintainer", about=About())
    event = OutgoingEvent.objects.get()
    blocks = json.loads(letter_of(row, event, now=NOW).body)["blocks"]
    assert blocks[1]["fields"] == [{"type": "mrkdwn", "text": "*Told to*\n<@U0>, maintainer"}]
    other = channel(organisation, "other", kind="slack", url="https://chat.example/hooks/abc")
    assert "<@" not in letter_of(other, event, now=NOW).body.decode()


def test_why_somebody_is_away_is_nobody_elses(organisation: Organisation) -> None:
    channel(organisation, "all")
    delegation_create(
        organisation.actor("maintainer"),
        stand_in="second_maintainer",
        starts_at=NOW,
        ends_at=NOW + timedelta(days=2),
        reason="An operation.",
        now=NOW,
    )
    assert "An operation." in Notice.objects.get().text
    event = OutgoingEvent.objects.get()
    assert (event.data["kind"], event.data["people"]) == ("stand-in", ["second_maintainer"])
    assert "operation" not in json.dumps(event.data)


def test_both_sides_of_a_loan_hear_of_it_and_the_organisation_once(organisation: Organisation) -> None:
    for name, team in (("all", None), ("ours", organisation.payments), ("theirs", organisation.storefront)):
        channel(organisation, name, team=team)
    loan = loan_propose(
        organisation.actor("maintainer"),
        side="lender",
        lender=organisation.payments,
        borrower=organisation.storefront,
        amounts=Amounts(environments=1),
        ends_at=NOW + timedelta(days=9),
        reason="A sale.",
        now=NOW,
    )
    loan_accept(organisation.actor("storefront_maintainer"), loan.pk, now=NOW)
    loan.refresh_from_db()
    for team in (organisation.payments, organisation.storefront):
        loan_told(loan, "loan-returned", team=team, by=None, now=NOW)
    organisation_too = ("", "organisation")
    assert heard() == [
        *(organisation_too, ("", "storefront")),
        *(organisation_too, ("", "payments")),
        *(organisation_too, ("", "payments"), ("", "storefront")),
    ]


def test_a_channel_gets_only_the_kinds_that_it_chose(organisation: Organisation) -> None:
    some = channel(organisation, "some", notices=["train-moved", "system-alone"])
    every = channel(organisation, "every")
    assert some.notices == ["system-alone", "train-moved"]
    for kind in ("system-alone", "policy-errors"):
        tell(organisation, kind=kind, key=kind, about=About())
    events_spread(now=NOW)
    got = [
        (one.endpoint, one.event.data["kind"]) for one in WebhookDelivery.objects.order_by("event_id", "endpoint_id")
    ]
    assert got == [(some, "system-alone"), (every, "system-alone"), (every, "policy-errors")]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"notices": ["second-factor"]}, "No notices of the kind second-factor"),
        ({"notices": ["drain-over"], "events": ["run.failed"]}, "Choose notice.told among the events too"),
        ({"notices": ["drain-over"], "events": []}, "Choose notice.told among the events too"),
    ],
)
def test_kinds_that_it_cannot_get_are_refused(organisation: Organisation, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        channel(organisation, "all", **given)


def test_kinds_are_changed_go_with_notices_and_come_back(organisation: Organisation) -> None:
    actor, row = organisation.actor("admin"), channel(organisation, "all", notices=["drain-over"])
    assert webhooks.webhook_update(actor, row.pk, name="Other", now=NOW).notices == ["drain-over"]
    assert webhooks.webhook_update(actor, row.pk, events=["run.failed"], now=NOW).notices == []
    entry = AuditEntry.objects.latest("sequence").data
    assert (entry["before"]["notices"], entry["after"]["notices"]) == (["drain-over"], [])
    back = webhooks.webhook_take_back(actor, row.pk, now=NOW)
    assert (back.events, back.notices) == (["notice.told"], ["drain-over"])
    assert webhooks.webhook_update(actor, row.pk, notices=[], now=NOW).notices == []

"""Endpoints: who may have them, what is kept of them, secrets, pauses, and sending again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from governance.models import AuditEntry, OutgoingEvent, WebhookDelivery, WebhookEndpoint
from governance.selectors.webhooks import endpoint_get, endpoints_managed, listening, may_be_told
from governance.services import webhooks
from governance.services.events import audience_tell, event_tell
from governance.services.webhook_delivery import events_spread
from idp.kernel import vault
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, PreconditionFailed
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db
URL = "https://hooks.example.com/in?key=abc"


def made(organisation: Organisation, who: str = "maintainer", **given: Any) -> WebhookEndpoint:
    given = {"name": "Deploy bot", "url": URL, "team": organisation.payments, "now": NOW, **given}
    return webhooks.webhook_create(organisation.actor(who), **given)[0]


def told(organisation: Organisation, key: str = "run.failed", system: str = "checkout", **more: Any) -> bool:
    now = more.pop("now", NOW)
    found = organisation.systems[system]
    return event_tell(key, system=found, subject=f"{system}/dev", data={"text": "x"}, now=now)


def test_its_secret_is_shown_once_and_kept_encrypted(organisation: Organisation) -> None:
    row, secret = webhooks.webhook_create(
        organisation.actor("maintainer"), name="Bot", url=URL, team=organisation.payments, now=NOW
    )
    row.refresh_from_db()
    assert secret.startswith("whsec_")
    assert secret not in row.secret
    assert vault.decrypt(row.secret) == secret
    assert (vault.decrypt(row.address), row.shown) == (URL, "https://hooks.example.com/in?…")


def test_nothing_secret_is_in_the_audit_log(organisation: Organisation) -> None:
    row = made(organisation)
    _, secret = webhooks.webhook_rotate(organisation.actor("maintainer"), row.pk, now=NOW)
    webhooks.webhook_update(organisation.actor("maintainer"), row.pk, name="Other", url=URL + "2", now=NOW)
    entries = AuditEntry.objects.filter(object_type="webhook")
    assert [one.action for one in entries.order_by("sequence")] == [
        "webhook.create",
        "webhook.rotate",
        "webhook.update",
    ]
    assert all(secret not in str(one.data) and "key=abc" not in str(one.data) for one in entries)
    assert entries.get(action="webhook.update").data["before"] == {"name": "Deploy bot"}


@pytest.mark.parametrize(
    ("kind", "url", "shown"),
    [
        ("webhook", "https://a.example/x/y", "https://a.example/x/y"),
        ("slack", "https://hooks.slack.com/services/T1/B1/secret", "https://hooks.slack.com/…"),
        ("teams", "https://prod.logic.azure.com/workflows/secret?sig=1", "https://prod.logic.azure.com/…"),
    ],
)
def test_the_address_of_a_chat_is_never_shown(organisation: Organisation, kind: str, url: str, shown: str) -> None:
    row = made(organisation, kind=kind, url=url)
    assert (row.shown, bool(row.secret)) == (shown, kind == "webhook")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({"url": "http://127.0.0.1/x"}, "url", id="loopback"),
        pytest.param({"url": "http://10.1.2.3/x"}, "url", id="private"),
        pytest.param({"url": "http://169.254.169.254/latest"}, "url", id="metadata"),
        pytest.param({"url": "http://[::ffff:10.0.0.1]/"}, "url", id="private in disguise"),
        pytest.param({"url": "file:///etc/passwd"}, "url", id="file"),
        pytest.param({"url": "https://user:pw@a.example/"}, "url", id="with a password"),
        pytest.param({"kind": "slack", "url": "http://hooks.slack.com/services/x"}, "url", id="chat in the clear"),
        pytest.param({"name": " "}, "name", id="no name"),
        pytest.param({"events": ["run.flew"]}, "events", id="no such event"),
        pytest.param({"kind": "pigeon"}, "kind", id="no such kind"),
    ],
)
def test_it_refuses_what_is_wrong(organisation: Organisation, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as error:
        made(organisation, **given)
    assert [one.path for one in error.value.errors] == [field]
    assert not WebhookEndpoint.objects.exists()


def test_an_admin_may_let_a_private_network_through(organisation: Organisation, settings: Any) -> None:
    settings.OUTBOUND_ALLOW = ["10.1.0.0/16"]
    assert made(organisation, url="http://10.1.2.3/x").pk


@pytest.mark.parametrize(
    ("who", "team", "error"),
    [
        ("developer", "payments", Forbidden),
        ("viewer", "payments", Forbidden),
        ("stranger", "payments", Forbidden),
        ("maintainer", "storefront", Forbidden),
        ("maintainer", "", Forbidden),
        ("auditor", "", Forbidden),
        ("maintainer", "payments", None),
        ("admin", "payments", None),
        ("admin", "", None),
    ],
)
def test_maintainers_have_their_own_and_admins_all(
    organisation: Organisation, who: str, team: str, error: type[Exception] | None
) -> None:
    owner = organisation.teams.get(team)
    if error is None:
        assert made(organisation, who, team=owner).pk
    else:
        with pytest.raises(error):
            made(organisation, who, team=owner)


def test_nobody_else_sees_it(organisation: Organisation) -> None:
    row = made(organisation)
    for who in ("developer", "stranger", "storefront_maintainer", "auditor"):
        assert not endpoints_managed(organisation.rights(who)).exists()
        with pytest.raises(NotFound):
            endpoint_get(organisation.rights(who), row.pk)
        with pytest.raises(NotFound):
            webhooks.webhook_rotate(organisation.actor(who), row.pk, now=NOW)


def test_a_token_needs_the_scope_admin_and_no_bounds(organisation: Organisation) -> None:
    row = made(organisation)
    with pytest.raises(Forbidden):
        webhooks.webhook_pause(organisation.actor("maintainer", scopes=("read", "change")), row.pk, now=NOW)
    bound = organisation.actor("maintainer", scopes=("read", "admin"), systems=("checkout",))
    with pytest.raises(NotFound):
        webhooks.webhook_pause(bound, row.pk, now=NOW)


def test_another_teams_restricted_system_cannot_be_chosen(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput, match="vault"):
        made(organisation, "storefront_maintainer", team=organisation.storefront, system=organisation.vault)
    with pytest.raises(InvalidInput, match="restricted"):
        made(organisation, "admin", team=organisation.storefront, system=organisation.vault)


HEARS = {
    "its team's": ({}, True, True, False),
    "one system of its team": ({"system": "checkout"}, True, False, False),
    "a system of others": ({"team": "storefront", "system": "checkout"}, True, False, False),
    "another team's": ({"team": "storefront"}, False, False, True),
    "the organisation's": ({"team": ""}, True, True, True),
}


@pytest.mark.parametrize(("given", "checkout", "vault_", "shop"), HEARS.values(), ids=HEARS)
def test_it_hears_of_what_its_team_may_see(
    organisation: Organisation, given: dict[str, str], checkout: bool, vault_: bool, shop: bool
) -> None:
    made(
        organisation,
        "admin",
        team=organisation.teams.get(given.get("team", "payments")),
        system=organisation.systems.get(given.get("system", "")),
    )
    heard = [
        bool(listening(system=one.pk, team=one.team_id, restricted=one.restricted))
        for one in (organisation.checkout, organisation.vault, organisation.systems["shop"])
    ]
    assert heard == [checkout, vault_, shop]


def test_nothing_is_stored_where_nobody_listens(organisation: Organisation) -> None:
    made(organisation, events=["run.succeeded"])
    assert not told(organisation)
    assert not OutgoingEvent.objects.exists()


def test_an_event_goes_to_each_endpoint_once(organisation: Organisation) -> None:
    made(organisation)
    made(organisation, "admin", team=None)
    made(organisation, name="Deaf", events=["run.succeeded"])
    assert told(organisation)
    assert events_spread(now=NOW) == 1
    assert events_spread(now=NOW) == 0
    rows = WebhookDelivery.objects.select_related("endpoint")
    assert sorted(one.endpoint.team_id or 0 for one in rows) == [0, organisation.payments.pk]


def test_an_endpoint_hears_nothing_of_before_it_was_made(organisation: Organisation) -> None:
    made(organisation)
    told(organisation)
    made(organisation, name="Later", now=NOW + timedelta(seconds=1))
    events_spread(now=NOW)
    assert [one.endpoint.name for one in WebhookDelivery.objects.select_related("endpoint")] == ["Deploy bot"]


def test_an_event_is_undone_with_what_it_tells(organisation: Organisation) -> None:
    made(organisation)
    with transaction.atomic():
        assert told(organisation)
        transaction.set_rollback(True)
    assert not OutgoingEvent.objects.exists()


def test_pausing_drops_what_waits_and_going_on_does_not_bring_it_back(organisation: Organisation) -> None:
    actor, row = organisation.actor("maintainer"), made(organisation)
    told(organisation)
    events_spread(now=NOW)
    webhooks.webhook_pause(actor, row.pk, now=NOW)
    assert WebhookDelivery.objects.get().state == "dropped"
    assert not told(organisation)
    with pytest.raises(Conflict, match="paused"):
        webhooks.webhook_test(actor, row.pk, now=NOW)
    webhooks.webhook_resume(actor, row.pk, now=NOW)
    assert WebhookDelivery.objects.get().state == "dropped"
    assert webhooks.webhook_replay_period(actor, row.pk, since=NOW, until=NOW + timedelta(days=1), now=NOW) == 1
    assert WebhookDelivery.objects.get().state == "due"


@pytest.mark.parametrize(("every", "number"), [(False, 2), (True, 3)])
def test_a_period_is_replayed(organisation: Organisation, every: bool, number: int) -> None:
    actor, row = organisation.actor("maintainer"), made(organisation)
    for hour in range(5):
        told(organisation, now=NOW + timedelta(hours=hour))
    events_spread(now=NOW)
    rows = list(WebhookDelivery.objects.order_by("happened_at"))
    for one, state in zip(rows, ("failed", "failed", "delivered", "dropped", "due"), strict=True):
        WebhookDelivery.objects.filter(pk=one.pk).update(state=state, attempts=7)
    since, until = NOW + timedelta(hours=1), NOW + timedelta(hours=9)
    found = webhooks.webhook_replay_period(actor, row.pk, since=since, until=until, every=every, now=NOW)
    assert found == number
    assert WebhookDelivery.objects.get(pk=rows[0].pk).state == "failed"
    assert WebhookDelivery.objects.get(pk=rows[1].pk).attempts == 0


def test_a_period_ends_after_it_begins(organisation: Organisation) -> None:
    row = made(organisation)
    with pytest.raises(InvalidInput, match="begins"):
        webhooks.webhook_replay_period(organisation.actor("maintainer"), row.pk, since=NOW, until=NOW, now=NOW)


def test_a_delivery_on_its_way_is_not_replayed(organisation: Organisation) -> None:
    row = made(organisation)
    delivery = webhooks.webhook_test(organisation.actor("maintainer"), row.pk, now=NOW)
    with pytest.raises(Conflict, match="on its way"):
        webhooks.webhook_replay(organisation.actor("maintainer"), row.pk, delivery.pk, now=NOW)


def test_a_delivery_of_another_endpoint_is_not_replayed(organisation: Organisation) -> None:
    row, other = made(organisation), made(organisation, name="Other")
    delivery = webhooks.webhook_test(organisation.actor("maintainer"), other.pk, now=NOW)
    WebhookDelivery.objects.update(state="failed")
    with pytest.raises(Conflict):
        webhooks.webhook_replay(organisation.actor("maintainer"), row.pk, delivery.pk, now=NOW)


def test_chat_has_no_secret_to_rotate(organisation: Organisation) -> None:
    row = made(organisation, kind="slack", url="https://hooks.slack.com/services/x")
    with pytest.raises(Conflict, match="not signed"):
        webhooks.webhook_rotate(organisation.actor("maintainer"), row.pk, now=NOW)


def test_an_edit_of_another_version_is_refused(organisation: Organisation) -> None:
    row = made(organisation)
    with pytest.raises(PreconditionFailed):
        webhooks.webhook_update(organisation.actor("maintainer"), row.pk, name="x", version=7, now=NOW)


def test_an_edit_keeps_the_address_that_is_not_given_anew(organisation: Organisation) -> None:
    row = made(organisation)
    kept = row.address
    edited = webhooks.webhook_update(organisation.actor("maintainer"), row.pk, events=["run.failed"], now=NOW)
    assert (edited.address, edited.events, edited.version) == (kept, ["run.failed"], 2)


def test_an_edit_is_taken_back_and_that_too(organisation: Organisation) -> None:
    actor, row = organisation.actor("maintainer"), made(organisation)
    with pytest.raises(Conflict, match="never edited"):
        webhooks.webhook_take_back(actor, row.pk, now=NOW)
    webhooks.webhook_update(actor, row.pk, name="Other", url="https://b.example/", events=["run.failed"], now=NOW)

    back = webhooks.webhook_take_back(actor, row.pk, now=NOW)
    assert (back.name, vault.decrypt(back.address), back.events) == ("Deploy bot", URL, [])
    again = webhooks.webhook_take_back(actor, row.pk, now=NOW)
    assert (again.name, vault.decrypt(again.address), again.events) == ("Other", "https://b.example/", ["run.failed"])
    entry = AuditEntry.objects.filter(action="webhook.take-back").order_by("sequence").first()
    assert (entry.data["before"]["name"], entry.data["after"]["name"]) == ("Other", "Deploy bot")
    assert "key=abc" not in str(entry.data) + str(again.previous)


def test_what_is_of_no_system_goes_to_its_team_and_the_organisation_once_each(organisation: Organisation) -> None:
    for who, given in (
        ("admin", {"team": None}),
        ("maintainer", {}),
        ("maintainer", {"name": "Narrow", "system": organisation.checkout}),
        ("maintainer", {"name": "Deaf", "events": ["run.failed"]}),
        ("storefront_maintainer", {"team": organisation.storefront}),
    ):
        made(organisation, who, **given)
    event = {"subject": "freeze/1", "data": {"text": "x"}, "now": NOW}
    assert audience_tell("freeze.began", teams=[organisation.payments], **event) == 2
    assert events_spread(now=NOW) == 2
    rows = WebhookDelivery.objects.select_related("endpoint", "event")
    assert {(one.endpoint.name, one.endpoint.team_id, one.event.data["team"]) for one in rows} == {
        ("Deploy bot", None, ""),
        ("Deploy bot", organisation.payments.pk, "payments"),
    }
    assert all(may_be_told(one.endpoint, one.event) for one in rows)
    narrow = WebhookEndpoint.objects.get(name="Narrow")
    assert not any(may_be_told(narrow, one.event) for one in rows)


def test_deleting_leaves_no_log(organisation: Organisation) -> None:
    row = made(organisation)
    webhooks.webhook_test(organisation.actor("maintainer"), row.pk, now=NOW)
    webhooks.webhook_delete(organisation.actor("maintainer"), row.pk, now=NOW)
    assert not WebhookDelivery.objects.exists()
    assert AuditEntry.objects.filter(action="webhook.delete").count() == 1


def test_old_events_are_forgotten_but_for_those_on_their_way(organisation: Organisation, settings: Any) -> None:
    settings.WEBHOOK_DAYS = 30
    made(organisation, now=NOW - timedelta(days=90))
    for days, state in ((40, "delivered"), (40, "due"), (10, "failed")):
        told(organisation, now=NOW - timedelta(days=days))
        events_spread(now=NOW)
        WebhookDelivery.objects.filter(pk=WebhookDelivery.objects.latest("pk").pk).update(state=state)
    assert webhooks.webhooks_purge(NOW) == 1
    assert sorted(WebhookDelivery.objects.values_list("state", flat=True)) == ["due", "failed"]


def test_a_command_forgets_them_too(organisation: Organisation, capsys: Any) -> None:
    made(organisation)
    told(organisation)
    call_command("slipway_webhooks", "purge", "--days", "0")
    assert "1 event" in capsys.readouterr().out
    assert not OutgoingEvent.objects.exists()

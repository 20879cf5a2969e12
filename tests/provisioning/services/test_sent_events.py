"""Events that few things lead to, brought about by services, sent to a receiver, and held against what is documented.

What arrives is the whole message: its signature, its envelope as the OpenAPI document has it, and its data as the
schema that is served has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from standardwebhooks import Webhook

from governance.domain.event import EVENT_TYPES, MEDIA, schema_document
from governance.models import OutgoingEvent
from governance.services.policies import policy_save
from governance.services.routes import route_save
from governance.services.webhook_delivery import webhooks_send
from governance.services.webhooks import webhook_create, webhook_test
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import PolicyDenied
from portal.api.shapes.webhooks import outgoing
from provisioning.models import Change, Environment, Run
from provisioning.services.approval_sweep import approvals_expire
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.expiry import environments_expire
from provisioning.services.runs import run_cancel
from provisioning.services.trains import TrainRequest, train_cancel, train_submit
from provisioning.services.transfers import transfer_agree, transfer_ask
from tests.governance.receiver import Receiver, receiving
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = pytest.mark.django_db
BASE = "https://slipway.example"
Trigger = Callable[[Organisation, int], None]


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.BASE_URL = BASE
    with receiving() as found:
        yield found


def _policy(effect: dict[str, Any], when: str = "change.kind == 'delete'") -> None:
    given = {"title": "A rule", "mode": "enforce", "when": when, "message": "Not this week.", **effect}
    document = {"apiVersion": "slipway.dev/v1", "kind": "Policy", "metadata": {"name": "rule"}, "spec": given}
    policy_save(PLATFORM, document=document, now=NOW)


def _submit(organisation: Organisation, kind: str, **given: Any) -> Change:
    return change_submit(organisation.actor("developer"), ChangeRequest(kind, "checkout", "try", **given), now=NOW)


def denied(organisation: Organisation, endpoint_id: int) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    _policy({"effect": "deny"})
    with pytest.raises(PolicyDenied):
        _submit(organisation, "delete", confirm="try", reason="Over.")


def expired(organisation: Organisation, endpoint_id: int) -> None:
    stages = [{"name": "Team", "approvers": [{"from": "team:maintainer", "count": 1}]}]
    head = {"apiVersion": "slipway.dev/v1", "kind": "ApprovalRoute", "metadata": {"name": "slow"}}
    route_save(PLATFORM, document={**head, "spec": {"title": "Slow", "expires": 24, "stages": stages}}, now=NOW)
    _policy({"effect": "require-approval", "approvals": [{"from": "route:slow"}]}, when="stage.production")
    create(organisation, "live", stage="prod")
    assert approvals_expire(now=NOW + timedelta(hours=25)) == 1


def superseded(organisation: Organisation, endpoint_id: int) -> None:
    create(organisation)
    for replicas in (3, 4):
        _submit(organisation, "update", spec=spec(api={"replicas": replicas}))
    carry_out(Run.objects.get(state__in=("queued", "running")))


def cancelled(organisation: Organisation, endpoint_id: int) -> None:
    run = Run.objects.get(change=create(organisation))
    run_cancel(organisation.actor("developer"), run.pk, now=NOW)
    assert carry_out(run).state == "cancelled"


def asleep(organisation: Organisation, endpoint_id: int) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    carry_out(Run.objects.get(change=_submit(organisation, "sleep")))


def asked_for(organisation: Organisation, endpoint_id: int) -> None:
    webhook_test(organisation.actor("admin"), endpoint_id, now=NOW)


def told(organisation: Organisation, endpoint_id: int) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    _policy({"effect": "deny"})
    ends = Environment.objects.get().expires_at
    assert ends is not None
    assert environments_expire(now=ends + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    ("key", "trigger"),
    [
        pytest.param("change.denied", denied, id="change.denied"),
        pytest.param("change.expired", expired, id="change.expired"),
        pytest.param("change.superseded", superseded, id="change.superseded"),
        pytest.param("run.cancelled", cancelled, id="run.cancelled"),
        pytest.param("environment.asleep", asleep, id="environment.asleep"),
        pytest.param("webhook.test", asked_for, id="webhook.test"),
        pytest.param("notice.told", told, id="notice.told"),
    ],
)
def test_what_is_sent_is_what_is_documented(
    organisation: Organisation, receiver: Receiver, key: str, trigger: Trigger
) -> None:
    equip(organisation)
    chosen = [] if key == "webhook.test" else [key]
    endpoint, secret = webhook_create(
        organisation.actor("admin"), name="All", url=receiver.url, team=None, events=chosen, now=NOW
    )
    trigger(organisation, endpoint.pk)
    OutgoingEvent.objects.exclude(type=key).delete()
    webhooks_send(now=clock.now())
    assert receiver.received
    for got in receiver.received:
        body = Webhook(secret).verify(got.body, dict(got.headers))
        assert (got.headers["content-type"], body["type"]) == (MEDIA, EVENT_TYPES[key].wire)
        envelope = outgoing(BASE)[key]["post"]["requestBody"]["content"][MEDIA]["schema"]
        assert _wrong(envelope, body) == []
        assert _wrong(schema_document(key, BASE), body["data"]) == []


def _wrong(schema: dict[str, Any], found: Any) -> list[str]:
    check = Draft202012Validator(schema, format_checker=FormatChecker())
    return [one.message for one in check.iter_errors(found)]


def _hear(organisation: Organisation, name: str, team: str = "") -> None:
    owner = organisation.teams[team] if team else None
    webhook_create(
        organisation.actor("admin"),
        name=name,
        url=f"https://{name}.example/",
        team=owner,
        events=["notice.told"],
        now=NOW,
    )


def test_what_changed_hands_is_told_to_its_new_team(organisation: Organisation) -> None:
    equip(organisation)
    _hear(organisation, "theirs", "storefront")
    row = transfer_ask(
        organisation.actor("maintainer"), system=organisation.checkout, taker="storefront", reason="Theirs.", now=NOW
    )
    assert not OutgoingEvent.objects.exists()
    transfer_agree(organisation.actor("storefront_maintainer"), row.pk, now=NOW)
    event = OutgoingEvent.objects.get()
    assert (event.data["kind"], event.data["team"], event.system) == (
        "system-transfer",
        "storefront",
        organisation.checkout,
    )


def test_a_train_tells_of_the_system_that_it_is_all_of(organisation: Organisation) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    _hear(organisation, "ours", "payments")
    _hear(organisation, "theirs", "storefront")
    parts = tuple(
        ChangeRequest(
            *("promote", "checkout", name),
            source="try",
            spec={"resources": {"shop": {"inputs": {"host": f"{name}.example"}}}},
        )
        for name in ("one-s", "two-s")
    )
    train = train_submit(organisation.actor("developer"), TrainRequest(parts, reason="Together."), now=NOW)
    train_cancel(organisation.actor("maintainer"), train.pk, now=NOW)
    event = OutgoingEvent.objects.get()
    assert (event.data["kind"], event.data["people"], event.system) == (
        "train-stopped",
        ["developer"],
        organisation.checkout,
    )

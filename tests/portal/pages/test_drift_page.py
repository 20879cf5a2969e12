"""The drift tab without script: what is shown, what each decision would do, and that it is done."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from idp.kernel import clock
from provisioning.domain.driver import ObjectRef
from provisioning.models import Change, Drift, Environment, Run
from provisioning.services.drift_rows import drift_count
from tests.provisioning.organisation import Clock, carry_out, create, sandbox

pytestmark = pytest.mark.django_db

API = ObjectRef("apps/v1", "Deployment", "checkout-try", "api")
TAB = "/environments/checkout/try/drift/"


@pytest.fixture
def drift(equipped: Any) -> Drift:
    now = clock.now() - timedelta(hours=2)
    carry_out(Run.objects.get(change=create(equipped, now=now)), Clock(now))
    sandbox().edit(API, {"spec": {"replicas": 5}}, manager="kubectl-edit")
    return stored("Deployment", "api", wanted=2, live=5)


def stored(kind: str, name: str, *, wanted: Any, live: Any, change: str = "changed") -> Drift:
    place = Environment.objects.get()
    field = {"kind": change, "path": "spec.replicas" if change == "changed" else "", "wanted": wanted, "live": live}
    row = Drift.objects.create(
        environment=place,
        resource="api",
        api_version="apps/v1" if kind == "Deployment" else "v1",
        kind=kind,
        namespace="checkout-try",
        name=name,
        fields=[field | {"manager": "kubectl-edit", "operation": "Update", "at": None}],
        fingerprint="f" * 64,
        managers="kubectl-edit" if change == "changed" else "",
        state="open",
        seen_at=clock.now(),
    )
    drift_count(place.pk)
    return row


def text(answer: Any) -> str:
    return str(answer.content.decode())


def decide(client: Any, act: str, *, do: str = "", **fields: Any) -> Any:
    address = reverse("environment-drift-decide", args=["checkout", "try"])
    return client.post(address, {"act": act, "do": do, **fields}) if do else client.get(address, {"act": act, **fields})


def test_it_shows_who_changed_what_and_offers_to_decide(drift, sign_in):
    shown = text(sign_in("developer").get(TAB))
    for words in ("Changed by <strong>kubectl-edit</strong>", "spec.replicas", ">Adopt<", ">Revert<", ">Snooze<"):
        assert words in shown
    assert ">Adopt<" not in text(sign_in("viewer").get(TAB))


def test_it_says_that_all_is_as_agreed(drift, sign_in):
    Drift.objects.update(state="vanished")
    drift_count(drift.environment_id)
    shown = text(sign_in("developer").get(TAB))
    assert "Everything is as it was agreed" in shown
    assert "Undone" in shown


def test_an_open_page_learns_of_what_came_and_went(drift, sign_in):
    client = sign_in("developer")
    address = re.search(rf'data-awake hx-get="({TAB}[^"]*)"', text(client.get(TAB)))[1]
    asked = {"HX-Request": "true"}
    assert client.get(address, headers=asked).status_code == 204
    Drift.objects.update(state="vanished", decided_at=clock.now())
    assert client.get(address, headers=asked)["HX-Refresh"] == "true"


def test_it_marks_what_drifted_in_lists_and_at_home(drift, sign_in):
    client = sign_in("developer")
    listed = text(client.get("/environments/?drift=open"))
    assert "checkout / try" in listed
    assert "Drifted" in listed
    assert "checkout / try was changed outside" in text(client.get("/"))
    Drift.objects.update(state="vanished")
    drift_count(drift.environment_id)
    assert "No environment fits" in text(client.get("/environments/?drift=open"))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param("revert", ["Deployment/api spec.replicas", "Put back as agreed", "Revert it"], id="revert"),
        pytest.param("adopt", ["replicas", "Adopt it"], id="adopt"),
        pytest.param("snooze", ["7 days", "Snooze it"], id="snooze"),
    ],
)
def test_it_shows_what_a_decision_would_do(drift, sign_in, act, words):
    answer = decide(sign_in("developer"), act, drift=drift.pk)
    assert answer.status_code == 200
    for word in words:
        assert word in text(answer)
    assert Change.objects.filter(kind__in=("adopt", "revert")).count() == 0


@pytest.mark.parametrize("act", ["adopt", "revert"])
def test_it_decides(drift, sign_in, act):
    answer = decide(sign_in("developer"), act, do="submit", drift=drift.pk, reason="Agreed")
    change = Change.objects.get(kind=act)
    assert answer.url == reverse("run", args=[change.runs.get().pk])
    drift.refresh_from_db()
    assert (drift.decision, drift.change_id) == (act, change.pk)
    shown = text(sign_in("developer").get(TAB))
    assert "Being decided" in shown
    assert f"Change #{change.pk}" in shown


def test_it_snoozes_with_a_reason(drift, sign_in):
    client = sign_in("developer")
    refused = decide(client, "snooze", do="submit", drift=drift.pk, days="7", reason="")
    assert (refused.status_code, "Say why it can wait" in text(refused)) == (422, True)
    odd = decide(client, "snooze", do="submit", drift=drift.pk, days="999", reason="Known")
    assert (odd.status_code, "within the next 90 days" in text(odd)) == (422, True)
    assert decide(client, "snooze", do="submit", drift=drift.pk, days="7", reason="Known").url == TAB
    drift.refresh_from_db()
    assert drift.state == "snoozed"
    assert "by developer: Known" in text(client.get(TAB))


def test_it_says_field_by_field_what_cannot_be_adopted(drift, sign_in):
    gone = stored("Service", "nothing", wanted=None, live=None, change="missing")
    client = sign_in("developer")
    shown = text(decide(client, "adopt", drift=[drift.pk, gone.pk]))
    assert "Service/nothing: An object that was deleted cannot be adopted" in shown
    refused = decide(client, "adopt", do="submit", drift=[drift.pk, gone.pk])
    assert refused.status_code == 422
    assert not Change.objects.filter(kind="adopt").exists()


def test_it_leads_back_when_there_is_nothing_to_decide(drift, sign_in):
    Drift.objects.update(state="reverted")
    assert decide(sign_in("developer"), "revert", drift=drift.pk).url == TAB
    assert decide(sign_in("developer"), "burn").status_code == 404

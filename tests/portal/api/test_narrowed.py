"""What is restricted, or outside a token's systems, appears in no answer: not by name, not by id, not in a count."""

from __future__ import annotations

from typing import Any

import pytest

from governance.services.components import component_update
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Environment, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW
from tests.provisioning.organisation import carry_out, spec

pytestmark = pytest.mark.django_db

READS = (
    "me",
    "teams/",
    "teams/payments/",
    "teams/payments/members/",
    "systems/",
    "systems/checkout/",
    "components/",
    "components/checkout-api/",
    "capabilities/",
    "capabilities/postgres/",
    "stages/",
    "clusters/",
    "policies/",
    "quotas/",
    "quotas/payments/",
    "environments/",
    "environments/checkout/try/",
    "environments/checkout/try/resources/",
    "environments/checkout/try/revisions/",
    "environments/checkout/try/changes/",
    "environments/checkout/try/runs/",
    "environments/checkout/try/events/",
    "changes/",
    "changes/?state=open",
    "changes/?q=hidden",
    "changes/?team=payments",
    "changes/{seen}/",
    "runs/{seen_run}/",
    "runs/{seen_run}/events/",
    "search/?q=v",
    "search/?q=hid",
    "environments/?team=payments",
    "environments/?q=hidden",
    "systems/?team=payments",
    "components/?team=payments",
)
GUESSED = (
    ("GET", "systems/vault/", None),
    ("GET", "components/vault-api/", None),
    ("GET", "environments/vault/hidden/", None),
    ("GET", "environments/vault/hidden/runs/", None),
    ("GET", "changes/{hidden}/", None),
    ("GET", "runs/{run}/", None),
    ("GET", "runs/{run}/events/", None),
    ("POST", "runs/{run}/cancel/", {}),
    ("POST", "changes/{hidden}/cancel/", {}),
    ("POST", "changes/{hidden}/resume/", {}),
    ("POST", "changes/{hidden}/comment/", {"comment": "x"}),
    ("POST", "changes/{hidden}/reject/", {"comment": "x", "plan_digest": "0" * 64}),
    ("POST", "changes/{hidden}/approve/", {"plan_digest": "0" * 64}),
    ("POST", "changes/", {"kind": "create", "system": "vault", "environment": "mine", "spec": spec(), "reason": "x"}),
    ("POST", "plans/", {"kind": "delete", "system": "vault", "environment": "hidden", "reason": "x"}),
)


@pytest.fixture
def world(living, organisation) -> dict[str, Any]:
    """``vault/hidden`` beside ``checkout/try``; checkout's component needs one of vault, seen by an admin only."""
    wanted = ChangeRequest("create", "vault", "hidden", spec=spec(), reason="Secret.")
    hidden = change_submit(organisation.actor("developer"), wanted, now=NOW)
    run = Run.objects.get(change=hidden)
    carry_out(run)
    component = organisation.components["checkout-api"]
    component_update(PLATFORM, component=component, depends_on=["vault-api"], now=NOW)
    return {
        "seen": living.pk,
        "seen_run": Run.objects.get(change=living).pk,
        "hidden": hidden.pk,
        "run": run.pk,
    }


WHO = {
    "a stranger": ("stranger", ()),
    "a token of a member that is bound to another system": ("maintainer", ("checkout",)),
    "a token of an admin that is bound to another system": ("admin", ("checkout",)),
}


@pytest.mark.parametrize(("persona", "systems"), WHO.values(), ids=WHO.keys())
def test_no_answer_names_it(api, world, persona, systems):
    client = api(persona, systems=systems)
    leaks = []
    for path in READS:
        answer = client.get(path.format(**world))
        assert answer.status_code == 200, path
        text = answer.content.decode()
        leaks += [f"{word} in {path}" for word in ("vault", "hidden") if word in text.replace("q=hidden", "")]
    assert leaks == []


@pytest.mark.parametrize(("persona", "systems"), WHO.values(), ids=WHO.keys())
def test_no_guess_finds_it(api, world, persona, systems):
    client = api(persona, systems=systems)
    before = (Change.objects.count(), Environment.objects.count())
    told = {
        f"{method} {path}": client.call(method, f"/api/v1/{path.format(**world)}", body).status_code
        for method, path, body in GUESSED
    }
    assert told == dict.fromkeys(told, 404)
    assert (Change.objects.count(), Environment.objects.count()) == before


def test_the_team_sees_it(api, world):
    """So that the searches above are for something that is there."""
    client = api("viewer")
    assert client.get(f"changes/{world['hidden']}/").status_code == 200
    assert "vault" in client.get("environments/").content.decode()


def test_another_tokens_first_answer_is_not_repeated(api, organisation, living):
    """One account's token that is bound elsewhere does not get what its other token was told."""
    body = {"kind": "delete", "system": "checkout", "environment": "try", "confirm": "try", "reason": "x"}
    headers = {"Idempotency_Key": "k-1"}
    assert api("developer").post("plans/", body, **headers).status_code == 200
    assert api("developer", systems=("vault",)).post("plans/", body, **headers).status_code == 404

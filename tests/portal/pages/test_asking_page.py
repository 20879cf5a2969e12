"""The page on which every kind of change is looked at and asked for, without script."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from idp.kernel import clock
from portal.forms.asking import Asked, intent_of
from provisioning.models import Change, Environment, Run
from tests.provisioning.organisation import Clock, carry_out, create

pytestmark = pytest.mark.django_db


@pytest.fixture
def made(equipped: Any) -> Environment:
    now = clock.now() - timedelta(hours=2)
    carry_out(Run.objects.get(change=create(equipped, now=now)), Clock(now))
    return Environment.objects.get()


def at(kind: str, name: str = "try") -> str:
    return reverse("environment-ask", args=["checkout", name, kind])


def text(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize(
    ("kind", "query", "words"),
    [
        pytest.param(
            "sleep", {}, ["Put checkout / try to sleep", "its 5 GiB of data stay", "Put it to sleep"], id="sleep"
        ),
        pytest.param("wake", {}, ["It is awake already."], id="wake"),
        pytest.param("extend", {}, ["7 days from now", "Goes away"], id="extend"),
        pytest.param("upgrade", {}, ["Upgrade checkout / try"], id="upgrade"),
        pytest.param("rollback", {"revision": "1"}, ["Nothing differs"], id="rollback"),
        pytest.param("rollback", {"revision": "x"}, ["number of the revision"], id="rollback-to-nothing"),
        pytest.param("clone", {"name": "copy"}, ["Secrets are made new", "Leads to try already"], id="clone"),
    ],
)
def test_it_shows_what_a_kind_would_do(made, sign_in, kind, query, words):
    answer = sign_in("developer").get(at(kind), query)
    assert answer.status_code == 200
    page = text(answer)
    assert [one for one in words if one not in page] == []
    assert Change.objects.count() == 1


def test_it_asks_for_it_and_leads_to_the_run(made, sign_in):
    answer = sign_in("developer").post(at("sleep"), {"do": "submit", "reason": "Night."})
    change = Change.objects.get(kind="sleep")
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])
    assert change.reason == "Night."


def test_it_extends_until_a_moment_that_is_typed(made, sign_in):
    answer = sign_in("developer").post(at("extend"), {"do": "submit", "until": "7d", "until_other": "yesterday"})
    assert answer.status_code == 422
    assert "Write a span such as 12h" in text(answer)
    sign_in("developer").post(at("extend"), {"do": "submit", "until": "7d", "until_other": "40d"})
    made.refresh_from_db()
    assert made.expires_at > clock.now() + timedelta(days=39)


def test_it_promotes_what_is_chosen_and_asks_for_what_belongs_there(made, sign_in):
    client = sign_in("developer")
    page = text(client.get(at("promote", "staging"), {"from": "try"}))
    assert 'name="input.shop.host"' in page
    assert "All of it" in page
    part = {"from": "try", "chooses": "1", "resources": ["api"]}
    assert "choose it too" in text(client.post(at("promote", "staging"), part))
    all_of_it = {**part, "resources": ["api", "db", "shop"], "input.shop.host": "shop.staging.example", "do": "submit"}
    answer = client.post(at("promote", "staging"), all_of_it)
    change = Change.objects.get(kind="promote")
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])
    assert change.target["resources"]["shop"]["inputs"]["host"] == "shop.staging.example"


def test_it_copies_under_another_name(made, sign_in):
    asked = {"do": "submit", "name": "copy", "input.shop.host": "copy.dev.example"}
    sign_in("developer").post(at("clone"), asked)
    assert Change.objects.get(environment_name="copy").title == "Create checkout / copy as a copy of try"


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("stranger", 403)])
def test_only_who_may_request_sees_it(made, sign_in, who, status):
    assert sign_in(who).get(at("sleep")).status_code == status


@pytest.mark.parametrize("path", [("sleep", "nowhere"), ("explode", "try"), ("delete", "try")])
def test_it_knows_no_other_place_and_kind(made, sign_in, path):
    assert sign_in("developer").get(at(*path)).status_code == 404


def test_the_pages_lead_to_it(made, sign_in):
    client = sign_in("developer")
    assert at("sleep") in text(client.get("/environments/checkout/try/"))
    assert at("clone") in text(client.get("/environments/checkout/try/settings/"))
    assert f"{at('promote', 'staging')}?from=try" in text(client.get("/systems/checkout/"))
    viewer = sign_in("viewer")
    assert at("sleep") not in text(viewer.get("/environments/checkout/try/"))
    assert "promote" not in text(viewer.get("/systems/checkout/"))


@pytest.mark.parametrize(
    ("schema", "written", "value"),
    [
        pytest.param({"type": "string"}, "123", "123", id="digits-in-a-text"),
        pytest.param({"type": "string"}, "true", "true", id="a-word-in-a-text"),
        pytest.param({"type": "integer"}, "123", 123, id="a-number"),
        pytest.param({"type": "boolean"}, "true", True, id="a-tick"),
        pytest.param({"type": "string", "enum": ["1", "2"]}, "1", "1", id="a-choice-of-texts"),
        pytest.param({"type": "object"}, "{a: 1}", {"a": 1}, id="parts-as-yaml"),
    ],
)
def test_it_sends_what_the_input_takes(schema, written, value):
    asked = Asked("promote", source="try", inputs={("shop", "host"): written})
    request = intent_of(asked, "checkout", "staging", {"shop": {"properties": {"host": schema}}})
    assert request.spec["resources"]["shop"]["inputs"] == {"host": value}


def test_it_sends_a_typed_number_as_the_text_that_the_input_is(made, sign_in):
    asked = {"from": "try", "chooses": "1", "resources": ["api", "db", "shop"], "input.shop.host": "123"}
    page = text(sign_in("developer").post(at("promote", "staging"), asked))
    assert 'value="123"' in page
    assert "must be text" not in page.lower()

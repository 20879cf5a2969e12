"""The page on which people fill secrets, and the same over the API; the page of links and where they are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from governance.models import AuditEntry
from provisioning.models import Run, Stage
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.links import link_save
from tests.personas import NOW, Organisation
from tests.portal.api.client import token_for
from tests.provisioning.organisation import Clock, carry_out, equip

pytestmark = pytest.mark.django_db

VALUE = "sk-live-<b>&amp;4eC39HqLyjWDarjtT1zdp7dc"
AT = {"system": "checkout", "name": "try"}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made, policies=())
    return made


@pytest.fixture
def waiting(organisation: Organisation) -> tuple[Run, Clock]:
    """A run that waits for people to fill two keys."""
    keys = [{"key": "API_KEY", "help": "From the provider's dashboard"}, {"key": "TOKEN"}]
    resources = {
        "keys": {"capability": "secret-slot@1", "inputs": {"keys": keys}},
        "api": {"capability": "web-service@1", "inputs": {"image": "shop:1"}, "component": "checkout-api"},
    }
    request = ChangeRequest("create", "checkout", "try", spec={"stage": "dev", "resources": resources}, reason="R")
    run, clock = Run.objects.get(change=change_submit(organisation.actor("developer"), request, now=NOW)), Clock()
    for _ in range(6):
        advance(run.pk, now=clock)
        clock.forward(5)
    return run, clock


def browser(organisation: Organisation, who: str) -> Client:
    client = Client()
    client.force_login(organisation.people[who])
    return client


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_the_run_and_the_environment_lead_to_the_form(organisation: Organisation, waiting: tuple[Run, Clock]) -> None:
    client, page = browser(organisation, "developer"), reverse("environment-secrets", kwargs=AT)
    for address in (reverse("environment", kwargs=AT), reverse("run", args=[waiting[0].pk])):
        shown = text(client.get(address))
        assert "waits for people" in shown
        assert f'href="{page}">Fill it</a>' in shown


def test_it_fills_in_two_steps_and_shows_no_value(organisation: Organisation, waiting: tuple[Run, Clock]) -> None:
    client, page = browser(organisation, "developer"), reverse("environment-secrets", kwargs=AT)
    first = client.get(page)
    assert "no-store" in first["Cache-Control"]
    assert "From the provider" in text(first)
    assert text(first).count('type="password"') == 2
    target = reverse("environment-secret-fill", kwargs={**AT, "resource": "keys"})
    after = client.post(target, {"value.API_KEY": VALUE, "value.TOKEN": ""}, follow=True)
    assert "TOKEN is still missing" in text(after)
    client.post(target, {"value.TOKEN": VALUE})
    shown = [text(after), text(client.get(page))]
    assert "Fill keys again" in shown[-1]
    assert carry_out(*waiting).state == "succeeded"
    shown += [text(client.get(reverse(name, kwargs=AT))) for name in ("environment", "environment-settings")]
    shown += [repr(row) for model in apps.get_models() for row in model._default_manager.values()]
    assert not [one for one in shown if "4eC39HqLyjWDarjtT1zdp7dc" in one]
    assert AuditEntry.objects.filter(action="secret.fill").count() == 2


def test_a_wrong_key_is_said_at_its_field_without_the_value(
    organisation: Organisation, waiting: tuple[Run, Clock]
) -> None:
    client = browser(organisation, "developer")
    target = reverse("environment-secret-fill", kwargs={**AT, "resource": "keys"})
    answer = client.post(target, {"value.API_KEY": VALUE, "value.TOKEN": VALUE * 2_000})
    assert answer.status_code == 422
    assert "must have at most 65,536 bytes" in text(answer)
    assert "4eC39Hq" not in text(answer)
    assert client.post(target, {"value.API_KEY": ""}).status_code == 422


def test_who_may_not_fill_sees_how_it_stands_and_no_form(
    organisation: Organisation, waiting: tuple[Run, Clock]
) -> None:
    client = browser(organisation, "viewer")
    shown = text(client.get(reverse("environment-secrets", kwargs=AT)))
    assert "API_KEY" in shown
    assert 'type="password"' not in shown
    target = reverse("environment-secret-fill", kwargs={**AT, "resource": "keys"})
    assert client.post(target, {"value.API_KEY": VALUE}).status_code == 403


def test_the_api_fills_and_tells_keys_only(organisation: Organisation, waiting: tuple[Run, Clock]) -> None:
    client = Client(headers={"authorization": f"Bearer {token_for(organisation.developer, 'read', 'change')}"})
    here = reverse("api:environment-secrets", kwargs=AT)
    assert client.get(here).json()["items"][0]["missing"] == ["API_KEY", "TOKEN"]
    one = reverse("api:environment-secret", kwargs={**AT, "resource": "keys"})
    body = json.dumps({"values": {"API_KEY": VALUE}})
    headers = {"Idempotency-Key": "again", "If-Match": "*"}
    answers = [client.patch(one, body, content_type="application/json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[1].json()["missing"] == ["TOKEN"]
    other = json.dumps({"values": {"OTHER": VALUE}})
    wrong = client.patch(one, other, content_type="application/json", headers={"If-Match": "*"})
    assert (wrong.status_code, wrong.json()["errors"][0]["path"]) == (422, "values.OTHER")
    told = [text(answer) for answer in (*answers, wrong)]
    told += [repr(row) for model in apps.get_models() for row in model._default_manager.values()]
    assert not [one for one in told if "4eC39HqLyjWDarjtT1zdp7dc" in one]


def test_an_environment_shows_links_in_a_new_tab(organisation: Organisation, waiting: tuple[Run, Clock]) -> None:
    url = "https://logs.example/?ns=${environment.namespace}&c=${component}"
    link_save(
        organisation.actor("admin"), stage=Stage.objects.get(name="dev"), name="Logs", kind="logs", url=url, now=NOW
    )
    carry = browser(organisation, "developer")
    for key in ("API_KEY", "TOKEN"):
        carry.post(reverse("environment-secret-fill", kwargs={**AT, "resource": "keys"}), {f"value.{key}": "x"})
    carry_out(*waiting)
    shown = text(carry.get(reverse("environment", kwargs=AT)))
    wanted = 'href="https://logs.example/?ns=checkout-try&amp;c=checkout-api" target="_blank" rel="noopener noreferrer"'
    assert wanted in shown


def test_an_admin_tries_a_link_before_storing_it(organisation: Organisation) -> None:
    client, page = browser(organisation, "admin"), reverse("links")
    sent = {"stage": "dev", "name": "Logs", "kind": "logs", "url": "https://logs.example/${resource.name}"}
    assert "https://logs.example/api" in text(client.post(page, {**sent, "do": "preview"}))
    assert "Nothing" not in text(client.get(page))
    wrong = client.post(page, {**sent, "url": "https://logs.example/${resource.nam}", "do": "preview"})
    assert wrong.status_code == 422
    assert client.post(page, {**sent, "do": "save"}).status_code == 302
    assert "https://logs.example/api" in text(client.get(page, {"stage": "dev"}))
    assert 'value="Logs"' in text(client.get(page, {"stage": "dev", "edit": "Logs"}))
    assert client.get(page, {"stage": "none"}).status_code == 404


@pytest.mark.parametrize("name", ["environment", "environment-secrets", "links"])
def test_its_pages_stay_below_the_ceiling(
    organisation: Organisation, waiting: tuple[Run, Clock], name: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        fields = {"name": f"Link {number}", "kind": "logs", "url": "https://logs.example/${resource.name}"}
        link_save(organisation.actor("admin"), stage=Stage.objects.get(name="dev"), now=NOW, **fields)
    client, url = browser(organisation, "developer"), reverse(name, kwargs={} if name == "links" else AT)
    client.get(url)
    with django_assert_max_num_queries(12):
        assert client.get(url).status_code == 200

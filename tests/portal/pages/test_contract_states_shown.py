"""A version that is to go is told where it matters: home, the environment, the plan beside the form."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from provisioning.models import Run
from provisioning.services.contract_states import contract_state_set
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db

REASON = "It loses data after a restart."


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def living(organisation):
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, "dev")))


def move(organisation, state, **note):
    contract_state_set(
        organisation.actor("admin"), capability="postgres", version="1.0.0", state=state, reason=REASON, now=NOW, **note
    )


def page(client, organisation, name, *at, persona="developer", **query):
    client.force_login(organisation.people[persona])
    return client.get(reverse(name, args=at), query)


def test_owners_of_a_defective_version_see_it_first(client, organisation, living):
    move(organisation, "defective")
    shown = page(client, organisation, "home")
    care = shown.context["care"][0]
    assert care.title == "checkout / dev: db runs postgres 1.0.0, which is defective"
    assert care.text == REASON
    assert (care.state, care.kind) == ("defective", "contract")
    assert "checkout / dev uses a defective version" in shown.context["summary"]
    assert page(client, organisation, "home", persona="stranger").context["care"] == []


STATES = {
    "defective": ("defective", {}, "which is defective.", "banner boxed bad"),
    "deprecated": (
        "deprecated",
        {"sunset": NOW + timedelta(days=30)},
        "which is deprecated and ends on",
        "banner boxed warn",
    ),
}


@pytest.mark.parametrize(("state", "note", "words", "tone"), STATES.values(), ids=STATES.keys())
def test_the_environment_says_which_of_its_resources(client, organisation, living, state, note, words, tone):
    quiet = page(client, organisation, "environment", "checkout", "dev")
    assert quiet.context["notices"] == []
    move(organisation, state, **note)
    text = page(client, organisation, "environment", "checkout", "dev").content.decode()
    assert f"db runs postgres 1.0.0, {words}" in text
    assert tone in text
    assert REASON in text
    assert reverse("environment-edit", args=["checkout", "dev"]) in text
    reader = page(client, organisation, "environment", "checkout", "dev", persona="stranger").content.decode()
    assert f"{reverse('capability', args=['postgres'])}?version=1.0.0" in reader


def test_a_deprecated_version_does_not_need_care_on_home(client, organisation, living):
    move(organisation, "deprecated", sunset=NOW + timedelta(days=30))
    assert "defective" not in {care.state for care in page(client, organisation, "home").context["care"]}


def test_the_plan_warns(client, organisation, living):
    move(organisation, "deprecated", sunset=NOW + timedelta(days=30))
    client.force_login(organisation.developer)
    posted = {
        "system": "checkout", "name": "new", "stage": "dev", "r": "1", "r.1.name": "db",
        "r.1.capability": "postgres@1.0.0", "r.1.inputs.storageGiB": "5",
    }  # fmt: skip
    shown = client.post(reverse("environment-plan"), posted, headers={"HX-Request": "true"})
    notes = [one.text for one in shown.context["panel"].notes]
    assert [one for one in notes if one.startswith("postgres 1.0.0 is deprecated and ends on")] == notes
    assert REASON.rstrip(".") in notes[0]

"""What lives of a capability, and what a next version would do to it, read from the database."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from provisioning.contracts import builtin_documents
from provisioning.domain.blast_radius import strike, summary
from provisioning.domain.contract import Contract, parse_contract
from provisioning.models import Environment
from provisioning.selectors.living import living_resources
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    create(made, "one")
    create(made, "two", api={"replicas": 1})
    return made


NEWEST = {"web-service": "1.2.0", "postgres": "1.0.0"}


def next_version(capability: str, **spec: Any) -> Contract:
    data = copy.deepcopy(dict(builtin_documents())[f"{capability}/{NEWEST[capability]}.yaml"].data)
    data["metadata"]["version"] = "1.3.0"
    data["spec"].update(spec)
    return parse_contract(data)


def test_it_gives_each_as_it_was_agreed(organisation: Organisation) -> None:
    found = list(living_resources("web-service"))
    assert [(one.team, one.system, one.environment, one.name) for one in found] == [
        ("payments", "checkout", "one", "api"),
        ("payments", "checkout", "two", "api"),
    ]
    assert [one.inputs["replicas"] for one in found] == [2, 1]
    assert found[0].inputs["env"]["DATABASE_HOST"] == "db.checkout-one.svc"
    assert "valueFrom" in found[0].inputs["env"]["DATABASE_PASSWORD"]
    assert found[0].prices.cpu == 18


def test_it_leaves_out_what_is_gone_and_other_majors(organisation: Organisation) -> None:
    Environment.objects.filter(name="two").update(deleted_at="2026-03-02T10:00:00Z")
    assert [one.environment for one in living_resources("web-service", major=1)] == ["one"]
    assert list(living_resources("web-service", major=2)) == []
    assert list(living_resources("worker")) == []


def test_the_next_version_strikes_what_lives(organisation: Organisation) -> None:
    same = list(strike(living_resources("web-service"), next_version("web-service")))
    assert {one.outcome for one in same} == {"unchanged"}
    heavier = next_version("postgres", usage={"cpu": 1, "memoryGiB": 1, "storageGiB": "${inputs.storageGiB}"})
    impacts = list(strike(living_resources("postgres"), heavier))
    assert [one.more_cost for one in impacts] == [9.0, 9.0]
    assert summary(impacts) == {"payments": {"checkout/one": {"unchanged": 1}, "checkout/two": {"unchanged": 1}}}


def test_it_asks_as_often_for_many_as_for_few(organisation: Organisation) -> None:
    list(living_resources("web-service"))  # contracts are parsed once per process
    with CaptureQueriesContext(connection) as few:
        assert len(list(living_resources("web-service"))) == 2
    for number in range(5):
        create(organisation, f"more{number}")
    with CaptureQueriesContext(connection) as many:
        assert len(list(living_resources("web-service"))) == 7
    assert len(many) == len(few) <= 4

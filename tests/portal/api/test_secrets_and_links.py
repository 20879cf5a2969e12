"""Secrets that people fill and links of stages over the API: nobody overwrites or removes what they have not seen."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.models import Run, StageLink
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock

pytestmark = pytest.mark.django_db

PLACE = "environments/checkout/try/secrets/keys/"
LINK = {"name": "Logs", "kind": "logs", "url": "https://logs.example/${environment.namespace}"}


@pytest.fixture
def waits_for_people(organisation: Organisation) -> None:
    """An environment whose run has made its Secret and waits for its key."""
    keys = {"capability": "secret-slot@1", "inputs": {"keys": [{"key": "API_KEY", "help": "Dashboard"}]}}
    spec: dict[str, Any] = {"stage": "dev", "resources": {"keys": keys}}
    asked = ChangeRequest("create", "checkout", "try", spec=spec, reason="R")
    run = Run.objects.get(change=change_submit(organisation.actor("maintainer"), asked, now=NOW))
    clock = Clock(NOW)
    for _ in range(10):
        advance(run.pk, now=clock)
        clock.forward(5)


def test_it_fills_what_nobody_has_filled_meanwhile(api, waits_for_people):
    caller = api("developer")
    seen = caller.get(PLACE)
    assert seen.json()["missing"] == ["API_KEY"]
    assert seen.json() == caller.get("environments/checkout/try/secrets/").json()["items"][0]
    values = {"values": {"API_KEY": "sk-live-4eC39HqLyjWDarjt"}}
    assert caller.patch(PLACE, values).status_code == 428
    filled = caller.patch(PLACE, values, If_Match=seen["ETag"])
    assert (filled.status_code, filled.json()["missing"]) == (200, [])
    assert "sk-live" not in filled.content.decode()
    assert caller.patch(PLACE, values, If_Match=seen["ETag"]).status_code == 412
    assert caller.patch(PLACE, values, If_Match=caller.get(PLACE)["ETag"]).status_code == 200
    assert caller.patch(PLACE, values, If_Match="*").status_code == 200


def test_it_lets_nobody_fill_but_the_team(api, waits_for_people):
    values = {"values": {"API_KEY": "x"}}
    assert api("viewer").patch(PLACE, values).status_code == 403
    assert api("developer").patch(PLACE.replace("keys", "none"), values).status_code == 404


def test_it_removes_only_the_link_that_was_read(api, organisation):
    caller = api("admin")
    assert caller.post("stages/dev/links/", LINK).status_code == 201
    place = f"stages/dev/links/{StageLink.objects.get(name='Logs').pk}/"
    seen = caller.get(place)
    assert seen.json()["url"] == LINK["url"]
    assert caller.delete(place).status_code == 428
    assert caller.post("stages/dev/links/", {**LINK, "kind": "dashboard"}).status_code == 201
    assert caller.delete(place, If_Match=seen["ETag"]).status_code == 412
    assert StageLink.objects.filter(name="Logs").exists()
    assert caller.delete(place, If_Match=caller.get(place)["ETag"]).status_code == 204
    assert caller.get(place).status_code == 404

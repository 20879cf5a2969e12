"""Definitions of custom kinds over the API: sent with a contract, shown with it, never changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.provisioning import wells

pytestmark = pytest.mark.django_db

PLACE = "capabilities/well/contracts/"


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_contract_is_published_with_what_defines_its_kinds(api: Any, form: str) -> None:
    body = {**wells.contract(), "definitions": [wells.definition()]}
    sent = (json.dumps(body) if form == "json" else yaml.safe_dump(body)).encode()
    made = api("admin").call("POST", PLACE, sent, media=f"application/{form}")
    assert made.status_code == 201, made.content
    assert set(made.json()["definitions"]) == {wells.KEY}
    read = api("viewer").get(f"{PLACE}1.0.0/").json()
    assert read["definitions"] == made.json()["definitions"]
    assert "definitions" not in read["document"]


def test_what_does_not_fit_its_definition_is_refused_with_its_place(api: Any) -> None:
    body = {**wells.contract(pump="p1"), "definitions": [wells.definition("dump")]}
    refused = api("admin").post(PLACE, body)
    assert refused.status_code == 422, refused.content
    assert refused.json()["code"] == "contract-refused"
    [problem, *_] = refused.json()["errors"]
    assert problem["path"] == "spec.objects.well.manifest.spec.pump"


def test_another_definition_is_another_content(api: Any) -> None:
    api("admin").post(PLACE, {**wells.contract(), "definitions": [wells.definition()]})
    again = api("admin").post(PLACE, {**wells.contract(), "definitions": [wells.definition("pump")]})
    assert (again.status_code, again.json()["code"]) == (409, "version-exists")

"""Templates for Backstage's scaffolder: right by its own rules, and their steps lead to what our API takes."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml
from jsonschema import Draft7Validator

from portal.api.backstage_templates import MOVING, outcome_row
from portal.api.reference import document
from provisioning.domain.backstage_template import form_of
from provisioning.models import Change, ChangeEvent, Environment
from tests.personas import NOW

pytestmark = pytest.mark.django_db

NAME = {"type": "string", "pattern": r"^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$", "maxLength": 63}
TEXT = {"type": "string", "minLength": 1}
PAGE = {
    "type": "object",
    "properties": {"title": TEXT, "properties": {"type": "object"}, "required": {"type": "array", "items": TEXT}},
}
TEMPLATE = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"enum": ["scaffolder.backstage.io/v1beta3"]},
        "kind": {"enum": ["Template"]},
        "metadata": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": NAME,
                "title": TEXT,
                "description": TEXT,
                "tags": {
                    "type": "array",
                    "items": {"type": "string", "pattern": r"^[a-z0-9:+#]+(-[a-z0-9:+#]+)*$", "maxLength": 63},
                },
            },
        },
        "spec": {
            "type": "object",
            "required": ["type", "steps"],
            "properties": {
                "type": TEXT,
                "owner": TEXT,
                "parameters": {"oneOf": [PAGE, {"type": "array", "items": PAGE}]},
                "steps": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["action"],
                        "properties": {
                            "id": TEXT,
                            "name": TEXT,
                            "action": TEXT,
                            "input": {"type": "object"},
                            "if": {"type": ["string", "boolean"]},
                        },
                    },
                },
                "output": {
                    "type": "object",
                    "properties": {
                        "links": {
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "object",
                                "properties": {"url": TEXT, "title": TEXT, "icon": TEXT, "entityRef": TEXT},
                            },
                        },
                        "text": {"type": "array"},
                    },
                },
            },
        },
    },
}
"""What the scaffolder asks of a template, restated from Backstage's schema of Template v1beta3."""


@pytest.fixture
def templates(api) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(api("developer").get("backstage/templates.yaml").content))


def test_there_is_one_for_each_capability_and_two_more(templates):
    names = [one["metadata"]["name"] for one in templates]
    assert {"slipway-postgres", "slipway-web-service", "slipway-new-environment", "slipway-promote"} <= set(names)
    assert len(names) == len(set(names)) == 16


def test_each_keeps_the_rules_of_template_v1beta3(templates):
    for one in templates:
        assert list(Draft7Validator(TEMPLATE).iter_errors(one)) == [], one["metadata"]["name"]
        for page in one["spec"]["parameters"]:
            Draft7Validator.check_schema(page)
            assert set(page.get("required", [])) <= set(page["properties"])


def test_no_hint_of_ours_is_left_and_every_expression_is_one_of_its_own(templates):
    for one in templates:
        text = yaml.safe_dump(one["spec"]["parameters"])
        assert "x-" not in re.sub(r"[\w.]x-", "", text.replace("x-amz", "")), one["metadata"]["name"]
        asked = {name for page in one["spec"]["parameters"] for name in page["properties"]}
        steps = yaml.safe_dump(one["spec"]["steps"])
        assert set(re.findall(r"\$\{\{ parameters\.(\w+) \}\}", steps)) <= asked
        asks = {step["input"]["headers"]["slipway-on-behalf-of"] for step in one["spec"]["steps"]}
        assert asks == {"${{ user.ref or '?' }}"}


def test_each_call_is_one_that_our_api_takes(templates):
    paths = document()["paths"]
    for one in templates:
        for step in one["spec"]["steps"]:
            given = step["input"]
            path = given["path"].removeprefix("/proxy/slipway").partition("?")[0]
            pattern = re.sub(r"\\\$\\\{\\\{.*?\\\}\\\}", r"{[^/]+}", re.escape(path))
            found = [known for known in paths if re.fullmatch(pattern, known)]
            assert found, path
            assert given["method"].lower() in paths[found[0]]
            if given["method"] == "POST":
                assert given["headers"]["content-type"] == "application/json"


def test_with_the_module_one_action_asks_and_waits_and_names_nobody(api):
    made = list(yaml.safe_load_all(api("developer").get("backstage/templates.yaml?by=action").content))
    for one in made:
        assert list(Draft7Validator(TEMPLATE).iter_errors(one)) == []
        (step,) = one["spec"]["steps"]
        assert step["action"] == "slipway:change:ask"
        assert "user." not in str(step)
        assert one["spec"]["output"]["links"][0]["url"] == "${{ steps.told.output.links.change }}"
    postgres = next(one for one in made if one["metadata"]["name"] == "slipway-postgres")
    assert set(postgres["spec"]["steps"][0]["input"]["resource"]) == {"name", "capability", "inputs"}


def test_it_waits_ten_minutes_as_the_module_does_and_reads_the_end_from_a_step_that_always_runs(templates):
    module = (Path(__file__).parents[3] / "deploy" / "backstage" / "src" / "action.ts").read_text()
    rounds, seconds = (re.search(rf"const {name} = '?(\d+)", module)[1] for name in ("ROUNDS", "SECONDS"))
    for one in templates:
        ask, *waits, told = one["spec"]["steps"]
        assert (len(waits), {step["input"]["path"].rpartition("wait=")[2] for step in waits}) == (
            int(rounds),
            {f"{seconds}&must=succeed"},
        )
        assert [step["id"] for step in (ask, *waits, told)] == ["ask", *(f"wait{n + 1}" for n in range(12)), "told"]
        assert not {"if"} & (ask.keys() | waits[0].keys() | told.keys())
        for before, step in pairwise(waits):
            assert step["if"] == f"${{{{ steps.{before['id']}.output.body.state in {list(MOVING)} }}}}"
        shown = yaml.safe_dump(one["spec"]["output"])
        assert set(re.findall(r"steps\.(\w+)\.", shown)) == {"told"}


@pytest.mark.parametrize("left", [{}, {"from": ""}], ids=["left out", "empty"])
def test_a_system_gets_its_first_environment_by_the_template_that_names_no_other(api, templates, left):
    new = next(one for one in templates if one["metadata"]["name"] == "slipway-new-environment")
    (page, _) = new["spec"]["parameters"]
    assert page["required"] == ["system", "environment", "stage"]
    body = {key: value for key, value in new["spec"]["steps"][0]["input"]["body"].items() if key != "from"} | left
    for name, given in {"system": "checkout", "environment": "first", "stage": "dev", "reason": ""}.items():
        body = yaml.safe_load(yaml.safe_dump(body).replace(f"${{{{ parameters.{name} }}}}", given))

    answer = api("developer").post("changes/", {**body, "reason": ""})

    assert answer.status_code == 202, answer.content
    change = Change.objects.get(pk=answer.json()["id"])
    assert (change.environment_name, change.target["resources"]) == ("first", {})


def test_hints_are_translated():
    made = form_of(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["size"],
            "properties": {
                "rare": {"type": "string", "x-advanced": True, "x-order": 1, "maxLength": 9_000},
                "size": {"type": "string", "enum": ["s", "l"], "x-labels": {"s": "Small"}, "x-order": 2},
                "disk": {"type": "integer", "title": "Disk", "x-unit": "GiB", "x-placeholder": "10", "x-order": 1},
            },
        }
    )
    assert made["ui:order"] == ["disk", "size", "rare", "*"]
    assert made["properties"]["size"]["enumNames"] == ["s: Small", "l"]
    assert made["properties"]["disk"] == {"type": "integer", "title": "Disk (GiB)", "ui:placeholder": "10"}
    assert made["properties"]["rare"]["ui:widget"] == "textarea"


def test_an_unchanged_answer_is_304_and_another_proxy_is_another_answer(api):
    developer = api("developer")
    first = developer.get("backstage/templates.yaml")
    assert developer.get("backstage/templates.yaml", If_None_Match=first["ETag"]).status_code == 304
    other = developer.get("backstage/templates.yaml?proxy=idp")
    assert other["ETag"] != first["ETag"]
    assert "/proxy/idp/api/v1/" in other.content.decode()
    for wrong in ("", "A", "${{ secrets }}", "a/b", "x" * 41):
        assert developer.get(f"backstage/templates.yaml?{urlencode({'proxy': wrong})}").status_code == 400
    one = developer.get("backstage/templates/slipway-postgres.yaml")
    assert yaml.safe_load(one.content)["metadata"]["name"] == "slipway-postgres"
    assert developer.get("backstage/templates/slipway-nothing.yaml").status_code == 404


def test_what_a_template_sends_adds_one_resource_and_leaves_the_rest(api, living):
    body = {"name": "reports", "capability": "postgres@1", "inputs": {"storageGiB": 5}, "reason": "Reports"}
    answer = api("developer").post("environments/checkout/try/resources/", body)
    assert answer.status_code == 202
    change = Change.objects.get(pk=answer.json()["id"])
    had = Environment.objects.get(name="try").observed.document["resources"]
    assert change.target["resources"].keys() == had.keys() | {"reports"}
    assert {name: change.target["resources"][name] for name in had} == had
    again = api("developer").post("environments/checkout/try/resources/", {**body, "name": "db"})
    assert (again.status_code, again.json()["code"]) == (409, "exists")


def test_the_last_step_gets_links_and_words(api, living):
    said = api("developer").get(f"backstage/changes/{living.pk}?wait=5").json()
    assert (said["state"], said["over"]) == ("succeeded", True)
    assert said["links"]["environment"].endswith("/environments/checkout/try/")
    assert said["links"]["run"].endswith(f"/runs/{living.runs.get().pk}/")
    assert api("developer").get(f"backstage/changes/{living.pk}?wait=900").status_code == 400


def test_what_waits_for_people_is_answered_at_once(api, waiting):
    said = api("developer").get(f"backstage/changes/{waiting.pk}?wait=50").json()
    assert (said["state"], said["over"], said["message"]) == ("pending", False, "It waits for people to agree.")
    assert said["links"]["run"] == said["links"]["change"] == outcome_row(waiting)["links"]["change"]


ENDS = {
    "pending": (200, "It waits for people to agree."),
    "running": (200, "It is under way."),
    "succeeded": (200, "It is done."),
    "denied": (409, "It was denied by a policy or a quota. Production keeps two replicas."),
    "rejected": (409, "Somebody did not agree. Not before the sale."),
    "failed": (409, "It failed; the run says why and what to do. The api ends again and again."),
}


@pytest.mark.parametrize("state", ENDS)
def test_a_change_that_does_not_end_well_fails_the_last_step_of_a_template(api, waiting, templates, state):
    status, words = ENDS[state]
    Change.objects.filter(pk=waiting.pk).update(state=state)
    said = words.partition(". ")[2]
    for text in ("", said, ""):
        ChangeEvent.objects.create(change=waiting, at=NOW, actor_name="x", event="x", state=state, text=text)
    paths = {tuple(step["input"]["path"] for step in one["spec"]["steps"][1:]) for one in templates}
    assert len(paths) == 1
    *waits, last = paths.pop()
    step = waits[-1]
    assert step.replace("wait=50&", "") == last
    path = step.removeprefix("/proxy/slipway/api/v1/").replace("${{ steps.ask.output.body.id }}", str(waiting.pk))

    asked = api("developer").get(path.replace("wait=50", "wait=0"))
    told = api("developer").get(path.partition("?")[0])

    assert (asked.status_code, asked.json()["message"]) == (status, words)
    assert asked.headers["Content-Type"].startswith("application/json")
    assert asked.json()["links"]["change"].endswith(f"/changes/{waiting.pk}/")
    assert (told.status_code, told.json()) == (200, asked.json())

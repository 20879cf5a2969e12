"""The OpenAPI document, its page, the pages of problems and the schemas of documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from portal.api.bodies import check_body
from portal.api.codes import CODES
from portal.api.shapes import SHAPES
from tests.portal.api.client import document

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[3]
NOT_KEPT = {
    "agents_create",
    "agents_token",
    "login_ask",
    "login_take",
    "tokens_exchange",
    "backstage_sources_hook",
    "backstage_push",
    "git_sources_hook",
    "git_push",
}
"""A POST whose answer holds a secret, or that knows by itself what it was told before, is not kept for a repeat."""
SOURCES = ("idp", "governance", "provisioning", "portal")


def operations() -> list[tuple[str, str, dict]]:
    return [
        (path, method, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_an_openapi_3_1_document(api):
    served = api().get("openapi.json").json()
    assert served == document()
    assert served["openapi"].startswith("3.1")
    assert set(served["components"]["securitySchemes"]) == {"token", "session"}
    assert {tag["name"] for tag in served["tags"]} >= {one["tags"][0] for _, _, one in operations()}


def test_it_has_stable_ids_that_are_unique():
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids)) > 60
    assert {"plans_make", "changes_submit", "changes_approve", "environments_read", "runs_events"} <= set(ids)
    assert all(re.fullmatch(r"[a-z_]+", one) for one in ids)


def test_every_reference_leads_somewhere():
    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for inner in node.values():
                yield from references(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from references(inner)

    for reference in set(references(document())):
        target = document()
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_every_shape_is_json_schema_and_its_examples_fit(name):
    Draft202012Validator.check_schema(SHAPES[name])
    for example in SHAPES[name].get("examples", ()):
        check_body(example, name)


def test_every_body_has_an_example():
    exempt = {"ContractDocument"}
    for path, method, operation in operations():
        body = operation.get("requestBody")
        if body:
            content = body["content"]["application/json"]
            name = content["schema"]["$ref"].rpartition("/")[2]
            assert content.get("examples") or name in exempt, f"{method} {path}"


def test_every_operation_names_its_problems_and_every_edit_its_version():
    for path, method, operation in operations():
        assert {"401", "429", "500"} <= set(operation["responses"]), path
        if method in ("put", "patch", "delete"):
            assert {"412", "428"} <= set(operation["responses"]), path
            assert "If-Match" in [one["name"] for one in operation["parameters"]], path
        if method == "post":
            named = "Idempotency-Key" in [one["name"] for one in operation.get("parameters", ())]
            assert named == (operation["operationId"] not in NOT_KEPT), path


def test_every_code_in_the_source_is_explained():
    found = set()
    for folder in SOURCES:
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if "idp.kernel.errors" in text or "portal.api.faults" in text or file.name == "errors.py":
                found |= set(re.findall(r"""\bcode\s*=\s*["']([a-z]+(?:-[a-z]+)*)["']""", text))
    unexplained = found - set(CODES) - {"error"}
    assert not unexplained


def test_the_page_shows_every_operation_without_script(client: Client):
    page = client.get("/api/v1/docs")
    text = page.content.decode()
    assert page.status_code == 200
    for _, _, operation in operations():
        assert f'id="{operation["operationId"]}"' in text
    assert "<script" not in text
    assert "style=" not in text
    assert "unsafe-inline" not in page["Content-Security-Policy"]


@pytest.mark.parametrize(("code", "status"), [("stale-plan", 200), ("never-heard-of", 404)])
def test_a_problems_type_leads_to_a_page(client: Client, code, status):
    page = client.get(f"/api/v1/problems/{code}")
    assert page.status_code == status
    assert f"<h1>{code}</h1>" in page.content.decode()


@pytest.mark.parametrize("kind", ["contract", "environment", "policy"])
def test_it_serves_the_schemas_of_documents(api, kind):
    schema = api().get(f"schemas/{kind}.json").json()
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["kind"]


def test_it_knows_no_other_schema(api):
    assert api().get("schemas/pet.json").status_code == 404

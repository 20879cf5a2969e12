"""Capabilities and contracts over the API."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest
import yaml

from portal.api.deprecation import deprecation_headers
from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Contract

pytestmark = pytest.mark.django_db


def contract_document(**metadata: str) -> dict:
    data = deepcopy(dict(builtin_documents())["postgres/1.0.0.yaml"].data)
    data["metadata"].update(metadata)
    return data


def test_it_lists_and_reads_capabilities(api, living):
    names = [one["name"] for one in api("viewer").get("capabilities/").json()["items"]]
    assert names == sorted(names)
    assert {"postgres", "route", "web-service"} <= set(names)
    read = api("viewer").get("capabilities/postgres/").json()
    assert [one["version"] for one in read["contracts"]] == ["2.0.0", "1.0.0"]
    assert read["usage"] == [{"version": "1.0.0", "resources": 1}]
    assert read["readme"]


def test_it_reads_a_contract_whole(api, organisation):
    read = api("viewer").get("capabilities/postgres/contracts/1.0.0/").json()
    assert read["document"]["metadata"] == {"capability": "postgres", "version": "1.0.0"}


@pytest.mark.parametrize(
    "path", ["capabilities/none/", "capabilities/none/contracts/", "capabilities/postgres/contracts/9.9.9/"]
)
def test_it_says_what_is_not_there(api, organisation, path):
    assert api("viewer").get(path).status_code == 404


@pytest.mark.parametrize("media", ["application/json", "application/yaml"])
def test_it_publishes(api, organisation, media):
    body = contract_document(version="1.1.0")
    raw = yaml.safe_dump(body).encode() if media.endswith("yaml") else __import__("json").dumps(body).encode()
    made = api("admin").call("POST", "capabilities/postgres/contracts/", raw, media=media)
    assert made.status_code == 201, made.content
    assert made["Location"] == "/api/v1/capabilities/postgres/contracts/1.1.0/"
    assert Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


def test_it_publishes_a_new_capability(api, organisation):
    made = api("admin").post("capabilities/archive/contracts/", contract_document(capability="archive"))
    assert made.status_code == 201
    assert Capability.objects.filter(name="archive").exists()


def test_it_never_changes_what_is_published(api, organisation):
    body = contract_document()
    body["spec"]["summary"] = "Something else."
    refused = api("admin").post("capabilities/postgres/contracts/", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "version-exists")


def test_it_names_the_line_of_what_is_wrong_in_yaml(api, organisation):
    body = contract_document(version="1.1.0")
    body["spec"]["usage"] = {"cpu": "${nonsense.x}"}
    text = yaml.safe_dump(body, sort_keys=False)
    refused = api("admin").call("POST", "capabilities/postgres/contracts/", text.encode(), media="application/yaml")
    assert refused.status_code == 422
    [error] = [one for one in refused.json()["errors"] if one["path"].startswith("spec.usage.cpu")]
    assert "nonsense" in text.splitlines()[error["line"] - 1]


def test_it_refuses_a_document_of_another_capability(api, organisation):
    refused = api("admin").post("capabilities/route/contracts/", contract_document(version="1.1.0"))
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (422, "metadata.capability")


@pytest.mark.parametrize("persona", ["viewer", "developer", "maintainer", "auditor", "stranger"])
def test_it_lets_admins_publish_only(api, organisation, persona):
    refused = api(persona).post("capabilities/postgres/contracts/", contract_document(version="1.1.0"))
    assert refused.status_code == 403
    assert not Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


@pytest.mark.parametrize(
    ("state", "spec", "expected"),
    [
        pytest.param("stable", {"deprecated": "2026-01-01"}, {}, id="stable"),
        pytest.param("deprecated", {}, {"Link"}, id="no-dates"),
        pytest.param("deprecated", {"deprecated": "2026-01-01"}, {"Link", "Deprecation"}, id="since"),
        pytest.param(
            "deprecated",
            {"deprecated": "2026-01-01", "sunset": "2026-06-01"},
            {"Link", "Deprecation", "Sunset"},
            id="both",
        ),
        pytest.param(
            "deprecated", {"deprecated": "2026-01-01", "sunset": "2025-06-01"}, {"Link", "Deprecation"}, id="end-first"
        ),
        pytest.param("deprecated", {"deprecated": "soon"}, {"Link"}, id="not-a-date"),
    ],
)
def test_it_announces_the_end_of_a_contract(state, spec, expected):
    contract = Contract(capability=Capability(name="postgres"), version="1.0.0", state=state, document={"spec": spec})
    headers = deprecation_headers(contract)
    assert set(headers) == set(expected)
    if "Deprecation" in headers:
        assert headers["Deprecation"] == f"@{int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())}"
    if "Sunset" in headers:
        assert headers["Sunset"] == "Mon, 01 Jun 2026 00:00:00 GMT"


def test_it_checks_a_contract_and_stores_nothing(api, organisation):
    body = contract_document(version="1.1.0")
    read = api("admin").post("contract-checks/", body).json()
    assert (read["capability"], read["version"], read["before"]) == ("postgres", "1.1.0", "1.0.0")
    assert (read["may_be_published"], read["found"], read["breaking"]) == (True, [], [])
    assert not Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


def test_a_check_names_the_line_of_what_is_wrong(api, organisation):
    body = contract_document(version="1.1.0")
    body["spec"]["publish"]["host"] = "${nothing.here}"
    raw = yaml.safe_dump(body, sort_keys=False).encode()
    read = api("admin").call("POST", "contract-checks/", raw, media="application/yaml").json()
    assert not read["may_be_published"]
    (found,) = read["found"]
    assert "nothing" in raw.decode().splitlines()[found["line"] - 1]


def test_a_check_says_what_a_version_would_take_away(api, organisation):
    body = contract_document(version="1.1.0")
    del body["spec"]["outputs"]["host"]
    del body["spec"]["publish"]["host"]
    read = api("admin").post("contract-checks/", body).json()
    assert (read["may_be_published"], read["allowed"]) == (False, False)
    assert any("host" in one for one in read["breaking"])


def test_a_check_of_what_is_no_contract_says_so(api, organisation):
    body = contract_document(version="soon")
    read = api("admin").post("contract-checks/", body).json()
    assert not read["may_be_published"]
    assert [one["path"] for one in read["found"]] == ["metadata.version"]

"""Blast radii over the API: asked for, watched, read by pages."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test.utils import CaptureQueriesContext

from provisioning.contracts import builtin_documents
from provisioning.models import BlastReport, Capability, Change
from provisioning.orchestrator.blast import blast_advance
from tests.personas import Organisation
from tests.portal.api.conftest import Caller
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db

DRAFT = "capabilities/web-service/contracts/blast-radius/"
PUBLISHED = "capabilities/web-service/contracts/1.2.0/blast-radius/"


def document(version: str = "1.3.0", **metadata: str) -> dict[str, Any]:
    """The built-in web-service with other pods."""
    data = deepcopy(dict(dict(builtin_documents())["web-service/1.2.0.yaml"].data))
    data["metadata"] |= {"version": version, **metadata}
    data["spec"]["objects"]["server"]["manifest"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    return data


def test_it_says_how_far_it_is_and_then_what_it_found(api: Caller, living: Change) -> None:
    asked = api("admin").post(DRAFT, document())
    assert (asked.status_code, asked["Retry-After"]) == (202, "1")
    assert (asked.json()["state"], asked.json()["environments_done"]) == ("queued", 0)
    blast_advance(asked.json()["id"])
    read = api("admin").get(asked.json()["url"].removeprefix("/api/v1/"))
    assert (read.status_code, read.json()["state"], read.json()["counts"]) == (200, "succeeded", {"restarts": 1})
    [team] = read.json()["teams"]
    assert (team["team"], team["counts"], team["over_quota"]) == ("payments", {"restarts": 1}, [])
    again = api("admin").post(DRAFT, document())
    assert (again.status_code, again.json()["id"]) == (200, read.json()["id"])


def test_yaml_is_read_as_well(api: Caller, living: Change) -> None:
    text = yaml.safe_dump(document(), sort_keys=False).encode()
    assert api("admin").call("POST", DRAFT, text, media="application/yaml").status_code == 202


def test_a_published_version_has_one_too(api: Caller, living: Change) -> None:
    asked = api("admin").get(PUBLISHED)
    assert (asked.status_code, asked.json()["published"]) == (202, True)
    blast_advance(asked.json()["id"])
    read = api("admin").get(PUBLISHED)
    assert (read.status_code, read.json()["counts"]) == (200, {"unchanged": 1})
    assert api("admin").get("capabilities/web-service/contracts/9.9.9/blast-radius/").status_code == 404


def test_it_pages_through_the_resources(api: Caller, organisation: Organisation) -> None:
    for name in ("one", "two", "three"):
        create(organisation, name)
    report = api("admin").post(DRAFT, document()).json()
    blast_advance(report["id"])
    path = report["items_url"].removeprefix("/api/v1/")
    first = api("admin").get(f"{path}?limit=2").json()
    assert [one["environment"] for one in first["items"]] == ["one", "three"]
    rest = api("admin").get(first["next"].removeprefix("/api/v1/")).json()
    assert ([one["environment"] for one in rest["items"]], rest["next"]) == (["two"], None)
    [changed] = first["items"][0]["objects"]
    assert changed["lines"][0]["path"] == "spec.template.spec.terminationGracePeriodSeconds"
    assert api("admin").get(f"{path}?outcome=unchanged").json()["items"] == []
    assert len(api("admin").get(f"{path}?outcome=affected&team=payments").json()["items"]) == 3
    assert api("admin").get(f"{path}?outcome=perhaps").status_code == 400


def test_looking_again_makes_another_report_only_when_something_moved(
    api: Caller, living: Change, organisation: Organisation
) -> None:
    report = api("admin").post(DRAFT, document()).json()
    blast_advance(report["id"])
    again = f"blast-radius/{report['id']}/again/"
    assert api("admin").post(again, {}).json()["id"] == report["id"]
    create(organisation, "more")
    moved = api("admin").post(again, {})
    assert (moved.status_code, moved.json()["id"] != report["id"]) == (202, True)
    assert api("admin").get(f"blast-radius/{report['id']}/").json()["environments"] == 1


def test_it_refuses_what_is_no_draft_of_this_capability(api: Caller, organisation: Organisation) -> None:
    assert api("admin").post(DRAFT, document(capability="postgres")).status_code == 422
    broken = document()
    broken["spec"]["usage"] = {"cpu": "${nonsense.x}"}
    refused = api("admin").post(DRAFT, broken)
    assert (refused.status_code, refused.json()["code"]) == (422, "contract-refused")
    assert not BlastReport.objects.exists()


def test_maintainers_of_the_owner_may_and_others_may_not(
    api: Caller, living: Change, organisation: Organisation
) -> None:
    Capability.objects.filter(name="web-service").update(owner=organisation.storefront)
    assert api("storefront_maintainer").get(PUBLISHED).status_code == 202
    assert api("maintainer").get(PUBLISHED).status_code == 403
    assert api("maintainer").post(DRAFT, document()).status_code == 403
    assert api("admin", "read").get(PUBLISHED).status_code == 403


def test_a_page_of_resources_asks_as_often_for_many_as_for_few(api: Caller, organisation: Organisation) -> None:
    counts = []
    for names in (("one",), ("two", "three", "four", "five")):
        for name in names:
            create(organisation, name)
        report = api("admin").post(DRAFT, document()).json()
        blast_advance(report["id"])
        client = api("admin")
        client.get("me")  # the first use of a token in an hour is noted
        with CaptureQueriesContext(connection) as captured:
            client.get(report["items_url"].removeprefix("/api/v1/"))
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 6

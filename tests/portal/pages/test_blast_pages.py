"""The pages of a blast radius: asked for from a version and from a draft, live, filtered, opened, downloaded."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from portal.drawing.impacts import impact_bar
from provisioning.contracts import builtin_documents
from provisioning.models import BlastItem, BlastReport, Capability
from provisioning.orchestrator import blast
from provisioning.services.blast_reports import blast_claim, blast_of_draft, blast_settle
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, create, spec

pytestmark = pytest.mark.django_db

CEILING = 12
SignIn = Callable[[str], Client]


@pytest.fixture
def organisation(equipped: Organisation) -> Organisation:
    Capability.objects.filter(name="web-service").update(owner=equipped.storefront)
    create(equipped, "one")
    create(equipped, "two", api={"replicas": 1})
    return equipped


def document(version: str = "1.3.0", *, grace: Any = 60, **inside: Any) -> dict[str, Any]:
    data: dict[str, Any] = deepcopy(dict(dict(builtin_documents())["web-service/1.2.0.yaml"].data))
    data["metadata"]["version"] = version
    data["spec"]["objects"]["server"]["manifest"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = grace
    data["spec"] |= inside
    return data


def report_of(organisation: Organisation, data: dict[str, Any] | None = None, *, worked: bool = True) -> BlastReport:
    report = blast_of_draft(organisation.actor("admin"), document=data or document(), now=NOW)
    if worked:
        blast.blast_advance(report.pk)
        report.refresh_from_db()
    return report


def text_of(client: Client, report: BlastReport, query: str = "") -> str:
    answer = client.get(reverse("blast-report", args=[report.pk]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_version_leads_to_its_report(organisation: Organisation, sign_in: SignIn) -> None:
    client = sign_in("storefront_maintainer")
    page = client.get(reverse("capability", args=["web-service"])).content.decode()
    link = reverse("contract-blast", args=["web-service", "1.2.0"])
    assert link in page
    assert link not in sign_in("developer").get(reverse("capability", args=["web-service"])).content.decode()
    report = client.get(link)
    assert (report.status_code, report["Location"]) == (302, f"/blast-radius/{BlastReport.objects.get().pk}/")
    assert client.get(link)["Location"] == report["Location"]


def test_a_draft_leads_to_its_report(organisation: Organisation, sign_in: SignIn) -> None:
    client, address = sign_in("admin"), reverse("contract-new", args=["web-service"])
    text = yaml.safe_dump(document(), sort_keys=False)
    checked = client.post(address, {"do": "check", "text": text}).content.decode()
    assert "Show the blast radius" in checked
    asked = client.post(address, {"do": "blast", "text": text})
    assert asked["Location"] == f"/blast-radius/{BlastReport.objects.get().pk}/"
    refused = client.post(address, {"do": "blast", "text": "kind: Contract"})
    assert refused.status_code == 422
    assert BlastReport.objects.count() == 1


def test_it_shows_teams_environments_and_resources(organisation: Organisation, sign_in: SignIn) -> None:
    page = text_of(sign_in("admin"), report_of(organisation))
    for shown in ("Blast radius of web-service 1.3.0", "Draft", "Payments", "checkout / one", "checkout / two"):
        assert shown in page
    assert "Deployment api restarts its pods." in page
    assert "It reaches every living resource of web-service 1.x" in page
    assert 'aria-label="2 restarts pods"' in page
    assert "hx-get" not in page.split('id="report"')[0].rsplit("<main", 1)[-1], "it is over, so nothing polls"


def test_it_says_who_goes_over_the_quota(organisation: Organisation, sign_in: SignIn) -> None:
    quota_set(PLATFORM, team=organisation.payments, cpu=6, memory_gib=40, storage_gib=500, environments=10, now=NOW)
    page = text_of(sign_in("admin"), report_of(organisation, document(usage={"cpu": 8})))
    assert "Goes over" in page
    assert "of 6 left" in page


def test_it_is_live_until_it_is_over(organisation: Organisation, sign_in: SignIn) -> None:
    report, client = report_of(organisation, worked=False), sign_in("admin")
    page = text_of(client, report)
    assert "Waits for a worker" in page
    assert f'hx-get="{reverse("blast-progress", args=[report.pk])}"' in page
    progress = reverse("blast-progress", args=[report.pk])
    assert client.get(progress).status_code == 200
    claim = blast_claim(report.pk, owner="me", lease=timedelta(seconds=30), now=Clock()())
    assert claim is not None
    blast_settle(claim, done=1, impacts=[], now=Clock()())
    assert "1 of 2 environments" in client.get(progress).content.decode()
    report.refresh_from_db()
    BlastReport.objects.update(lease_until=None)
    blast.blast_advance(report.pk)
    last = client.get(progress)
    assert last.status_code == 286
    assert "<html" not in last.content.decode()


@pytest.mark.parametrize(
    ("query", "shown", "missing"),
    [
        pytest.param("", ["checkout / one"], ["vault / safe"], id="whatever-changes"),
        pytest.param("?verdict=unchanged", ["vault / safe"], ["checkout / one"], id="one-outcome"),
        pytest.param("?verdict=all", ["vault / safe", "checkout / one"], [], id="all"),
        pytest.param("?verdict=all&team=payments", ["vault / safe"], [], id="a-team"),
        pytest.param("?verdict=fails", ["Nothing of this kind"], ["checkout / one"], id="none"),
        pytest.param("?verdict=nonsense&team=none&cursor=x", ["checkout / one"], [], id="nonsense"),
    ],
)
def test_it_filters_by_the_address(
    organisation: Organisation, sign_in: SignIn, query: str, shown: list[str], missing: list[str]
) -> None:
    change_submit(organisation.actor("developer"), ChangeRequest("create", "vault", "safe", spec=spec()), now=NOW)
    only = document(grace='${system.name == "checkout" ? 60 : 30}')
    page = text_of(sign_in("admin"), report_of(organisation, only), query)
    rows = page.split('id="rows"')[1]
    assert all(one in rows for one in shown)
    assert not any(one in rows for one in missing)


def test_it_shows_what_differs_of_one_resource(organisation: Organisation, sign_in: SignIn) -> None:
    report, client = report_of(organisation), sign_in("admin")
    item = BlastItem.objects.filter(report=report).first()
    assert item is not None
    address = reverse("blast-item", args=[report.pk, item.pk])
    whole = client.get(address).content.decode()
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    for text in (whole, part):
        assert "spec.template.spec.terminationGracePeriodSeconds" in text
        assert "Restarts its pods." in text
    assert "<html" in whole
    assert "<html" not in part
    other = report_of(organisation, document("1.3.0", grace=70))
    assert client.get(reverse("blast-item", args=[other.pk, item.pk])).status_code == 404


def test_restricted_systems_are_counted_only(organisation: Organisation, sign_in: SignIn) -> None:
    change_submit(organisation.actor("developer"), ChangeRequest("create", "vault", "safe", spec=spec()), now=NOW)
    report, client = report_of(organisation), sign_in("storefront_maintainer")
    page = text_of(client, report)
    assert "1 more resource is in systems that you may not see." in page
    assert "vault" not in page
    hidden = BlastItem.objects.get(report=report, system__slug="vault")
    assert client.get(reverse("blast-item", args=[report.pk, hidden.pk])).status_code == 404
    for form in ("json", "csv"):
        answer = client.get(reverse("blast-download", args=[report.pk, form]))
        assert b"vault" not in b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert "vault / safe" in text_of(sign_in("admin"), report)


def test_it_is_downloaded_whole(organisation: Organisation, sign_in: SignIn) -> None:
    report, client = report_of(organisation), sign_in("admin")
    answer = client.get(reverse("blast-download", args=[report.pk, "json"]))
    assert answer["Content-Disposition"].startswith("attachment")
    data = json.loads(b"".join(answer.streaming_content))  # type: ignore[attr-defined]
    assert (data["counts"], len(data["items"]), data["teams"][0]["team"]) == ({"restarts": 2}, 2, "payments")
    table = client.get(reverse("blast-download", args=[report.pk, "csv"]))
    lines = list(csv.DictReader(b"".join(table.streaming_content).decode().splitlines()))  # type: ignore[attr-defined]
    assert [(one["environment"], one["outcome"], one["objects"]) for one in lines] == [
        ("one", "restarts", "updated Deployment api"),
        ("two", "restarts", "updated Deployment api"),
    ]
    assert client.get(reverse("blast-download", args=[report.pk, "exe"])).status_code == 404


def test_it_says_when_the_fleet_has_moved_and_looks_again(organisation: Organisation, sign_in: SignIn) -> None:
    report, client = report_of(organisation), sign_in("admin")
    again = reverse("blast-again", args=[report.pk])
    assert "has moved since" not in text_of(client, report)
    assert client.post(again)["Location"] == reverse("blast-report", args=[report.pk])
    from django.core.cache import cache

    cache.clear()
    create(organisation, "three")
    assert "has moved since" in text_of(client, report)
    assert client.post(again)["Location"] != reverse("blast-report", args=[report.pk])


def test_a_failed_report_says_so(organisation: Organisation, sign_in: SignIn) -> None:
    report = report_of(organisation)
    BlastReport.objects.update(state="failed", error="Slipway itself failed.")
    assert "It was not worked out to its end." in text_of(sign_in("admin"), report)


def test_nobody_is_reached(organisation: Organisation, sign_in: SignIn) -> None:
    report = report_of(organisation, document("3.0.0"))
    page = text_of(sign_in("admin"), report)
    assert "Nobody is reached" in page
    assert "2 resources of other majors are not reached (2 on 1.2.0)." in page


def test_the_page_asks_as_often_for_many_as_for_few(organisation: Organisation, sign_in: SignIn) -> None:
    client, counts = sign_in("storefront_maintainer"), []
    for names in ((), ("a", "b", "c", "d", "e")):
        for name in names:
            create(organisation, name)
        report = report_of(organisation)
        text_of(client, report)
        with CaptureQueriesContext(connection) as captured:
            text_of(client, report)
        counts.append(len(captured))
    assert counts[0] == counts[1] <= CEILING


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        pytest.param({}, "Nothing is reached", id="nothing"),
        pytest.param({"unchanged": 999, "fails": 1}, "1 fails, 999 unchanged", id="rare-is-seen"),
        pytest.param({"changed": 2, "odd": 1}, "2 changes", id="unknown-is-left-out"),
    ],
)
def test_the_bar_says_every_share(counts: dict[str, int], said: str) -> None:
    drawn = impact_bar(counts)
    assert f'aria-label="{said}"' in drawn
    assert drawn.count("<rect") == len(set(counts) & {"fails", "replaces", "restarts", "changed", "unchanged"})

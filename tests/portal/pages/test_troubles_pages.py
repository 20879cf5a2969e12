"""What is wrong, the last lines, what hangs and what belongs to nobody, as people see it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from provisioning.drivers.sandbox import SandboxDriver
from provisioning.models import Cluster, ClusterWatch, Orphan, Run
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, sandbox

pytestmark = pytest.mark.django_db

HERE = "/environments/checkout/try/"
SECRET = "hunter2hunter2"


@pytest.fixture
def broken(organisation: Organisation) -> Organisation:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation, api={"image": "registry.example/checkout-api:missing"})))
    return organisation


def seen_by(organisation: Organisation, who: str) -> Client:
    client = Client()
    client.force_login(getattr(organisation, who))
    return client


def test_the_page_loads_what_is_wrong_by_itself(broken: Organisation) -> None:
    client = seen_by(broken, "developer")
    assert f'hx-get="{HERE}health"' in client.get(HERE).content.decode()
    part = client.get(f"{HERE}health", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith('<section class="health" id="health"')
    assert "cannot be pulled: not found" in part
    assert "<html" in client.get(f"{HERE}health").content.decode()


def test_it_answers_kindly_when_the_cluster_does_not(broken: Organisation) -> None:
    sandbox().tell("*", "unavailable")
    answer = seen_by(broken, "developer").get(f"{HERE}health")
    assert answer.status_code == 200
    assert "The cluster does not answer now." in answer.content.decode()
    assert seen_by(broken, "developer").get(f"{HERE}resources/api/log").status_code == 200


def test_it_shows_last_lines_without_secrets(broken: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"<script>alert(1)</script> password={SECRET}"
    monkeypatch.setattr(SandboxDriver, "log", lambda *_, ended, most: said)
    body = seen_by(broken, "developer").get(f"{HERE}resources/api/log").content.decode()
    assert "password=" in body
    assert SECRET not in body
    assert "<script>alert" not in body


def test_it_says_since_when_nothing_is_known(broken: Organisation) -> None:
    ClusterWatch.objects.create(
        cluster=Cluster.objects.get(), unreachable_since=timezone.now(), unreachable_why="Gone."
    )
    body = seen_by(broken, "developer").get(HERE).content.decode()
    assert "Its cluster has not answered for" in body
    assert "Unknown" in body


def test_a_failed_run_offers_the_ways_on(organisation: Organisation) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    from provisioning.services.changes import ChangeRequest, change_submit
    from tests.provisioning.organisation import spec

    asked = ChangeRequest(
        "update", "checkout", "try", spec=spec(api={"image": "registry.example/checkout-api:missing"})
    )
    change = change_submit(organisation.actor("developer"), asked, now=NOW)
    run = carry_out(Run.objects.get(change=change))
    body = seen_by(organisation, "developer").get(f"/runs/{run.pk}/").content.decode()
    assert 'value="resume"' in body
    assert "Ask for a change" in body
    assert f"{HERE}ask/rollback?revision=1" in body
    assert seen_by(organisation, "developer").get(f"{HERE}ask/rollback?revision=1").status_code == 200


def orphan(number: int) -> dict[str, Any]:
    return {
        "cluster": Cluster.objects.get(),
        "api_version": "v1",
        "kind": "ConfigMap",
        "namespace": "gone-long",
        "name": f"settings-{number}",
        "system": "gone",
        "environment": "long",
        "reason": "no-environment",
        "first_seen_at": NOW,
    }


def test_the_list_of_orphans_costs_the_same_with_many(organisation: Organisation) -> None:
    equip(organisation)
    client, counts = seen_by(organisation, "admin"), []
    for begin, end in ((0, 3), (3, 200)):
        Orphan.objects.bulk_create(Orphan(**orphan(number)) for number in range(begin, end))
        client.get("/orphans/")
        with CaptureQueriesContext(connection) as asked:
            assert client.get("/orphans/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 12


def test_an_admin_is_asked_before_an_orphan_goes(organisation: Organisation) -> None:
    equip(organisation)
    row = Orphan.objects.create(**orphan(1))
    client = seen_by(organisation, "admin")
    assert client.post(f"/orphans/{row.pk}/", {"confirm_name": "other"}).status_code == 422
    assert client.post(f"/orphans/{row.pk}/", {"confirm_name": row.name}).status_code == 302
    row.refresh_from_db()
    assert row.state == "deleted"

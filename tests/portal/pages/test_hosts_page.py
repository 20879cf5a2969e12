"""The page of hosts, and what pages say of what a cluster lacks."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from provisioning.models import HostClaim
from provisioning.services.hosts import host_give
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db


def test_it_lists_hosts_and_lets_admins_give_them(equipped: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    sent = {"host": "*.pay.example", "team": "payments", "system": "checkout", "note": "Ticket 4711"}
    assert admin.post("/hosts/", sent).status_code == 302
    text = sign_in("stranger").get("/hosts/").content.decode()
    assert "*.pay.example" in text
    assert "Ticket 4711" in text
    assert "Give it" not in text
    assert admin.post("/hosts/take-back", {"host": "*.pay.example"}).status_code == 302
    assert not HostClaim.objects.exists()


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param({"host": "pay", "team": "payments"}, "Write a host name", id="no host"),
        pytest.param({"host": "pay.example", "team": "payments", "system": "shop"}, "is not a system of", id="system"),
        pytest.param({"host": "pay.example", "team": "payments", "system": "none"}, "no system", id="unknown system"),
        pytest.param({"host": "given.example", "team": "payments"}, "given to team storefront already", id="taken"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(
    equipped: Organisation, sign_in: Any, sent: dict[str, str], told: str
) -> None:
    host_give(equipped.actor("admin"), host="given.example", team=equipped.storefront, now=NOW)
    answer = sign_in("admin").post("/hosts/", sent)
    assert answer.status_code == 422
    assert told in answer.content.decode()


def test_it_asks_as_much_for_many_hosts_as_for_few(equipped: Organisation, sign_in: Any) -> None:
    admin, counted = sign_in("admin"), []
    for start in (0, 5):
        HostClaim.objects.bulk_create(
            HostClaim(
                host=f"h{number}.example",
                team=equipped.payments,
                system=equipped.checkout,
                origin="taken",
                made_by=equipped.developer,
                made_at=NOW,
            )
            for number in range(start, start + 5 if start == 0 else 200)
        )
        admin.get("/hosts/")
        with CaptureQueriesContext(connection) as asked:
            admin.get("/hosts/")
        counted.append(len(asked))
    assert counted[0] == counted[1] <= 12


def test_a_capabilitys_page_says_where_it_cannot_be_had(equipped: Organisation, sign_in: Any, settings: Any) -> None:
    settings.SANDBOX_CUSTOM_KINDS = frozenset()
    text = sign_in("developer").get("/capabilities/postgres/?version=2.0.0").content.decode()
    assert "preview, dev, staging and prod" in text
    assert "postgres 2.0.0 needs the API Cluster (postgresql.cnpg.io/v1)" in text
    assert "Where it can be had" not in sign_in("developer").get("/capabilities/cache/").content.decode()


def test_the_form_offers_what_the_stage_can_have(equipped: Organisation, sign_in: Any, settings: Any) -> None:
    settings.SANDBOX_CUSTOM_KINDS = frozenset()
    text = sign_in("developer").get("/environments/new?system=checkout&capability=postgres").content.decode()
    assert "postgres 1.0.0" in text
    assert "postgres 2.0.0" not in text

"""The page of what an environment lends: looked at, lent, closed, opened and taken back; the borrower's side."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from provisioning.models import Borrowing, Environment, ResourceGrant, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db
URL = "/environments/checkout/try/sharing"
FROM = {"system": "checkout", "environment": "try", "resource": "db"}


@pytest.fixture
def world(organisation: Organisation) -> Organisation:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    return organisation


def lend(client: Any, **fields: str) -> Any:
    looked = client.post(URL, {**fields, "do": "look"})
    return client.post(URL, {**fields, "do": "save", "looked_at": looked.context["looked_at"]})


def borrow(world: Organisation) -> None:
    spec = {"stage": "dev", "resources": {"orders": {"from": FROM}}}
    change = change_submit(world.actor("stranger"), ChangeRequest("create", "shop", "lab", spec=spec), now=NOW)
    carry_out(Run.objects.get(change=change))


def test_it_is_looked_at_before_it_is_lent(world: Organisation, sign_in: Any) -> None:
    client = sign_in("maintainer")
    fields = {"resource": "db", "to_system": "shop", "note": "Orders."}
    assert client.post(URL, {**fields, "do": "save"}).status_code == 200
    assert not ResourceGrant.objects.exists()
    looked = client.post(URL, {**fields, "do": "look"}).content.decode()
    assert "All of shop on cluster" in looked
    assert "credentials" in looked
    assert lend(client, **fields).status_code == 302
    page = client.get(URL).content.decode()
    assert "Nobody" in page
    assert "Orders." in page


def test_who_it_is_lent_to_finds_the_entry_and_the_lender_sees_who_uses_it(world: Organisation, sign_in: Any) -> None:
    maintainer = sign_in("maintainer")
    lend(maintainer, resource="db", to_system="shop")
    create_other = ChangeRequest(
        "create",
        "shop",
        "dev",
        spec={"stage": "dev", "resources": {"cache": {"capability": "cache@1", "inputs": {}}}},
    )
    carry_out(Run.objects.get(change=change_submit(world.actor("stranger"), create_other, now=NOW)))
    taker = sign_in("stranger")
    offered = taker.get("/environments/shop/dev/sharing").content.decode()
    assert "db of checkout/try" in offered
    assert f'id="from-{ResourceGrant.objects.get().pk}"' in offered
    borrow(world)
    used = sign_in("stranger").get("/environments/shop/lab/sharing").content.decode()
    assert "orders" in used
    assert 'href="/environments/checkout/try/"' in used
    page = sign_in("maintainer").get(URL).content.decode()
    assert "shop/lab" in page
    assert "Take back" not in page


def test_it_is_closed_opened_and_taken_back(world: Organisation, sign_in: Any) -> None:
    client = sign_in("maintainer")
    lend(client, resource="db", to_system="shop")
    borrow(world)
    given = ResourceGrant.objects.get()

    def act(what: str) -> str:
        url = reverse("environment-grant", args=["checkout", "try", given.pk, what])
        answer = client.post(url, follow=True)
        given.refresh_from_db()
        return str(answer.content.decode())

    assert "Open again" in act("close")
    assert given.ends_at is not None
    act("open")
    assert given.ends_at is None
    assert "shop/lab uses it" in act("take-back")
    assert given.ended_at is None
    Borrowing.objects.all().delete()
    act("take-back")
    assert given.ended_at is not None


def test_developers_read_and_do_not_lend(world: Organisation, sign_in: Any) -> None:
    client = sign_in("developer")
    assert "Lend a resource" not in client.get(URL).content.decode()
    assert client.post(URL, {"resource": "db", "do": "look"}).status_code == 403


def test_the_page_costs_the_same_for_many_grants(
    world: Organisation, sign_in: Any, django_assert_max_num_queries: Any
) -> None:
    client = sign_in("maintainer")
    for number in range(30):
        ResourceGrant.objects.create(
            environment_id=Run.objects.latest("pk").change.environment_id,
            resource="db",
            to_system=world.systems["shop"],
            to_environment=f"e{number}",
            given_at=NOW,
        )
    client.get(URL)
    with django_assert_max_num_queries(12):
        assert client.get(URL).content.decode().count("Take back db") == 30


def test_the_form_keeps_where_a_resource_comes_from(world: Organisation, sign_in: Any) -> None:
    lend(sign_in("maintainer"), resource="db", to_system="shop")
    borrow(world)
    client, url = sign_in("stranger"), "/environments/shop/lab/edit"
    page = client.get(url).content.decode()
    assert '<input type="hidden" name="r.orders.from" value="checkout/try/db">' in page
    assert "r.orders.inputs" not in page
    fields = {
        "base": "1",
        "r": ["orders", "cache"],
        "r.orders.from": "checkout/try/db",
        "r.cache.capability": "cache@1",
    }
    answer = client.post(url, {**fields, "r.orders.capability": "postgres@1.0.0", "do": "submit"})
    assert answer.status_code == 302
    resources = Environment.objects.get(name="lab").desired.document["resources"]  # type: ignore[union-attr]
    assert (set(resources), resources["orders"]["from"]) == ({"orders", "cache"}, FROM)


def test_a_pasted_entry_is_asked_for(world: Organisation, sign_in: Any) -> None:
    lend(sign_in("maintainer"), resource="db", to_system="shop")
    text = "stage: dev\nresources:\n  orders:\n    from: {system: checkout, environment: try, resource: db}\n"
    client, url = sign_in("stranger"), "/environments/new"
    page = client.post(url, {"system": "shop", "name": "lab", "do": "yaml", "yaml": text}).content.decode()
    assert '<input type="hidden" name="r.orders.from" value="checkout/try/db">' in page
    fields = {"system": "shop", "name": "lab", "stage": "dev", "r": "orders", "r.orders.from": "checkout/try/db"}
    assert client.post(url, {**fields, "do": "submit"}).status_code == 302
    assert Borrowing.objects.get().name == "orders"

"""Each page asks at most twelve queries, and as many with 200 rows as with 10."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import Approval, Reservation
from idp.catalog.models import Component, Dependency
from provisioning.models import Change, Contract, Resource
from tests.personas import NOW, Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db

CEILING = 12
PAGES = {
    "home": ("home", []),
    "systems": ("systems", []),
    "systems of one team": ("systems", [], "?team=payments&q=many"),
    "system": ("system", ["checkout"]),
    "components": ("components", ["checkout"]),
    "component": ("component", ["checkout", "checkout-api"]),
    "system settings": ("system-edit", ["checkout"]),
    "capabilities": ("capabilities", []),
    "capability": ("capability", ["postgres"]),
    "teams": ("teams", []),
    "team": ("team", ["payments"]),
    "account": ("account", []),
    "clusters": ("clusters", []),
    "cluster": ("cluster", ["sandbox"]),
    "search": ("search", [], "?q=many"),
}


def grow(organisation, stages, number, prefix):
    """``number`` more systems with environments, changes, components and uses, all of one team."""
    systems = estate.systems(organisation.payments, number, prefix=f"many-{prefix}")
    made = estate.environments(systems, [stages["dev"], stages["prod"]])
    api = Component.objects.get(slug="checkout-api")
    components = Component.objects.bulk_create(
        Component(
            slug=f"part-{prefix}-{index}", name="many", system=organisation.checkout, type="service", created_at=NOW
        )
        for index in range(number)
    )
    Dependency.objects.bulk_create(Dependency(component=one, needs=api) for one in components)
    database = Contract.objects.get(capability__name="postgres", version="1.0.0")
    Resource.objects.bulk_create(
        Resource(environment=one, name="db", contract=database, component=api, state="ready", changed_at=NOW)
        for one in made
    )
    Reservation.objects.bulk_create(
        Reservation(
            team=organisation.payments,
            environment_id=one.pk,
            label="many",
            state="used",
            cpu=1,
            memory_gib=1,
            storage_gib=1,
            environments=1,
            created_at=NOW,
        )
        for one in made
    )
    changes = Change.objects.bulk_create(
        Change(
            kind="update",
            state="pending",
            system=one.system,
            stage=one.stage,
            environment=one,
            environment_name=one.name,
            plan={},
            plan_digest="c" * 64,
            title="many",
            via="portal",
            requester=organisation.developer,
            created_at=NOW,
        )
        for one in made
    )
    Approval.objects.bulk_create(
        Approval(
            change_id=one.pk,
            plan_digest="c" * 64,
            position=0,
            source="team:maintainer",
            team=organisation.payments,
            count=1,
            reason="",
            policy="p",
        )
        for one in changes
    )


@pytest.fixture
def organisation():
    cache.clear()
    return Organisation.found()


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES.keys())
def test_it_costs_the_same_with_more_rows(client, organisation, page, django_assert_max_num_queries):
    stages = estate.install()
    estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    client.force_login(organisation.maintainer)
    name, arguments, *query = page
    url = reverse(name, args=arguments) + "".join(query)
    grow(organisation, stages, 10, "a")
    # What the shell keeps for seconds may lapse while rows are made, so it is asked anew before each count.
    client.get(url)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert client.get(url).status_code == 200
    grow(organisation, stages, 190, "b")
    client.get(url)
    with django_assert_max_num_queries(CEILING) as many:
        assert client.get(url).status_code == 200
    assert len(many) == len(few), "\n".join(one["sql"][:200] for one in many.captured_queries)


def test_a_fragment_asks_nothing_for_the_shell(client, organisation, django_assert_max_num_queries):
    client.force_login(organisation.developer)
    with django_assert_max_num_queries(11):
        answer = client.get(reverse("search"), {"q": "checkout"}, headers={"hx-request": "true"})
    assert b'id="palette-results"' in answer.content
    assert b"<html" not in answer.content

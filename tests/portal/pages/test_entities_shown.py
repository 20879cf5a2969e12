"""What imported catalogs say, on the pages of systems and components."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.services.backstage_import import entities_import
from governance.services.backstage_reading import gather
from tests.governance.backstage_catalogs import API, COMPONENT, SYSTEM, file, source
from tests.personas import NOW

pytestmark = pytest.mark.django_db
WEB = COMPONENT.format(name="web", owner="payments", system="checkout", needs="resource:bucket")
WEB += "  consumesApis: [ledger-api, vault-api]\n"
CATALOG = "---\n".join(
    [
        SYSTEM.format(name="checkout", owner="payments"),
        SYSTEM.format(name="vault", owner="payments"),
        WEB,
        API.format(name="web-api", owner="payments", system="checkout"),
        API.format(name="ledger-api", owner="payments", system="checkout"),
        API.format(name="vault-api", owner="payments", system="vault"),
    ]
)


@pytest.fixture
def imported(organisation):
    admin = organisation.actor("admin")
    entities_import(admin, source=source("org"), gathered=gather([file(CATALOG)]), now=NOW)
    return organisation


def test_a_component_tells_its_apis_and_what_else_the_catalog_says(imported, sign_in):
    text = sign_in("stranger").get(reverse("component", args=["checkout", "web"])).content.decode()
    told = text.partition('id="told-head"')[2].partition("</section>")[0]
    assert "As org has it" in told
    for word, ref in (("Provides", "web-api"), ("Consumes", "ledger-api")):
        at = reverse("backstage-entity", args=[f"api:default/{ref}"])
        assert f'<dt>{word}</dt><dd class="break"><a href="{at}">' in told
    assert 'resource:default/bucket <span class="muted">not here</span>' in told
    assert "vault-api" not in text
    assert "vault-api" in sign_in("viewer").get(reverse("component", args=["checkout", "web"])).content.decode()


def test_links_that_a_component_has_itself_are_not_told_twice(imported, sign_in):
    text = sign_in("viewer").get(reverse("component", args=["checkout", "web"])).content.decode()
    assert text.count("https://docs.example/web") == 1


def test_a_system_lists_the_apis_of_its_catalog(imported, sign_in):
    client = sign_in("stranger")
    text = client.get(reverse("components", args=["checkout"])).content.decode()
    listed = text.partition('id="entities-head"')[2]
    assert listed.index("api:default/ledger-api") < listed.index("api:default/web-api")
    assert listed.index("api:default/web-api") < listed.index("system:default/checkout")
    narrowed = client.get(reverse("backstage-entities"), {"system": "checkout"}).content.decode()
    assert "web-api" in narrowed
    assert "No entities" not in narrowed


def test_nothing_is_said_where_no_catalog_was_imported(organisation, sign_in):
    client = sign_in("viewer")
    at = reverse("component", args=["checkout", "checkout-api"])
    client.get(at)
    with CaptureQueriesContext(connection) as asked:
        assert 'id="told-head"' not in client.get(at).content.decode()
    assert sum("governance_entity" in one["sql"] for one in asked) == 1
    assert 'id="entities-head"' not in client.get(reverse("components", args=["checkout"])).content.decode()

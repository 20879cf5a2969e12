"""The page of ownership: what waits for an owner, and systems that change hands."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.models import Ownership, Transfer
from idp.catalog.models import System, User
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.models import Change
from tests.personas import Organisation
from tests.portal.pages.test_freeze_pages import text

pytestmark = pytest.mark.django_db


def test_everything_is_owned(organisation: Organisation, sign_in: Any) -> None:
    shown = text(sign_in("viewer").get("/ownership/"))
    assert "Still yours?" in shown  # nobody has worked on the test's systems, which are older than half a year
    User.objects.filter(username__in=("stranger", "storefront_maintainer")).update(is_active=False)
    assert "Nobody is left in Storefront" in text(sign_in("viewer").get("/ownership/"))


def test_restricted_systems_are_not_named_to_strangers(organisation: Organisation, sign_in: Any) -> None:
    assert "vault" not in text(sign_in("stranger").get("/ownership/"))
    assert "vault" in text(sign_in("viewer").get("/ownership/"))


def test_owners_say_that_it_is_still_theirs(organisation: Organisation, sign_in: Any) -> None:
    assert sign_in("developer").post("/systems/checkout/confirm").status_code == 302
    assert Ownership.objects.get().confirmed_by == organisation.developer
    assert "/systems/checkout/confirm" not in text(sign_in("developer").get("/ownership/"))


def test_a_system_changes_hands_on_the_page(organisation: Organisation, sign_in: Any) -> None:
    maintainer, other = sign_in("maintainer"), sign_in("storefront_maintainer")
    url = "/systems/checkout/transfer"
    assert "leave the quota of Payments" in text(maintainer.get(url))
    assert maintainer.post(url, {"team": "storefront", "reason": ""}).status_code == 422
    assert maintainer.post(url, {"team": "storefront", "reason": "Theirs."}).status_code == 302
    row = Transfer.objects.get()
    assert "Waits for a maintainer of Storefront" in text(other.get("/ownership/"))
    assert maintainer.post(url, {"team": "storefront", "reason": "Again."}).status_code == 422
    assert other.post(f"/ownership/transfers/{row.pk}/agree").status_code == 302
    assert System.objects.get(slug="checkout").team == organisation.storefront
    assert other.post(f"/ownership/transfers/{row.pk}/end").status_code == 302
    assert other.post(f"/ownership/transfers/{row.pk}/steal").status_code == 404


def test_the_page_of_a_system_asks_when_nobody_confirmed_it(equipped: Organisation, sign_in: Any) -> None:
    shown = text(sign_in("developer").get("/systems/checkout/"))
    assert "Still yours?" in shown
    assert "Does somebody still own it?" in text(sign_in("stranger").get("/systems/checkout/"))
    sign_in("developer").post("/systems/checkout/confirm")
    assert "Still yours?" not in text(sign_in("developer").get("/systems/checkout/"))


def test_work_of_people_confirms_it_and_that_of_the_platform_does_not(living: Change, sign_in: Any) -> None:
    Change.objects.update(created_at=clock.now())
    assert "Still yours?" not in text(sign_in("developer").get("/systems/checkout/"))
    platform, _ = User.objects.get_or_create(username=PLATFORM.username)
    Change.objects.update(requester=platform)
    assert "Still yours?" in text(sign_in("developer").get("/systems/checkout/"))


def test_the_page_of_a_system_says_that_nobody_owns_it(equipped: Organisation, sign_in: Any) -> None:
    User.objects.filter(username__in=("developer", "maintainer", "second_maintainer")).update(is_active=False)
    shown = text(sign_in("admin").get("/systems/checkout/"))
    assert "Nobody owns it" in shown
    assert "/systems/checkout/transfer" in shown
    assert "/systems/checkout/transfer" not in text(sign_in("viewer").get("/systems/checkout/"))


def test_the_page_of_a_system_says_that_it_changes_hands(equipped: Organisation, sign_in: Any) -> None:
    sign_in("maintainer").post("/systems/checkout/transfer", {"team": "storefront", "reason": "Theirs."})
    assert "A transfer to Storefront waits" in text(sign_in("viewer").get("/systems/checkout/"))


def test_the_hint_costs_no_query(equipped: Organisation, sign_in: Any) -> None:
    asked = []
    for _ in range(2):
        client = sign_in("developer")
        client.get("/systems/checkout/")
        with CaptureQueriesContext(connection) as queries:
            client.get("/systems/checkout/")
        asked.append(len(queries))
        client.post("/systems/checkout/confirm")
    assert asked[0] == asked[1] <= 12


def test_an_archived_team_owns_nothing(equipped: Organisation, sign_in: Any) -> None:
    equipped.storefront.archived_at = clock.now()
    equipped.storefront.save()
    assert "Nobody owns it" in text(sign_in("viewer").get("/systems/shop/"))

"""Letting go of a place on its page and over the API: what would be left behind, and who may."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from idp.kernel import clock
from provisioning.models import Environment, FormerPlace, Orphan, Run
from tests.personas import Organisation
from tests.portal.pages.test_cluster_pages import text
from tests.provisioning.services import test_letting_go
from tests.provisioning.services.test_moving import driver

pytestmark = pytest.mark.django_db
organisation = test_letting_go.organisation
stranded = test_letting_go.stranded
HERE = "/environments/checkout/try"
PAGE = f"{HERE}/let-go"
SENT = {"confirm_name": "try", "reason": "The hall burnt down."}


def seen_by(organisation: Organisation, who: str) -> Client:
    client = Client()
    client.force_login(getattr(organisation, who))
    return client


def test_an_admin_is_asked_and_the_run_goes_on(stranded: Run, organisation: Organisation, settings: Any) -> None:
    settings.LET_GO_AFTER_MINUTES = 0
    admin = seen_by(organisation, "admin")
    health = text(admin.get(f"{HERE}/health"))
    assert "It has not left eu-one yet." in health
    assert PAGE in health
    shown = text(admin.get(PAGE))
    assert "ConfigMap notes" in shown
    refused = admin.post(PAGE, {**SENT, "confirm_name": "other"})
    assert (refused.status_code, "Type “try” to confirm it." in text(refused)) == (422, True)
    assert "The hall burnt down.</textarea>" in refused.content.decode()
    unexplained = admin.post(PAGE, {**SENT, "reason": " "})
    assert (unexplained.status_code, "Write why, in at most 400 characters." in text(unexplained)) == (422, True)
    assert 'value="try"' in unexplained.content.decode()
    assert admin.post(PAGE, SENT).status_code == 302
    assert not FormerPlace.objects.exists()
    stranded.refresh_from_db()
    assert stranded.state == "queued"
    assert "It was left behind" in text(admin.get("/orphans/"))
    assert admin.get(PAGE).status_code == 404


def test_it_says_how_long_to_wait(stranded: Run, organisation: Organisation, settings: Any) -> None:
    begun = clock.now() - timedelta(minutes=10)
    stranded.steps.filter(kind__startswith="leave").update(started_at=begun)
    FormerPlace.objects.update(since=begun)
    admin = seen_by(organisation, "admin")
    shown = text(admin.get(PAGE))
    assert "Not yet." in shown
    assert "confirm_name" not in shown
    assert admin.post(PAGE, SENT).status_code == 422
    driver("eu-one").forget("*")
    assert "It answers now." in text(admin.get(PAGE))


def test_others_are_not_offered_it(stranded: Run, organisation: Organisation) -> None:
    developer = seen_by(organisation, "developer")
    health = text(developer.get(f"{HERE}/health"))
    assert "It has not left eu-one yet." in health
    assert PAGE not in health
    assert developer.get(PAGE).status_code == 403
    assert Environment.objects.get().cluster.name == "eu-two"
    assert not Orphan.objects.exists()

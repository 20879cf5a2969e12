"""The page of a drain: begun and steered by admins, read by everybody as far as they may see what moves."""

from __future__ import annotations

from typing import Any

import pytest

from provisioning.models import Change, Drain
from provisioning.services.clusters import cluster_cordon
from tests.personas import NOW, Organisation
from tests.portal.pages.test_cluster_pages import text

pytestmark = pytest.mark.django_db
PAGE = "/clusters/sandbox/drain"


def test_it_is_begun_watched_and_ended(living: Change, equipped: Organisation, sign_in: Any) -> None:
    admin = sign_in("admin")
    assert "Cordon it first" in text(admin.get(PAGE))
    refused = admin.post(PAGE, {"act": "start", "at_once": "3"})
    assert (refused.status_code, "sandbox is not cordoned." in text(refused)) == (422, True)
    cluster_cordon(equipped.actor("admin"), name="sandbox", reason="Old", now=NOW)
    assert "Drain it" in text(admin.get("/clusters/sandbox/"))
    assert "1 to 50" in text(admin.post(PAGE, {"act": "start", "at_once": "many"}))
    assert admin.post(PAGE, {"act": "start", "at_once": "3", "reason": "It goes."}).status_code == 302
    shown = text(admin.get(PAGE))
    assert "5 GiB of data, which is not moved" in shown
    assert "Held" in shown
    assert "0 of 1 moved" in text(admin.get("/clusters/sandbox/"))
    assert admin.post(PAGE, {"act": "end"}).status_code in (302, 404)
    assert Drain.objects.get().state in ("ended", "done")


def test_others_read_it_and_do_not_steer_it(living: Change, equipped: Organisation, sign_in: Any) -> None:
    cluster_cordon(equipped.actor("admin"), name="sandbox", reason="Old", now=NOW)
    sign_in("admin").post(PAGE, {"act": "start", "at_once": "1"})
    shown = text(sign_in("viewer").get(PAGE))
    assert "checkout / try" in shown
    assert "What to do" not in shown

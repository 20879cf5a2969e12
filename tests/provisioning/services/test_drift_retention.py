"""Which drift is forgotten: what is over for long, never what somebody still has to answer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioning.models import Drift, Environment
from provisioning.services.drift_retention import KEPT, drifts_forget
from tests.personas import NOW
from tests.provisioning.organisation import create, equip

pytestmark = pytest.mark.django_db
LONG, LATELY = NOW - KEPT - timedelta(days=1), NOW - KEPT + timedelta(days=1)


@pytest.fixture
def environment(organisation):
    equip(organisation)
    create(organisation)
    return Environment.objects.get()


@pytest.mark.parametrize(
    ("state", "decided_at", "gone_at", "kept"),
    [
        pytest.param("vanished", LONG, None, False, id="over-for-long"),
        pytest.param("adopted", LONG, None, False, id="adopted-for-long"),
        pytest.param("reverted", LATELY, None, True, id="over-lately"),
        pytest.param("open", None, None, True, id="open-for-long"),
        pytest.param("snoozed", LONG, None, True, id="snoozed-for-long"),
        pytest.param("open", None, LONG, False, id="environment-gone"),
        pytest.param("open", None, LATELY, True, id="environment-gone-lately"),
    ],
)
def test_it_forgets(environment, state, decided_at, gone_at, kept):
    Environment.objects.update(deleted_at=gone_at)
    Drift.objects.create(
        environment=environment, kind="Deployment", name="api", state=state, seen_at=LONG, decided_at=decided_at
    )
    assert drifts_forget(NOW) == (not kept)
    assert Drift.objects.exists() == kept

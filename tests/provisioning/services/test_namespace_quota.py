"""The quota that the cluster enforces in an environment's namespace follows what was agreed: up, down, and asleep."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from provisioning.domain.driver import ObjectRef
from provisioning.models import Environment, Run
from provisioning.services.changes import ChangeRequest, change_submit
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import Clock, carry_out, create, equip, sandbox, spec

pytestmark = pytest.mark.django_db


def room() -> Decimal:
    """Cores that the namespace's ResourceQuota allows to be requested."""
    seen = sandbox().observe([ObjectRef("v1", "ResourceQuota", "checkout-try", "slipway")])[0]
    text = str(seen.manifest["spec"]["hard"]["requests.cpu"])
    return Decimal(text[:-1]) / 1000 if text.endswith("m") else Decimal(text)


def test_it_holds_what_the_desired_revision_takes(organisation: Organisation) -> None:
    equip(organisation)
    carry_out(Run.objects.get(change=create(organisation)))
    found: dict[int, Decimal] = {2: room()}
    for turn, replicas in enumerate((4, 4, 1, 1), 1):
        wanted: dict[str, Any] = {"replicas": replicas}
        if turn % 2 == 0:  # the room of the revision before is kept while one replaces the other
            wanted["env"] = {"TURN": str(turn)}
        at = NOW + timedelta(hours=turn)
        request = ChangeRequest("update", "checkout", "try", spec=spec(api=wanted), base=turn)
        change = change_submit(organisation.actor("developer"), request, now=at)
        carry_out(Run.objects.get(change=change), Clock(at + timedelta(minutes=1)))
        found[replicas] = room()
    assert found[1] < found[2] < found[4]
    environment = Environment.objects.get()
    assert found[1] >= environment.cpu

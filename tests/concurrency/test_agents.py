"""An agent that asks for many changes at the same moment spends no more than its cap, on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from governance.services.audit import audit_verify
from provisioning.models import AgentChange, Change, Environment
from provisioning.services.agent_changes import agent_plan, agent_spent, agent_submit
from provisioning.services.changes import ChangeRequest
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation
from tests.provisioning.agents import caller
from tests.provisioning.organisation import equip

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

THREADS, ROOM = 6, 2
SMALL = {"stage": "dev", "resources": {"db": {"capability": "postgres@1", "inputs": {"storageGiB": 5}}}}


def test_it_spends_no_more_than_its_cap_however_many_ask_at_once() -> None:
    organisation = Organisation.found()
    equip(organisation)

    def asked(number: int) -> ChangeRequest:
        return ChangeRequest("create", "checkout", f"race{number}", spec=SMALL)

    cost = agent_plan(caller(organisation, "scout"), asked(0), now=NOW).asked
    by = caller(organisation, monthly_cap=cost * ROOM + Decimal("0.01"))
    digests = [agent_plan(by, asked(number), now=NOW).planned.plan_digest for number in range(THREADS)]

    outcomes: list[Any] = side_by_side(THREADS, lambda number: agent_submit(by, plan_digest=digests[number], now=NOW))

    assert Counter(type(one).__name__ for one in outcomes) == {"Change": ROOM, "OverCap": THREADS - ROOM}, outcomes
    assert agent_spent(by.agent) == cost * ROOM
    assert AgentChange.objects.count() == Change.objects.count() == Environment.objects.count() == ROOM
    assert audit_verify() == []

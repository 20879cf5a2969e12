"""An agent spends no more than its cap, however many ask or are planned anew at the same moment, on PostgreSQL."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from decimal import Decimal
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from django.db import transaction

from governance.services.audit import audit_verify
from provisioning.models import AgentChange, Change, Environment
from provisioning.services.agent_cap import cap_refusal
from provisioning.services.agent_changes import agent_plan, agent_spent, agent_submit
from provisioning.services.agents import AgentCaller, agent_update
from provisioning.services.change_states import change_lock
from provisioning.services.changes import ChangeRequest, change_submit
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation
from tests.provisioning.agents import caller, wish
from tests.provisioning.organisation import carry_out, create, equip, spec

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


PLACES = ("left", "right")


def wanted(organisation: Organisation) -> tuple[AgentCaller, list[Change]]:
    """Two living environments with three copies, and an agent that asks for a fourth in each."""
    for place in PLACES:
        hosts = {"api": {"replicas": 3}, "shop": {"host": f"{place}.dev.example"}}
        carry_out(create(organisation, place, **hosts).runs.get())
    by = caller(organisation)
    return by, [asked_by(by, ask(place, 4)) for place in PLACES]


def ask(place: str, replicas: int) -> ChangeRequest:
    hosts = {"api": {"replicas": replicas}, "shop": {"host": f"{place}.dev.example"}}
    return ChangeRequest("update", "checkout", place, spec=spec(**hosts), reason="Busy.")


def asked_by(by: AgentCaller, request: ChangeRequest) -> Change:
    return agent_submit(by, plan_digest=agent_plan(by, request, now=NOW).planned.plan_digest, now=NOW)


def test_two_that_are_planned_anew_at_once_count_each_other() -> None:
    """Both bases become cheaper at the same moment, so each change adds more, and only one of them still fits."""
    organisation = Organisation.found()
    equip(organisation)
    by, changes = wanted(organisation)
    one = changes[0].monthly_cost_after - changes[0].monthly_cost_before
    room = wish(monthly_cap=one * 3 + Decimal("0.01"))
    agent_update(organisation.actor("developer"), name="triage", wish=room, now=NOW)

    def cheaper(number: int) -> Change:
        return change_submit(organisation.actor("developer"), ask(PLACES[number], 2), now=NOW)

    outcomes: list[Any] = side_by_side(2, cheaper)

    assert [type(one).__name__ for one in outcomes] == ["Change", "Change"], outcomes
    states = Counter(Change.objects.filter(pk__in=[change.pk for change in changes]).values_list("state", flat=True))
    assert states == {"pending": 1, "denied": 1}
    assert agent_spent(by.agent) == one * 2
    assert audit_verify() == []


def test_what_was_counted_stays_until_it_is_stored() -> None:
    """Whoever counts second waits for what the first lets through; the two would both be let through otherwise."""
    organisation = Organisation.found()
    equip(organisation)
    by, changes = wanted(organisation)
    one = changes[0].monthly_cost_after - changes[0].monthly_cost_before
    room = wish(monthly_cap=one * 3 + Decimal("0.01"))
    agent_update(organisation.actor("developer"), name="triage", wish=room, now=NOW)
    both_counted = Barrier(2)

    def dearer(number: int) -> str:
        with transaction.atomic():
            change = change_lock(changes[number].pk)
            after = change.monthly_cost_after + one
            told = cap_refusal(change, before=change.monthly_cost_before, after=after)
            with suppress(BrokenBarrierError):  # the other waits for this transaction, as it should
                both_counted.wait(1)
            if not told:
                Change.objects.filter(pk=change.pk).update(monthly_cost_after=after)
        return told

    outcomes: list[Any] = side_by_side(2, dearer)

    assert sorted(bool(told) for told in outcomes) == [False, True], outcomes
    assert agent_spent(by.agent) == one * 3

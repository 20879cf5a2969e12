"""The audit head is locked last: whoever holds it waits for nobody, so that no two requests wait for each other.

Read from what each service really sends to PostgreSQL, for a race would meet the wrong order only now and then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.services.audit import audit_verify
from governance.services.quota import quota_set
from idp.kernel.actor import PLATFORM
from provisioning.models import Change, Run
from provisioning.services import run_outcomes, runs
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_cancel, change_comment, change_reject
from provisioning.services.starts import change_resume, changes_start_due
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip, spec

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

_LOCK = re.compile(r'FROM "(\w+)".* FOR (?:NO KEY )?UPDATE')
_WRITE = re.compile(r'^(?:INSERT INTO|UPDATE) "(\w+)"')
EACH = 5
AUDIT = {"governance_audithead", "governance_auditentry"}


@dataclass
class Work:
    organisation: Organisation

    def submit(self, kind: str, name: str, **resources: dict) -> Change:
        confirm = name if kind == "delete" else ""
        wanted = None if kind == "delete" else spec(**resources)
        request = ChangeRequest(kind, "checkout", name, spec=wanted, confirm=confirm, reason="x")
        return change_submit(self.organisation.actor("developer"), request, now=NOW)

    def waiting(self) -> Change:
        return create(self.organisation, "live", stage="prod")

    def end(self, event: str, name: str = "ending") -> Callable[[], object]:
        run = Run.objects.get(change=create(self.organisation, name))
        claim = runs.run_claim(run.pk, owner="a", lease=timedelta(seconds=30), now=NOW)
        self.submit("update", name, api={"replicas": 3})
        return lambda: run_outcomes.run_end(claim, event, now=NOW)

    def approve(self) -> Callable[[], object]:
        change, who = self.waiting(), self.organisation.actor("maintainer")
        return lambda: change_approve(who, change.pk, plan_digest=change.plan_digest, now=NOW)

    def reject(self) -> Callable[[], object]:
        change, who = self.waiting(), self.organisation.actor("maintainer")
        return lambda: change_reject(who, change.pk, plan_digest=change.plan_digest, comment="No.", now=NOW)

    def cancel(self) -> Callable[[], object]:
        change = self.waiting()
        return lambda: change_cancel(self.organisation.actor("developer"), change.pk, now=NOW)

    def comment(self) -> Callable[[], object]:
        change = self.waiting()
        return lambda: change_comment(self.organisation.actor("developer"), change.pk, comment="So.", now=NOW)

    def resume(self) -> Callable[[], object]:
        change = create(self.organisation, "bad", api={"image": "registry.example/checkout-api:missing"})
        carry_out(Run.objects.get(change=change))
        return lambda: change_resume(self.organisation.actor("developer"), change.pk, now=NOW)

    def made(self, kind: str) -> Callable[[], object]:
        carry_out(Run.objects.get(change=create(self.organisation)))
        return lambda: self.submit(kind, "try", api={"replicas": 3})

    def due(self) -> Callable[[], object]:
        create(self.organisation)
        self.submit("update", "try", api={"replicas": 3})
        Run.objects.update(state="cancelled")
        return lambda: changes_start_due(now=NOW)


SERVICES: dict[str, Callable[[Work], Callable[[], object]]] = {
    "a create that starts": lambda work: lambda: create(work.organisation),
    "a create that waits": lambda work: work.waiting,
    "an update": lambda work: work.made("update"),
    "a delete": lambda work: work.made("delete"),
    "an approval": Work.approve,
    "a rejection": Work.reject,
    "a withdrawal": Work.cancel,
    "a comment": Work.comment,
    "a resumption": Work.resume,
    "a start by the sweep": Work.due,
    "a run that succeeds": lambda work: work.end("succeed"),
    "a run that fails": lambda work: work.end("fail"),
    "a run that is cancelled": lambda work: work.end("cancel"),
}


def after_the_audit_head(statements: list[str]) -> list[str]:
    """Tables that are locked or written in a transaction after its lock of the audit head."""
    held, late = False, []
    for sql in statements:
        if sql in ("BEGIN", "COMMIT", "ROLLBACK"):
            held = False
        found = _LOCK.search(sql) or _WRITE.match(sql)
        if found is None:
            continue
        held = held or found[1] in AUDIT
        if held and found[1] not in AUDIT:
            late.append(found[1])
    return late


@pytest.mark.parametrize("prepare", SERVICES.values(), ids=SERVICES.keys())
def test_it_locks_the_audit_head_last(prepare):
    organisation = Organisation.found()
    equip(organisation)
    act = prepare(Work(organisation))
    with CaptureQueriesContext(connection) as sent:
        act()
    statements = [one["sql"] for one in sent.captured_queries]
    assert after_the_audit_head(statements) == []
    assert any("governance_audithead" in sql for sql in statements) or prepare is Work.due


def test_it_knows_a_wrong_order():
    wrong = [
        "BEGIN",
        'SELECT 1 FROM "governance_audithead" FOR UPDATE',
        'UPDATE "governance_quota" SET',
        "COMMIT",
    ]
    assert after_the_audit_head(wrong) == ["governance_quota"]
    assert after_the_audit_head([wrong[0], wrong[2], wrong[1], wrong[3], wrong[2]]) == []


def test_nobody_waits_in_a_circle():
    """Submits, decisions, withdrawals and ends of runs of one team, all at once."""
    organisation = Organisation.found()
    equip(organisation)
    limits = {"cpu": 900, "memory_gib": 900, "storage_gib": 900, "environments": 900}
    quota_set(PLATFORM, team=organisation.payments, now=NOW, **limits)
    work = Work(organisation)
    waiting = [create(organisation, f"live{number}", stage="prod") for number in range(EACH * 2)]
    acts: list[Callable[[], object]] = []
    for number in range(EACH):
        agreed, withdrawn = waiting[number], waiting[number + EACH]
        acts += [
            lambda number=number: create(organisation, f"new{number}"),
            lambda one=agreed: change_approve(
                organisation.actor("maintainer"), one.pk, plan_digest=one.plan_digest, now=NOW
            ),
            lambda one=withdrawn: change_cancel(organisation.actor("developer"), one.pk, now=NOW),
            work.end(("succeed", "fail", "cancel")[number % 3], f"ending{number}"),
        ]
    outcomes = side_by_side(len(acts), lambda number: acts[number]())
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    assert audit_verify() == []

"""Changes and decisions by many people at the same moment, through the whole gate, on PostgreSQL."""

from __future__ import annotations

from collections import Counter

import pytest

from governance.models import AuditEntry, Decision, Reservation
from governance.services.audit import audit_verify
from governance.services.quota import quota_set
from governance.services.teams import membership_set
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, QuotaExceeded, SlipwayError
from provisioning.models import Change, Environment, Run
from provisioning.orchestrator import advance
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_approve, change_reject
from tests.concurrency.threads import side_by_side
from tests.personas import NOW, Organisation, actor_of, person
from tests.provisioning.organisation import create, equip, spec

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

THREADS = 16
ROOM = 5


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made)
    quota_set(
        PLATFORM, team=made.teams["payments"], cpu=900, memory_gib=900, storage_gib=900, environments=900, now=NOW
    )
    return made


def test_it_never_gives_more_than_the_last_free_quota(organisation):
    quota_set(
        PLATFORM,
        team=organisation.teams["payments"],
        cpu=900,
        memory_gib=900,
        storage_gib=900,
        environments=ROOM,
        now=NOW,
    )
    outcomes = side_by_side(THREADS, lambda number: create(organisation, f"race{number}", stage="prod"))

    kinds = Counter(type(one).__name__ for one in outcomes)
    assert kinds == {"Change": ROOM, "OverQuota": THREADS - ROOM}, outcomes
    assert all(isinstance(one, (Change, QuotaExceeded)) for one in outcomes)
    assert Change.objects.filter(state="pending").count() == ROOM
    assert Change.objects.filter(state="denied").count() == THREADS - ROOM
    assert sum(one.environments for one in Reservation.objects.filter(state="held")) == ROOM
    assert Environment.objects.filter(deleted_at=None).count() == ROOM
    assert audit_verify() == []


def test_it_makes_one_environment_of_one_name(organisation):
    outcomes = side_by_side(THREADS, lambda _: create(organisation, "same", stage="prod"))
    assert sum(isinstance(one, Change) for one in outcomes) == 1
    assert all(isinstance(one, (Change, SlipwayError)) for one in outcomes), outcomes
    assert Environment.objects.count() == 1


def test_it_takes_two_approvals_at_once_as_one_outcome(organisation):
    change = create(organisation, "live", stage="prod")
    actors = [organisation.actor(name) for name in ("maintainer", "second_maintainer")]
    outcomes = side_by_side(
        2, lambda number: change_approve(actors[number], change.pk, plan_digest=change.plan_digest, now=NOW)
    )
    assert Counter(type(one).__name__ for one in outcomes) == {"Change": 1, "Conflict": 1}
    assert Run.objects.count() == 1
    assert Decision.objects.filter(verdict="approve").count() == 1


def test_it_settles_many_approvals_and_a_rejection_as_one_outcome(organisation):
    people = [person(f"maintainer{number}") for number in range(16)]
    for one in people:
        membership_set(
            organisation.actor("maintainer"), team=organisation.teams["payments"], user=one, role="maintainer", now=NOW
        )
    change = create(organisation, "live", stage="prod")

    def decide(number: int) -> Change:
        actor = actor_of(people[number])
        if number == 7:
            return change_reject(actor, change.pk, comment="Stop.", now=NOW)
        return change_approve(actor, change.pk, plan_digest=change.plan_digest, now=NOW)

    outcomes = side_by_side(16, decide)
    assert sum(isinstance(one, Change) for one in outcomes) == 1
    assert all(isinstance(one, (Change, Conflict)) for one in outcomes), outcomes
    change.refresh_from_db()
    assert change.state in ("running", "rejected")
    assert Run.objects.count() == (1 if change.state == "running" else 0)
    assert Decision.objects.count() == 1
    assert AuditEntry.objects.filter(action__in=("change.approve", "change.reject")).count() == 1
    assert audit_verify() == []


def test_it_runs_an_environment_once_at_a_time(organisation):
    create(organisation)
    outcomes = side_by_side(
        8,
        lambda number: change_submit(
            organisation.actor("developer"),
            ChangeRequest("update", "checkout", "try", spec=spec(api={"replicas": number + 3})),
            now=NOW,
        ),
    )
    assert all(isinstance(one, Change) for one in outcomes), outcomes
    assert Run.objects.filter(state__in=("queued", "running")).count() == 1


def test_it_lets_one_worker_have_a_run(organisation):
    run = Run.objects.get(change=create(organisation))
    side_by_side(8, lambda _: advance(run.pk))
    run.refresh_from_db()
    assert run.steps.get(key="guardrails").attempt == 1

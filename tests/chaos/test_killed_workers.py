"""Workers killed with SIGKILL at every step boundary and inside driver calls, on PostgreSQL and Redis for real.

For every crossing there is one run and one worker that dies there; then two healthy workers finish what was left.
"""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest

from idp.kernel import clock
from provisioning.domain.driver import Scope
from provisioning.models import Environment, Run, Step
from provisioning.orchestrator import sweep
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.tasks import run_advance
from tests.chaos.workers import Workers, running_workers, wait_until
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip, sandbox

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

BATCH = 12


@pytest.fixture
def organisation(redis_url, redis_broker) -> Organisation:
    from governance.services.quota import quota_set
    from idp.kernel.actor import PLATFORM

    made = Organisation.found()
    equip(made)
    quota_set(
        PLATFORM,
        team=made.teams["payments"],
        cpu=9000,
        memory_gib=9000,
        storage_gib=9000,
        environments=900,
        now=clock.now(),
    )
    return made


def _doomed(workers: Workers, runs: list[Run]) -> int:
    """One worker per run, the n-th dying at its n-th crossing; how many of them met their end."""
    died = 0
    for start in range(0, len(runs), BATCH):
        pids = {}
        for number, run in enumerate(runs[start : start + BATCH], start=start + 1):
            pids[run.pk] = workers.start(f"chaos-{run.pk}", dies_at=number)
            _hint(run.pk)
        _wait_for_the_end(workers, pids)
        died += sum(not workers.alive(pid) for pid in pids.values())
        for pid in pids.values():
            workers.kill(pid)
    return died


def _wait_for_the_end(workers: Workers, pids: dict[int, int]) -> None:
    """Until each worker is dead or its run over. A run that was given back is hinted at again to its own worker."""

    def left() -> dict[int, int]:
        return {run_id: pid for run_id, pid in pids.items() if workers.alive(pid) and not _over(run_id)}

    def hint_again() -> None:
        waiting = Run.objects.filter(pk__in=left(), state="running", lease_owner="", due_at__lte=clock.now())
        for run_id in waiting.values_list("pk", flat=True):
            _hint(run_id)

    try:
        wait_until(lambda: not left(), seconds=60, what="the end of every doomed worker", meanwhile=hint_again)
    except AssertionError as late:
        states = Step.objects.filter(run_id__in=left()).exclude(state="done")
        told = states.values_list("run_id", "run__state", "run__epoch", "key", "state", "attempt", "message")
        raise AssertionError(f"{late}: {list(told)}") from late


def _hint(run_id: int) -> None:
    run_advance.apply_async((run_id,), queue=f"chaos-{run_id}")


def _over(run_id: int) -> bool:
    return Run.objects.filter(pk=run_id, state__in=("succeeded", "failed", "cancelled")).exists()


def _finish(workers: Workers, runs: list[Run]) -> None:
    """Two healthy workers, and the sweep, until every run is over."""
    pids = [workers.start(), workers.start()]
    ids = [run.pk for run in runs]
    wait_until(
        lambda: not Run.objects.filter(pk__in=ids, state__in=("queued", "running")).exists(),
        seconds=120,
        what="the end of every run",
        meanwhile=sweep,
    )
    for pid in pids:
        workers.kill(pid)


def _no_finished_step_ran_again(workers: Workers) -> None:
    finished = {
        (step.run_id, step.key): step.finished_at.timestamp()
        for step in Step.objects.exclude(finished_at=None).filter(state="done")
    }
    entries = workers.journal.read_text().splitlines()
    assert {int(line.split()[0]) for line in entries} >= {run_id for run_id, _ in finished}
    for line in entries:
        run_id, key, at = line.split()
        assert float(at) <= finished[int(run_id), key] + 0.05, f"step {key} of run {run_id} ran again after it was done"


def _objects(environment: Environment) -> Counter[str]:
    scope = Scope(environment.system.slug, environment.name)
    refs = sandbox().list_managed(scope, environment.namespace)
    return Counter(f"{ref.kind}/{ref.name}".replace(environment.namespace, "NAMESPACE") for ref in refs)


def test_it_survives_a_kill_at_every_crossing_of_a_create_and_of_a_delete(organisation, redis_url, tmp_path):
    runs = [Run.objects.get(change=create(organisation, f"k{number}", now=clock.now())) for number in range(1, 56)]
    with running_workers(redis_url, tmp_path) as workers:
        died = _doomed(workers, runs)
        _finish(workers, runs)

        assert died < len(runs), "more crossings than runs: not every crossing was tried"
        assert died > 25
        assert set(Run.objects.values_list("state", flat=True)) == {"succeeded"}
        _no_finished_step_ran_again(workers)
        made = defaultdict(list)
        for environment in Environment.objects.select_related("system"):
            made[frozenset(_objects(environment).items())].append(environment.name)
            assert environment.state == "ready"
        assert len(made) == 1, f"environments differ: {list(made.values())}"

        deletes = []
        for number in range(1, 31):
            request = ChangeRequest("delete", "checkout", f"k{number}", confirm=f"k{number}", reason="x")
            change = change_submit(organisation.actor("developer"), request, now=clock.now())
            deletes.append(Run.objects.get(change=change))
        died = _doomed(workers, deletes)
        _finish(workers, deletes)

        assert 10 < died < len(deletes)
        _no_finished_step_ran_again(workers)
        for run in deletes:
            environment = Environment.objects.select_related("system").get(pk=run.environment_id)
            assert environment.state == "gone"
            assert not _objects(environment), f"{environment.name} left something behind"

"""Celery tasks: ids in, three lines, safe to run twice, late or never."""

from __future__ import annotations

from celery import shared_task

from idp.kernel import wake


@shared_task(name="provisioning.run_advance")
def run_advance(run_id: int) -> None:
    from provisioning.orchestrator import advance

    advance(run_id)


@shared_task(name="provisioning.runs_sweep")
def runs_sweep() -> None:
    from provisioning.orchestrator import sweep

    sweep()


def register_wakers() -> None:
    """Tell the kernel how to wake a worker for a run. Called once at start-up."""
    wake.register("run", _send_run)


def _send_run(run_id: int) -> None:
    run_advance.apply_async((run_id,), ignore_result=True, retry=False)

"""What the end of a run means for its change, its environment, the quota and whoever waits next.

One transaction, with locks in the order environment, change, run, quota, audit head; whoever waits starts in another.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from governance.services.audit import audit_append
from governance.services.quota import quota_release, quota_settle
from idp.kernel.actor import PLATFORM
from provisioning.domain.expiring import expiring
from provisioning.domain.lifecycle import environment_state_after_run
from provisioning.domain.observation import asleep_condition
from provisioning.domain.run import next_run_state
from provisioning.models import Change, Environment, Resource, Revision, Run, Step
from provisioning.selectors.amounts import amounts_of, extras_after
from provisioning.services import runs
from provisioning.services.change_states import change_lock, change_move
from provisioning.services.drift_rows import drifts_settled
from provisioning.services.event_lines import environment_event_told
from provisioning.services.lending_gate import borrowings_settle
from provisioning.services.starts import change_start_next

CHANGE_EVENT = {"succeed": "succeed", "fail": "fail", "cancel": "stop"}
TEXTS = {
    "succeed": ("info", "Done. The environment is as it was agreed."),
    "fail": ("error", "Stopped. What was made so far is kept; resume when the cause is mended."),
    "cancel": ("warn", "Cancelled. What was made so far is kept."),
    "supersede": ("info", "Stopped. The newer change goes on from here."),
}


def run_end(claim: runs.Claim, event: str, *, now: datetime) -> bool:
    """Settle a run with ``succeed``, ``fail`` or ``cancel``, then start who waits for it.

    False when nobody asks to cancel it any more. Raises LeaseLost when the claim no longer counts.
    """
    environment_id = _settled(claim, event, now=now)
    if environment_id is None:
        return False
    change_start_next(environment_id, now=now)
    return True


@transaction.atomic
def _settled(claim: runs.Claim, event: str, *, now: datetime) -> int | None:
    """The id of the environment whose run ended; None when it goes on."""
    change = change_lock(Run.objects.values_list("change_id", flat=True).get(pk=claim.run_id))
    run = (
        Run.objects.select_for_update(of=("self",))
        .select_related("revision")
        .filter(pk=claim.run_id, epoch=claim.epoch, state="running")
        .first()
    )
    if run is None:
        raise runs.LeaseLost
    if event == "cancel" and not run.cancel_requested_by:
        return None
    superseded = event == "cancel" and run.superseded_by_id is not None
    state = next_run_state(run.state, event)
    error = _first_error(run) if event == "fail" else None
    Run.objects.filter(pk=run.pk).update(
        state=state, error=error, finished_at=now, lease_owner="", lease_until=None, due_at=None, cancel_requested_by=""
    )
    if event == "cancel":
        Step.objects.filter(run=run, state__in=("next", "waiting", "running")).update(state="cancelled", due_at=None)
    runs.events_append(run.pk, "", [TEXTS["supersede" if superseded else event]], now=now)
    change_move(
        change,
        "supersede" if superseded else CHANGE_EVENT[event],
        actor_name="slipway",
        now=now,
        text=f"Change #{run.superseded_by_id} goes further" if superseded else (error or {}).get("message", ""),
        finished_at=now,
    )
    environment = Environment.objects.select_related("system__team", "desired", "observed").get(pk=run.environment_id)
    _environment_after(environment, run, state, error, now=now)
    _quota_after(environment, run, change, state, now=now)
    if state == "succeeded":
        drifts_settled(change, deleted=run.kind == "delete", now=now)
    audit_append(
        PLATFORM,
        action=f"run.{state}",
        object_type="run",
        object_id=str(run.pk),
        object_label=f"{environment.system.slug}/{environment.name}",
        team_slug=environment.system.team.slug,
        behalf=change.requester.username,
        data={"change": change.pk, "code": (error or {}).get("code", "")},
        now=now,
    )
    return environment.pk


def _first_error(run: Run) -> dict[str, Any] | None:
    step = Step.objects.filter(run=run, state="failed").order_by("finished_at", "position").first()
    return None if step is None else {**(step.error or {}), "step": step.key, "title": step.title}


def _environment_after(environment: Environment, run: Run, state: str, error: Any, *, now: datetime) -> None:
    document = run.revision.document if run.revision else {}
    environment.state = environment_state_after_run(run.kind, state, document.get("power", "awake"))
    environment.conditions = conditions(environment.state, state, error, now, ends=environment.expires_at)
    environment.changed_at = now
    environment.ready_since = _ready_since(environment, run.revision, now)
    if state == "succeeded":
        environment.observed = run.revision
        if run.kind == "delete":
            environment.deleted_at = now
            document = {}
        else:
            Resource.objects.filter(environment=environment, state="gone").delete()
        borrowings_settle(environment, document)
    environment.version += 1
    environment.save(
        update_fields=["state", "conditions", "changed_at", "observed", "ready_since", "deleted_at", "version"]
    )
    environment_event_told(environment, environment.state, environment.conditions, now=now)


def _ready_since(environment: Environment, revision: Revision | None, now: datetime) -> datetime | None:
    """Since when these resources have been Ready; a change of nothing but the expiry breaks nothing."""
    if environment.state != "ready" or revision is None:
        return None
    before = environment.observed.document if environment.observed else {}
    same = all(before.get(key) == revision.document.get(key) for key in ("power", "resources"))
    return environment.ready_since if same and environment.ready_since else now


def _quota_after(environment: Environment, run: Run, change: Change, state: str, *, now: datetime) -> None:
    """Until a run succeeded, the larger of before and after stays counted: both may exist."""
    if state != "succeeded":
        return
    if run.kind == "delete":
        quota_release(environment_id=environment.pk, now=now)
    else:
        extras = extras_after(change.plan, "after")
        quota_settle(environment_id=environment.pk, amounts=amounts_of(environment), extras=extras, now=now)


def conditions(
    environment_state: str, run_state: str, error: Any, now: datetime, *, ends: datetime | None
) -> list[dict[str, str]]:
    """Ready and Progressing as words, each with a stable reason, a message and since when; Asleep and Expiring where
    they hold.
    """
    ready = environment_state == "ready"
    settled = {"ready": "AsAgreed", "asleep": "Asleep", "gone": "Deleted"}
    stopped = (error or {}).get("message", "The run was cancelled before it was done.")
    message = "" if environment_state in settled else stopped
    reason = settled.get(environment_state, "RunFailed" if error else "RunCancelled")
    since = now.isoformat()
    more = [asleep_condition()] if environment_state == "asleep" else []
    more += expiring(ends, now) if environment_state != "gone" else []
    return [
        {"type": "Ready", "status": "True" if ready else "False", "reason": reason, "message": message, "since": since},
        {"type": "Progressing", "status": "False", "reason": f"Run{run_state.title()}", "message": "", "since": since},
        *({**one, "since": since} for one in more),
    ]

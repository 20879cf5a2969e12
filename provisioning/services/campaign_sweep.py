"""Advances campaigns: looks what became of their changes, asks the domain what is due, carries it out.

Called by a task every few seconds and after what people do. A lease keeps two sweeps from doing the same work; that
nothing happens twice does not rest on it but on each move being filtered on the state that it leaves. Every step is a
transaction of its own, so that a worker that dies leaves a campaign between two steps, and the next one goes on.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q

from idp.kernel.errors import Conflict
from provisioning.domain.campaign import ItemView, Snapshot, Steps, WaveView, next_steps, observed
from provisioning.models import Campaign, CampaignItem, Change, ChangeEvent, Run
from provisioning.services.campaign_items import item_ask, item_revert, item_withdraw
from provisioning.services.campaign_notices import tell_moved, tell_paused, tell_stopped
from provisioning.services.campaign_rows import (
    campaign_actor,
    campaign_audit,
    campaign_lock,
    campaign_move,
    item_move,
    wave_move,
)

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=2)
ROUNDS = 20
AFTER_A_FAULT = timedelta(minutes=1)
LOOKED_AT = ("waiting", "running", "failed", "reverting")


def campaigns_advance_due(*, now: datetime, limit: int = 20) -> int:
    """Advance every campaign that is due and that nobody else advances; how many."""
    due = Campaign.objects.filter(_free(now), due_at__lte=now).order_by("due_at").values_list("pk", flat=True)[:limit]
    return sum(campaign_advance(campaign_id, now=now) for campaign_id in list(due))


def campaign_advance(campaign_id: int, *, now: datetime) -> bool:
    """Take one campaign as far as it goes now; False when it is not due or somebody else has it."""
    mine = now + LEASE
    claimed = Campaign.objects.filter(_free(now), pk=campaign_id, due_at__lte=now).update(lease_until=mine)
    if claimed != 1:
        return False
    seen: int | None = None
    look_at: datetime | None = now + AFTER_A_FAULT
    try:
        seen, look_at = _advanced(campaign_id, now=now)
    except (OperationalError, InterfaceError):
        raise
    except Conflict as other:
        log.info("campaign_moved_meanwhile", campaign=campaign_id, message=other.message)
        look_at = now
    except Exception:  # one campaign at fault must not stop the others; it is looked at again when it is due
        log.exception("campaign_fault", campaign=campaign_id)
    finally:
        _release(campaign_id, mine, seen, look_at)
    return True


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)


def _release(campaign_id: int, mine: datetime, seen: int | None, look_at: datetime | None) -> None:
    """Give it back. What people did since it was read keeps it due: they raised its version."""
    held = Campaign.objects.filter(pk=campaign_id, lease_until=mine)
    held.filter(**({} if seen is None else {"version": seen})).update(due_at=look_at)
    held.update(lease_until=None)


def _advanced(campaign_id: int, *, now: datetime) -> tuple[int, datetime | None]:
    """The version that was seen last, and when to look again."""
    for _ in range(ROUNDS):
        _observe(campaign_id, now=now)
        campaign = Campaign.objects.get(pk=campaign_id)
        steps = next_steps(snapshot_of(campaign), now)
        if steps.is_nothing:
            return campaign.version, steps.look_at
        _carry_out(campaign_id, steps, now=now)
    return campaign.version, now


def snapshot_of(campaign: Campaign) -> Snapshot:
    """A campaign as the domain looks at it; two queries."""
    waves = {
        one.pk: WaveView(one.number, one.state, one.planned_at, one.started_at, one.settled_at, one.accepted)
        for one in campaign.waves.all()
    }
    rows = campaign.items.values_list("pk", "wave", "state", "due_at", "asked_by")
    items = tuple(ItemView(pk, waves[wave].number, state, due, bool(own)) for pk, wave, state, due, own in rows)
    return Snapshot(campaign.state, campaign.pace_of(), tuple(waves.values()), items)


def _carry_out(campaign_id: int, steps: Steps, *, now: datetime) -> None:
    if steps.pause:
        _pause(campaign_id, steps.pause, now=now)
    for number in steps.settle:
        _turn(campaign_id, number, "settle", now=now)
    for number in steps.start:
        _turn(campaign_id, number, "start", now=now)
    for item in steps.withdraw:
        item_withdraw(item, now=now)
    for item in steps.ask:
        item_ask(item, now=now)
    for item in steps.revert:
        item_revert(item, now=now)
    for number in steps.reverted:
        _turn(campaign_id, number, "finish", now=now)
    if steps.finish:
        _finish(campaign_id, now=now)


@transaction.atomic
def _pause(campaign_id: int, reason: str, *, now: datetime) -> None:
    campaign = campaign_lock(campaign_id)
    before = campaign.state
    campaign_move(campaign, "pause", state_reason=reason)
    tell_paused(campaign, now=now)
    states = {"before": before, "after": campaign.state}
    campaign_audit(campaign_actor(campaign), campaign, "pause", **states, now=now, reason=reason)


@transaction.atomic
def _finish(campaign_id: int, *, now: datetime) -> None:
    campaign = campaign_lock(campaign_id)
    before = campaign.state
    campaign_move(campaign, "finish", finished_at=now)
    campaign_audit(campaign_actor(campaign), campaign, "finish", before=before, after=campaign.state, now=now)


@transaction.atomic
def _turn(campaign_id: int, number: int, event: str, *, now: datetime) -> None:
    """A wave begins, settles, or has gone back."""
    campaign = campaign_lock(campaign_id)
    wave = campaign.waves.get(number=number)
    at = {"start": {"started_at": now}, "settle": {"settled_at": now}, "finish": {}}[event]
    before = wave.state
    wave_move(wave, event, **at)
    if event == "settle":
        tell_moved(campaign, wave, now=now)
    verb = {"start": "wave-start", "settle": "wave-settle", "finish": "wave-reverted"}[event]
    states = {"before": before, "after": wave.state}
    campaign_audit(campaign_actor(campaign), campaign, verb, **states, now=now, wave=number)


def _observe(campaign_id: int, *, now: datetime) -> None:
    """Let each item follow its change."""
    rows = (
        CampaignItem.objects.filter(campaign=campaign_id, state__in=LOOKED_AT)
        .select_related("change", "rollback")
        .defer(*(f"{name}__{heavy}" for name in ("change", "rollback") for heavy in ("plan", "facts", "target")))
    )
    for item in rows:
        change = item.rollback if item.state == "reverting" else item.change
        event = observed(item.state, change.state, began=change.revision_id is not None) if change else ""
        if change is not None and event:
            _follow(campaign_id, item.pk, item.state, change, event, now=now)


@transaction.atomic
def _follow(campaign_id: int, item_id: int, state: str, change: Change, event: str, *, now: datetime) -> None:
    campaign = campaign_lock(campaign_id)
    item = CampaignItem.objects.select_related("environment__system__team").get(pk=item_id)
    if item.state != state:
        return
    broke = event in ("fail", "refuse", "stick")
    item_move(item, event, now=now, reason=_why(change) if broke else "")
    if broke:
        tell_stopped(campaign, item, now=now)


def _why(change: Change) -> str:
    """What people are told: the run's own words, else what was last said of the change."""
    run = Run.objects.filter(change=change).order_by("-id").values_list("error", flat=True).first()
    if run and run.get("message"):
        return str(run["message"])
    said = ChangeEvent.objects.filter(change=change).exclude(text="").order_by("-id").first()
    told = f": {said.text}" if said else "."
    return f"#{change.pk} was {change.state}{told}" if change.state != "failed" else f"#{change.pk} failed{told}"

"""One environment's part of a campaign: asked for, taken early, postponed, withdrawn, taken back.

The change and the item that says so are stored in one transaction, so that a worker that dies leaves either both or
neither, and nothing is asked for twice. Lock order: campaign, item, then what the change locks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.access import rights_of
from governance.domain.approval import source_label
from governance.models import Approval
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PolicyDenied, QuotaExceeded, UserFault
from idp.kernel.wake import wake_after_commit
from provisioning.domain.campaign import NOT_ASKED, TAKEABLE
from provisioning.domain.campaign_layout import postponement_refused
from provisioning.domain.freeze import refusal
from provisioning.domain.lending import is_borrowed
from provisioning.models import Campaign, CampaignItem, Change, Environment
from provisioning.selectors.campaigns import unreachable
from provisioning.selectors.freezes import environment_hold
from provisioning.services.campaign_notices import tell_stopped
from provisioning.services.campaign_rows import campaign_actor, campaign_lock, item_move
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.decisions import change_cancel

LOOK_AGAIN = timedelta(hours=1)


@transaction.atomic
def campaign_take_earlier(actor: Actor, item_id: int, *, now: datetime) -> CampaignItem:
    """Move an environment now, in its own people's name: before its day, or once more after what kept it.

    What the gate says to their change is said to them: PolicyDenied, QuotaExceeded, InvalidInput; the item then keeps
    the reason as well.
    """
    campaign, item = _owned(actor, item_id)
    _require_running(campaign)
    if item.state not in TAKEABLE:
        raise Conflict(
            f"This environment is {item.state.replace('-', ' ')} already.",
            code="illegal-state",
            remedy="Open the campaign again to see where it stands.",
        )
    before = _stands(item)
    _ask(campaign, item, actor, now=now)
    _audit(actor, campaign, item, "take", before, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(due_at=now)
    wake_after_commit("campaign", campaign.pk)
    return item


@transaction.atomic
def campaign_postpone(actor: Actor, item_id: int, *, until: datetime, now: datetime) -> CampaignItem:
    """Choose another moment for an environment, within the campaign's limit; an earlier one than announced too."""
    campaign, item = _owned(actor, item_id)
    _require_running(campaign)
    if item.state in NOT_ASKED:
        refused = postponement_refused(until, announced=item.wave.planned_at, pace=campaign.pace_of(), now=now)
        if refused:
            raise InvalidInput(refused, errors=[FieldError("until", refused)])
    before = _stands(item)
    item_move(item, "reschedule", now=now, reason=f"{actor.username} chose this day.", due_at=until)
    _audit(actor, campaign, item, "postpone", before, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(due_at=now)
    return item


def item_ask(item_id: int, *, now: datetime) -> None:
    """Ask for an environment's change in the platform's name; nothing when it was asked for meanwhile, or paused.

    One that is frozen is put off until it thaws, or an hour at a time where that is not known.
    """
    with transaction.atomic():
        campaign, item = _locked(item_id)
        if campaign.state != "running" or item.state not in NOT_ASKED:
            return
        hold = environment_hold(item.environment, "upgrades", now=now)
        if hold is not None:
            item_move(item, "reschedule", now=now, reason=refusal(hold)[:400], due_at=hold.until or now + LOOK_AGAIN)
        else:
            _ask(campaign, item, campaign_actor(campaign), now=now)


def _ask(campaign: Campaign, item: CampaignItem, actor: Actor, *, now: datetime) -> None:
    environment = item.environment
    left = _left(campaign, item, environment)
    if environment.deleted_at is not None or environment.state == "deleting":
        item_move(item, "skip", now=now, reason="The environment is deleted.")
    elif not left:
        item_move(item, "skip", now=now, reason="It was moved or removed before its day.")
    elif away := unreachable(environment):
        _stopped(campaign, item, "puzzle", away, now=now)
    else:
        own = "" if actor.is_platform else actor.username
        _submitted(campaign, item, actor, left, own, now=now)


def _left(campaign: Campaign, item: CampaignItem, environment: Environment) -> tuple[str, ...]:
    """The item's resources that are still on a version to leave."""
    document = environment.desired.document if environment.desired else {"resources": {}}
    return tuple(
        name
        for name in item.resources
        if (one := document["resources"].get(name)) is not None
        and not is_borrowed(one)
        and one["capability"] == campaign.capability.name
        and one["contract"] in campaign.sources
    )


def _submitted(
    campaign: Campaign, item: CampaignItem, actor: Actor, left: tuple[str, ...], own: str, *, now: datetime
) -> None:
    request = ChangeRequest(
        kind="upgrade",
        system=item.environment.system.slug,
        environment=item.environment.name,
        capability=campaign.capability.name,
        version=campaign.target.version,
        resources=left,
        reason=f"Campaign “{campaign.title}”, wave {item.wave.number}. {campaign.reason}".strip(),
        authors=_conductors(campaign),
    )
    try:
        change = change_submit(actor, request, now=now)
    except (PolicyDenied, QuotaExceeded) as refusal:
        _stopped(campaign, item, "refuse", _words(refusal), now=now, change_id=refusal.change_id, asked_by=own)
    except UserFault as fault:
        _stopped(campaign, item, "puzzle", _words(fault), now=now)
    else:
        item_move(item, "ask", now=now, reason=_waits_for(change), change=change, asked_by=own)
        if change.state == "running":
            item_move(item, "run", now=now)


def _conductors(campaign: Campaign) -> tuple[int, ...]:
    """Whose agreement to its changes counts for nothing: who made the campaign, and who started it."""
    return tuple({one for one in (campaign.created_by_id, campaign.started_by_id) if one is not None})


def _words(fault: UserFault) -> str:
    """What a person reads: the first thing to fix, else the sentence."""
    first = fault.errors[0].message if fault.errors else fault.message
    more = len(fault.errors) - 1
    return f"{first} And {more} more." if more > 0 else first


def _waits_for(change: Change) -> str:
    if change.state == "approved":
        return "It waits for another change of the environment to end."
    rows = Approval.objects.filter(change_id=change.pk, plan_digest=change.plan_digest, state="waiting")
    labels = [source_label(one.source, one.count) for one in rows.order_by("position")]
    return f"Waits for {' and '.join(labels)}." if labels else ""


def _stopped(campaign: Campaign, item: CampaignItem, event: str, reason: str, *, now: datetime, **fields: Any) -> None:
    item_move(item, event, now=now, reason=reason, **fields)
    tell_stopped(campaign, item, now=now)


def item_withdraw(item_id: int, *, now: datetime) -> None:
    """Take back what was asked for and has not begun: to be asked for later, or never when all of it is cancelled."""
    with transaction.atomic():
        campaign, item = _locked(item_id)
        if item.state == "waiting" and item.change_id is not None and not _cancelled(campaign, item.change_id, now=now):
            return
        if campaign.state == "cancelled":
            if item.state in (*NOT_ASKED, "waiting"):
                item_move(item, "withdraw", now=now, reason="The campaign was cancelled.")
        elif item.state == "waiting":
            item_move(item, "postpone", now=now, reason="Withdrawn when the campaign paused.", change=None)


def _cancelled(campaign: Campaign, change_id: int, *, now: datetime) -> bool:
    """Whether the change is out of the way; not when it has begun meanwhile."""
    try:
        change_cancel(campaign_actor(campaign), change_id, now=now)
    except Conflict:
        return False
    return True


def item_revert(item_id: int, *, now: datetime) -> None:
    """Ask for the change that takes an environment back to the revision before the campaign's."""
    with transaction.atomic():
        campaign, item = _locked(item_id)
        if item.state not in ("succeeded", "failed") or item.wave.state != "reverting":
            return
        change, environment = item.change, item.environment
        if change is None or change.base is None or environment.deleted_at is not None:
            _stopped(campaign, item, "stick", "There is no earlier revision to go back to.", now=now)
        elif environment.desired_id != change.revision_id:
            number = environment.desired.number if environment.desired else 0
            told = f"It was changed since, to r{number}; take the version back by hand."
            _stopped(campaign, item, "stick", told, now=now)
        else:
            _taken_back(campaign, item, change.base.number, now=now)


def _taken_back(campaign: Campaign, item: CampaignItem, number: int, *, now: datetime) -> None:
    request = ChangeRequest(
        kind="rollback",
        system=item.environment.system.slug,
        environment=item.environment.name,
        revision=number,
        reason=f"Wave {item.wave.number} of the campaign “{campaign.title}” goes back.",
        authors=_conductors(campaign),
    )
    try:
        change = change_submit(campaign_actor(campaign), request, now=now)
    except UserFault as refusal:
        _stopped(campaign, item, "stick", _words(refusal), now=now, rollback_id=refusal.change_id)
    else:
        item_move(item, "revert", now=now, reason=_waits_for(change), rollback=change)


def _locked(item_id: int) -> tuple[Campaign, CampaignItem]:
    """The campaign and the item, locked in that order, with what is needed to ask."""
    campaign_id = CampaignItem.objects.filter(pk=item_id).values_list("campaign_id", flat=True).first()
    if campaign_id is None:
        raise NotFound("There is no such environment in this campaign.")
    campaign = campaign_lock(campaign_id)
    item = (
        CampaignItem.objects.select_for_update(of=("self",))
        .select_related("wave", "change__base", "environment__system__team", "environment__cluster")
        .select_related("environment__desired", "environment__stage")
        .get(pk=item_id)
    )
    return campaign, item


def _owned(actor: Actor, item_id: int) -> tuple[Campaign, CampaignItem]:
    """For those who may ask for changes of the environment; NotFound for who may not know of it."""
    rights = rights_of(actor)
    campaign, item = _locked(item_id)
    rights.require_request(item.environment.system)
    return campaign, item


def _require_running(campaign: Campaign) -> None:
    if campaign.state != "running":
        raise Conflict(
            f"The campaign is {campaign.state}; nothing moves now.",
            code="illegal-state",
            remedy="Upgrade the environment by a change of its own, or wait until the campaign goes on.",
        )


def _stands(item: CampaignItem) -> dict[str, Any]:
    return {"state": item.state, "due_at": item.due_at, "change": item.change_id}


def _audit(
    actor: Actor, campaign: Campaign, item: CampaignItem, verb: str, before: dict[str, Any], *, now: datetime
) -> None:
    system = item.environment.system
    audit_append(
        actor,
        action=f"campaign.{verb}",
        object_type="campaign",
        object_id=str(campaign.pk),
        object_label=f"{campaign.title}: {system.slug}/{item.environment.name}",
        team_slug=system.team.slug,
        place=f"{system.slug}/{item.environment.name}",
        data={"environment": f"{system.slug}/{item.environment.name}", "before": before, "after": _stands(item)},
        now=now,
    )

"""Locks and moves of campaigns' rows, for the services that conduct, answer and advance campaigns.

Lock order: campaign, item, then whatever a change locks (environment, change, quota, audit head). Every move is
filtered on the state that it leaves, so that of two who move the same row the second meets a Conflict.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from governance.access import Rights, rights_of
from governance.services.audit import audit_append
from idp.kernel.actor import PLATFORM, Actor, platform_for
from idp.kernel.errors import Conflict, Forbidden, NotFound
from provisioning.domain.campaign import next_campaign_state, next_item_state, next_wave_state
from provisioning.models import Campaign, CampaignItem, CampaignWave
from provisioning.selectors.campaigns import LONGEST_REASON, may_conduct


def campaign_lock(campaign_id: int) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",)).select_related(
        "capability__owner", "target", "started_by", "created_by"
    )
    found = rows.filter(pk=campaign_id).first()
    if found is None:
        raise NotFound(f"There is no campaign {campaign_id}.")
    return found


def conducted(actor: Actor, campaign_id: int) -> Campaign:
    """The locked campaign, for who may conduct it; Forbidden for others."""
    rights = rights_of(actor)
    campaign = campaign_lock(campaign_id)
    require_conduct(rights, campaign)
    return campaign


def require_conduct(rights: Rights, campaign: Campaign) -> None:
    rights.require_scope("admin")
    if may_conduct(rights, campaign.capability):
        return
    owner = campaign.capability.owner
    who = f"maintainers of {owner.slug} and platform admins" if owner else "platform admins"
    raise Forbidden(f"Only {who} may conduct campaigns of {campaign.capability.name}.", remedy="Ask one of them.")


def campaign_move(campaign: Campaign, event: str, **fields: Any) -> None:
    """The locked campaign in its next state; people and the platform both raise its version."""
    state = next_campaign_state(campaign.state, event)
    moved = Campaign.objects.filter(pk=campaign.pk, state=campaign.state).update(
        state=state, version=F("version") + 1, **fields
    )
    _require_first(moved)
    campaign.version += 1
    _same(campaign, state=state, **fields)


def wave_move(wave: CampaignWave, event: str, **fields: Any) -> None:
    state = next_wave_state(wave.state, event)
    _require_first(CampaignWave.objects.filter(pk=wave.pk, state=wave.state).update(state=state, **fields))
    _same(wave, state=state, **fields)


def item_move(item: CampaignItem, event: str, *, now: datetime, reason: str = "", **fields: Any) -> None:
    """``reason`` is what people read beside the state; empty where the state says all."""
    state = next_item_state(item.state, event)
    fields |= {"state": state, "reason": reason[:LONGEST_REASON], "changed_at": now}
    _require_first(CampaignItem.objects.filter(pk=item.pk, state=item.state).update(**fields))
    _same(item, **fields)


def campaign_actor(campaign: Campaign) -> Actor:
    """The platform, on behalf of who started the campaign, or drafted it."""
    conductor = campaign.started_by or campaign.created_by
    return platform_for(conductor.username) if conductor else PLATFORM


def campaign_audit(
    actor: Actor, campaign: Campaign, verb: str, *, before: str | None, after: str, now: datetime, **data: Any
) -> None:
    """``before`` and ``after`` are states: of the wave for the verbs of a wave, else of the campaign."""
    owner = campaign.capability.owner
    audit_append(
        actor,
        action=f"campaign.{verb}",
        object_type="campaign",
        object_id=str(campaign.pk),
        object_label=campaign.title,
        team_slug=owner.slug if owner else "",
        data={
            "capability": campaign.capability.name,
            "to": campaign.target.version,
            "before": {"state": before} if before else None,
            "after": {"state": after},
            **data,
        },
        now=now,
    )


def _require_first(moved: int) -> None:
    if moved != 1:
        raise Conflict("Somebody else acted at the same moment.", remedy="Open the campaign again to see the outcome.")


def _same(row: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)

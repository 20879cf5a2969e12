"""Amounts of quota and plans in the one form that every answer uses."""

from __future__ import annotations

from typing import Any

from governance.domain.quota import Amounts
from governance.domain.quota_state import QuotaState
from governance.models import Quota
from portal.api import paths
from portal.api.answers import figure, moment


def usage(amounts: Any) -> dict[str, Any]:
    """Whatever has ``cpu``, ``memory_gib`` and ``storage_gib``: an environment, a footprint."""
    return {
        "cpu": figure(amounts.cpu),
        "memory_gib": figure(amounts.memory_gib),
        "storage_gib": figure(amounts.storage_gib),
    }


def amounts(value: Amounts) -> dict[str, Any]:
    return {**usage(value), "environments": int(value.environments)}


def quota_row(quota: Quota, state: QuotaState) -> dict[str, Any]:
    """Needs ``team`` joined."""
    return {
        "team": quota.team.slug,
        "limit": amounts(state.limits),
        "used": amounts(state.used),
        "held": amounts(state.held),
        "left": amounts(state.left),
        "owed": amounts(state.owed),
        "ceilings": state.ceilings.as_dict(),
        "version": quota.version,
        "updated_at": moment(quota.updated_at),
        "url": paths.quota(quota.team.slug),
    }

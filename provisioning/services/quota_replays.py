"""Asks what other limits of a team would have done to recorded changes. Admins only, as they set limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.access import rights_of
from governance.domain.ceilings import ceilings_of
from governance.domain.quota import Amounts
from idp.catalog.models import Team
from idp.kernel.actor import Actor
from idp.kernel.canonical import digest
from provisioning.models import PolicyReplay
from provisioning.services.policy_replays import DAYS, Subject, replay_ask


def replay_of_quota(
    actor: Actor,
    *,
    team: Team,
    limits: Amounts,
    ceilings: Mapping[str, Any],
    days: int = DAYS,
    now: datetime,
) -> PolicyReplay:
    """What ``limits`` and ``ceilings`` would have said to the changes of the team's systems: the report, or a new one.

    Stores no limit. InvalidInput names each wrong figure.
    """
    rights_of(actor).require_admin()
    kept = ceilings_of(ceilings).as_dict()
    document = {
        "team": team.pk,
        "limits": {name: str(value) for name, value in limits.as_dict().items()},
        "ceilings": kept,
    }
    return replay_ask(actor, Subject("quota", team.slug, None, document, digest(document)), days, now=now)

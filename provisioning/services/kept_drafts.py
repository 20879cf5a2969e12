"""Keeps what somebody is still writing. The only writer of ``KeptDraft``.

A person's own scratch paper: it changes nothing that others see, so nothing is audited, and only its writer reads it.
Called by the form of an environment with each plan, and by the task that forgets what is over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from idp.catalog.models import System
from idp.kernel.actor import Actor
from provisioning.models import KeptDraft

TOKEN: Final = re.compile(r"[0-9a-f]{16}\Z")
LARGEST: Final = 200_000
KEPT_FOR: Final = timedelta(days=30)


def draft_keep(
    actor: Actor, *, token: str, system: System, environment: str, content: Mapping[str, Any], now: datetime
) -> bool:
    """Keep ``content`` (plain data) as the draft of the page ``token``; whether it was kept.

    One statement, and the last write wins: a page has one writer. A draft that is larger than any form could hold, or
    of somebody who is no person, is not kept. The caller has checked that the person may ask for ``system``.
    """
    if actor.user_id is None or not TOKEN.match(token) or len(json.dumps(content)) > LARGEST:
        return False
    row = KeptDraft(
        person_id=actor.user_id,
        system=system,
        environment=environment[:63],
        token=token,
        content=dict(content),
        changed_at=now,
    )
    KeptDraft.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["person", "token"],
        update_fields=["system", "environment", "content", "changed_at"],
    )
    return True


def draft_forget(actor: Actor, *, token: str) -> bool:
    """Forget the actor's own draft of the page ``token``; whether there was one."""
    if actor.user_id is None:
        return False
    return bool(KeptDraft.objects.filter(person_id=actor.user_id, token=token).delete()[0])


def drafts_forget(*, now: datetime) -> int:
    """Forget drafts that nobody touched for a month; how many."""
    return int(KeptDraft.objects.filter(changed_at__lt=now - KEPT_FOR).delete()[0])

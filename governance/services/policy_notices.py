"""Tells whoever answers for a policy that it cannot be evaluated; the requester learns only that it could not.

Called inside the transaction that stored such a verdict. At most once for each version of a policy.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from governance.access import admins
from governance.domain.policy import Verdict
from governance.models import Policy
from governance.services.notice_events import About
from governance.services.notices import notify

LONGEST: Final = 300


def policy_errors_told(verdicts: Iterable[Verdict], *, now: datetime) -> int:
    """Tell the last editor and the platform admins; how many were told. No query unless a policy errs."""
    erring = {verdict.policy: verdict for verdict in verdicts if verdict.outcome == "errors"}
    if not erring:
        return 0
    told = 0
    people = set(admins().values_list("pk", flat=True))
    for row in Policy.objects.filter(name__in=erring).order_by("name"):
        verdict = erring[row.name]
        stops = "It stops every change that it is asked about." if verdict.blocks else "It only observes."
        told += notify(
            "policy-errors",
            to=people | ({row.updated_by_id} if row.updated_by_id else set()),
            title=f"The policy {row.name} cannot be evaluated",
            text=f"{verdict.detail[:LONGEST]} {stops}",
            url=f"/policies/{row.name}/",
            key=f"policy:{row.name}:v{row.version}:errors",
            now=now,
            about=About(),
        )
    return told

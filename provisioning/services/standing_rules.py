"""Rules that the platform itself holds, whatever policies an organisation writes; judged like policies and shown so.

Called by the gate, after the policies. They ask or deny; none of them can be switched off, but a policy of the
organisation's own may take over the decision on sets that have not proven themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from governance.domain.policy import ApprovalRule, CompiledPolicy, Verdict
from provisioning.domain.lifetime import beyond_cap
from provisioning.models import Environment, Stage

TESTED = "only-tested-sets"
LIFE = "longest-life"
OWNED = "somebody-owns-it"


def standing_verdicts(
    kind: str,
    *,
    stage: Stage,
    environment: Environment | None,
    untested: str,
    expires: str | None,
    reason: str,
    policies: Iterable[CompiledPolicy],
    verdicts: Sequence[Verdict],
    now: datetime,
    alone: bool = False,
) -> Iterator[Verdict]:
    """What the platform says of a change that ends at ``expires``. ``verdicts`` are those of ``policies``.

    ``alone``: nobody is left in the owning team.
    """
    if kind == "promote" and alone:
        yield Verdict(
            policy=OWNED,
            title="What nobody owns is not promoted",
            outcome="denies",
            message="Nobody is left in its team who may ask for changes.",
            remedy="Transfer it to a team with people, or add some to its team.",
        )
    if kind == "promote" and untested:
        yield _untested(untested, reason, policies, verdicts)
    created = environment.created_at if environment else now
    if kind == "extend" and beyond_cap(expires, created=created, max_days=stage.max_days):
        yield Verdict(
            policy=LIFE,
            title="Nothing outlives its stage unasked",
            outcome="asks",
            message=f"It would live longer than the {stage.max_days} days of {stage.name}.",
            approvals=(ApprovalRule("team:maintainer"),),
        )


def _untested(why: str, reason: str, policies: Iterable[CompiledPolicy], verdicts: Sequence[Verdict]) -> Verdict:
    """Denied, unless a policy that looks at ``plan.tested`` asks people to decide, and the requester says why."""
    asks = {one.policy for one in verdicts if one.outcome == "asks"}
    decided = any(policy.name in asks and _reads_tested(policy) for policy in policies)
    title = "Only what has proven itself is promoted"
    if decided and reason.strip():
        return Verdict(TESTED, title, "warns", message=why)
    if decided:
        return Verdict(TESTED, title, "denies", message=why, remedy="Say in the reason why it cannot wait.")
    return Verdict(TESTED, title, "denies", message=why, remedy="Wait until it has run there long enough.")


def _reads_tested(policy: CompiledPolicy) -> bool:
    return policy.program is not None and any(path[:2] == ("plan", "tested") for path in policy.program.paths)

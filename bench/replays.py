"""A policy, a team's limits and an approval route over the changes that were recorded: how long each replay takes.

Reports are worked off as the workers do it, slice by slice, and deleted again. Judged by the clock on the wall; what
this process computed of it, which other work on the machine hardly moves, is told beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bench.policies import RULES
from bench.report import Row
from bench.seed import Seeded
from governance.domain.quota import Amounts
from governance.models import ApprovalRoute, Policy, Quota
from governance.services.policies import policy_save
from governance.services.routes import route_save
from idp.catalog.models import Team
from idp.kernel.actor import PLATFORM
from idp.kernel.clock import now
from provisioning.models import PolicyReplay
from provisioning.orchestrator.policy_replay import replay_advance
from provisioning.services.policy_replays import MOST_DAYS, replay_of_draft
from provisioning.services.quota_replays import replay_of_quota
from provisioning.services.route_replays import replay_of_route_draft

CHANGES, MOST_SECONDS = 50_000, 20.0
ASKING, ROUTE = "bench-asks-a-route", "bench-route"
MAINTAINERS = [{"from": "team:maintainer"}]
BUDGET = f"≤ {MOST_SECONDS:g} s for {CHANGES:,} changes"


def measure(at: Seeded) -> tuple[list[Row], dict[str, Any]]:
    """One row for each kind, on all changes of the database that is in use."""
    route_save(PLATFORM, document=_route({"name": "Team", "approvers": MAINTAINERS}), now=now())
    policy_save(PLATFORM, document=_policy(ASKING, "stage.production", f"route:{ROUTE}"), now=now())
    try:
        asked: dict[str, Callable[[], PolicyReplay]] = {
            "a policy": _of_policy,
            "limits of the largest team": lambda: _of_limits(at.team),
            "an approval route": _of_route,
        }
        found = {what: _measured(ask) for what, ask in asked.items()}
    finally:
        Policy.objects.filter(name=ASKING).delete()
        ApprovalRoute.objects.filter(name=ROUTE).delete()
    return [_row(what, one) for what, one in found.items()], found


def _measured(ask: Callable[[], PolicyReplay]) -> dict[str, Any]:
    report = ask()
    computed, began = time.process_time(), time.monotonic()
    while report.state in ("queued", "running"):
        replay_advance(report.pk)
        report.refresh_from_db()
    found = {
        "changes": report.done,
        "computed_s": round(time.process_time() - computed, 2),
        "wall_s": round(time.monotonic() - began, 2),
        "counts": report.counts,
    }
    state, error = report.state, report.error
    PolicyReplay.objects.filter(pk=report.pk).delete()
    if state != "succeeded":
        raise RuntimeError(f"The replay did not come to its end: {error}")
    return found


def _row(what: str, found: dict[str, Any]) -> Row:
    """Judged by what ``CHANGES`` would take at the same rate, where there are fewer."""
    share = max(1.0, CHANGES / max(found["changes"], 1))
    return Row(
        what=f"replay of {what}",
        floor="",
        measured=f"{found['wall_s']:.1f} s, {found['computed_s']:.1f} s computed, {found['changes']:,} changes",
        ratio="",
        budget=BUDGET,
        ok=found["wall_s"] * share <= MOST_SECONDS,
    )


def _of_policy() -> PolicyReplay:
    document = _policy("bench-replayed", RULES[2].format(number=1), "team:maintainer")
    return replay_of_draft(PLATFORM, document=document, days=MOST_DAYS, now=now())


def _of_limits(team: str) -> PolicyReplay:
    """Half of what the team has, and a limit of each further kind, so that all are looked at."""
    one = Team.objects.get(slug=team)
    limits = Amounts.of(Quota.objects.get(team=one))
    half = Amounts(limits.cpu / 2, limits.memory_gib / 2, limits.storage_gib / 2, limits.environments // 2)
    ceilings = {
        "monthly_cost": Decimal(1000),
        "stages": {"prod": {"cpu": Decimal(10)}},
        "capabilities": {"postgres": 50},
    }
    return replay_of_quota(PLATFORM, team=one, limits=half, ceilings=ceilings, days=MOST_DAYS, now=now())


def _of_route() -> PolicyReplay:
    skip = {"when": "plan.counts.removed == 0 && quota.cpu.ratio_after < 0.5", "sample": 10}
    owners = [{"from": "capabilities"}, {"from": "dependencies"}]
    document = _route({"name": "Team", "approvers": MAINTAINERS}, {"name": "Owners", "approvers": owners, "skip": skip})
    return replay_of_route_draft(PLATFORM, document=document, days=MOST_DAYS, now=now())


def _route(*stages: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "ApprovalRoute",
        "metadata": {"name": ROUTE},
        "spec": {"title": "A route that is tried", "stages": list(stages)},
    }


def _policy(name: str, when: str, source: str) -> dict[str, Any]:
    return {
        "apiVersion": "slipway.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {
            "title": "A rule that is tried",
            "mode": "observe",
            "when": when,
            "effect": "require-approval",
            "approvals": [{"from": source}],
            "message": "The plan costs ${string(plan.cost_after)} a month.",
        },
    }

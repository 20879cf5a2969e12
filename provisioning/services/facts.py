"""What policies are told about a change: the shape is ``governance.domain.facts.PolicyFacts``, kept with the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from governance.domain.facts import PolicyFacts, QuotaFacts, QuotaLineFacts, ResourceFacts, now_facts
from governance.domain.quota import NAMES
from idp.catalog.models import System
from provisioning.models import Environment, Stage
from provisioning.selectors.quota_lines import QuotaLine


def facts_of(
    *,
    kind: str,
    system: System,
    stage: Stage,
    environment: Environment | None,
    environment_name: str,
    base: Mapping[str, Any] | None,
    target: Mapping[str, Any] | None,
    plan: Mapping[str, Any],
    quota: Sequence[QuotaLine],
    requester: str,
    via: str,
    reason: str,
    now: datetime,
    untested: str = "",
) -> PolicyFacts:
    """Plain JSON values only; inputs keep their references as text and hold no secret.

    ``untested`` says why a promoted set has not proven itself; it is empty for every other kind.
    """
    return {
        "change": {"kind": kind, "requester": requester, "reason": reason.strip(), "via": via},
        "environment": {
            "name": environment_name,
            "stage": stage.name,
            "exists": environment is not None and environment.desired_id is not None,
            "expires_days": _days_left(plan["expires_after"], now),
            "drifted": environment is not None and environment.drifted > 0,
        },
        "system": {"name": system.slug, "restricted": system.restricted, "team": system.team.slug},
        "team": {"slug": system.team.slug, "name": system.team.name},
        "stage": {"name": stage.name, "production": stage.production, "order": stage.order},
        "plan": {
            "counts": plan["counts"],
            "resources": [_resource(one, base, target) for one in plan["resources"]],
            "usage_before": _usage(plan["usage_before"]),
            "usage_after": _usage(plan["usage_after"]),
            "cost_before": plan["cost_before"],
            "cost_after": plan["cost_after"],
            "tested": not untested,
            "power_before": plan["power_before"],
            "power_after": plan["power_after"],
        },
        "quota": _quota(quota),
        "now": now_facts(timezone.localtime(now)),
    }


def _days_left(expires: str | None, now: datetime) -> float | None:
    if expires is None:
        return None
    return round((datetime.fromisoformat(expires) - now).total_seconds() / 86400, 2)


def _usage(usage: Mapping[str, float]) -> Any:
    return {key: usage[key] for key in ("cpu", "memory_gib", "storage_gib")}


def _resource(
    planned: Mapping[str, Any], base: Mapping[str, Any] | None, target: Mapping[str, Any] | None
) -> ResourceFacts:
    name = planned["name"]
    after = (target or {}).get("resources", {}).get(name, {})
    before = (base or {}).get("resources", {}).get(name, {})
    return {
        "name": name,
        "action": planned["action"],
        "capability": planned["capability"],
        "contract": planned["contract_after"] or planned["contract_before"],
        "component": planned["component"],
        "inputs": after.get("inputs", {}),
        "inputs_before": before.get("inputs", {}),
        "lender": planned.get("lender", ""),
    }


def _quota(lines: Sequence[QuotaLine]) -> QuotaFacts:
    return {line.dimension: _quota_line(line) for line in lines if line.dimension in NAMES}  # type: ignore[return-value]


def _quota_line(line: QuotaLine) -> QuotaLineFacts:
    after = line.used + line.held + line.asked
    limit = line.limit or 0.0
    return {
        "limit": limit,
        "used": line.used,
        "held": line.held,
        "after": round(after, 3),
        "ratio_after": round(after / limit, 4) if limit else 1.0,
    }

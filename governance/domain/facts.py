"""What a policy may know of a change: the shape of the facts. Pure.

Provisioning builds exactly these (``PolicyFacts``) for the gate and keeps them with the change, so they hold JSON
types only and any policy can be replayed on them later. Amounts are cores and GiB, costs are per month. Inputs may
hold references as text (``"${resources.db.outputs.host}"``), never a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any, TypedDict

from idp.kernel.errors import FieldError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class ChangeFacts(TypedDict):
    kind: str
    requester: str
    reason: str
    via: str


class EnvironmentFacts(TypedDict):
    """``stage`` is the stage's name; ``exists`` is False for a create; ``expires_days`` is None for never.

    ``drifted``: something in it was changed outside, and that was neither put right nor snoozed.
    """

    name: str
    stage: str
    exists: bool
    expires_days: float | None
    drifted: bool


class SystemFacts(TypedDict):
    name: str
    restricted: bool
    team: str


class TeamFacts(TypedDict):
    slug: str
    name: str


class StageFacts(TypedDict):
    name: str
    production: bool
    order: int


class CountFacts(TypedDict):
    added: int
    updated: int
    removed: int
    unchanged: int


class UsageFacts(TypedDict):
    cpu: float
    memory_gib: float
    storage_gib: float


class ResourceFacts(TypedDict):
    """One resource of the plan, also an unchanged one. ``action`` is added, updated, removed or unchanged.

    ``inputs`` is empty for a removed one, ``inputs_before`` for an added one. ``lender`` is ``system/environment`` of a
    borrowed one, else empty.
    """

    name: str
    action: str
    capability: str
    contract: str
    component: str | None
    inputs: dict[str, Any]
    inputs_before: dict[str, Any]
    lender: str


class PlanFacts(TypedDict):
    """``tested`` is False for a promotion whose set has not run Ready for long enough where it comes from."""

    counts: CountFacts
    resources: list[ResourceFacts]
    usage_before: UsageFacts
    usage_after: UsageFacts
    cost_before: float
    cost_after: float
    tested: bool
    power_before: str
    power_after: str


class QuotaLineFacts(TypedDict):
    """``after`` is used + held with this change; ``ratio_after`` is its share of the limit (1 when the limit is 0)."""

    limit: float
    used: float
    held: float
    after: float
    ratio_after: float


class QuotaFacts(TypedDict):
    cpu: QuotaLineFacts
    memory_gib: QuotaLineFacts
    storage_gib: QuotaLineFacts
    environments: QuotaLineFacts


class NowFacts(TypedDict):
    """``time`` is ISO 8601; ``weekday`` and ``hour`` (0 to 23) are the platform's local ones."""

    time: str
    weekday: str
    hour: int


class PolicyFacts(TypedDict):
    change: ChangeFacts
    environment: EnvironmentFacts
    system: SystemFacts
    team: TeamFacts
    stage: StageFacts
    plan: PlanFacts
    quota: QuotaFacts
    now: NowFacts


NAMES = tuple(PolicyFacts.__annotations__)


def now_facts(local: datetime) -> NowFacts:
    """``local`` is aware and in the platform's time zone."""
    return {"time": local.isoformat(timespec="seconds"), "weekday": WEEKDAYS[local.weekday()], "hour": local.hour}


def neutral_facts() -> PolicyFacts:
    """An update that does nothing, in a stage that is not production: what a policy's test starts from."""
    usage: UsageFacts = {"cpu": 0, "memory_gib": 0, "storage_gib": 0}
    line: QuotaLineFacts = {"limit": 100, "used": 0, "held": 0, "after": 0, "ratio_after": 0}
    return {
        "change": {"kind": "update", "requester": "somebody", "reason": "", "via": "portal"},
        "environment": {"name": "example", "stage": "dev", "exists": True, "expires_days": None, "drifted": False},
        "system": {"name": "example", "restricted": False, "team": "example"},
        "team": {"slug": "example", "name": "Example"},
        "stage": {"name": "dev", "production": False, "order": 1},
        "plan": {
            "counts": {"added": 0, "updated": 0, "removed": 0, "unchanged": 0},
            "resources": [],
            "usage_before": usage,
            "usage_after": deepcopy(usage),
            "cost_before": 0,
            "cost_after": 0,
            "tested": True,
            "power_before": "awake",
            "power_after": "awake",
        },
        "quota": {
            "cpu": line,
            "memory_gib": deepcopy(line),
            "storage_gib": deepcopy(line),
            "environments": deepcopy(line),
        },
        "now": {"time": "2026-01-07T10:00:00+00:00", "weekday": "wednesday", "hour": 10},
    }


def neutral_resource() -> ResourceFacts:
    return {
        "name": "example",
        "action": "added",
        "capability": "web-service",
        "contract": "1.0.0",
        "component": None,
        "inputs": {},
        "inputs_before": {},
        "lender": "",
    }


def completed(partial: Mapping[str, Any]) -> dict[str, Any]:
    """``partial`` facts laid over neutral ones; a stage that is named once is named in both places."""
    facts = _laid_over(neutral_facts(), partial)
    environment, stage = partial.get("environment"), partial.get("stage")
    named_there = isinstance(environment, Mapping) and "stage" in environment
    named_here = isinstance(stage, Mapping) and "name" in stage
    if named_there and not named_here:
        facts["stage"]["name"] = facts["environment"]["stage"]
    if named_here and not named_there:
        facts["environment"]["stage"] = facts["stage"]["name"]
    resources = facts["plan"]["resources"]
    facts["plan"]["resources"] = [_laid_over(neutral_resource(), item) for item in resources]
    return facts


def unknown_facts(partial: Any, path: str) -> list[FieldError]:
    """Places in ``partial`` that no facts have, so that a misspelt test is not a test that always passes."""
    errors = _unknown(partial, neutral_facts(), path)
    plan = partial.get("plan") if isinstance(partial, Mapping) else None
    resources = plan.get("resources", []) if isinstance(plan, Mapping) else []
    if not isinstance(resources, list):
        return [*errors, FieldError(f"{path}.plan.resources", "This is a list of resources.")]
    for number, item in enumerate(resources):
        errors += _unknown(item, neutral_resource(), f"{path}.plan.resources.{number}")
    return errors


def _laid_over(base: Any, partial: Mapping[str, Any]) -> dict[str, Any]:
    laid = dict(base)
    for key, value in partial.items():
        both = isinstance(value, Mapping) and isinstance(laid.get(key), Mapping)
        laid[key] = _laid_over(laid[key], value) if both else deepcopy(value)
    return laid


def _unknown(partial: Any, known: Any, path: str) -> list[FieldError]:
    if not isinstance(known, Mapping) or not known:
        return []
    if not isinstance(partial, Mapping):
        return [FieldError(path, f"This is a map of {', '.join(known)}.")]
    errors = []
    for key, value in partial.items():
        if key not in known:
            errors.append(FieldError(f"{path}.{key}", f"There is no such fact; there is {', '.join(known)}."))
        else:
            errors += _unknown(value, known[key], f"{path}.{key}")
    return errors

"""From plans and environments to the quota's own unit, ``Amounts``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from governance.domain.ceilings import Extras
from governance.domain.quota import Amounts
from provisioning.models import Environment


def amounts_after(plan: Mapping[str, Any], side: str) -> Amounts:
    """``side`` is ``usage_before`` or ``usage_after`` of a plan."""
    usage = plan[side]
    return Amounts(
        cpu=Decimal(str(usage["cpu"])),
        memory_gib=Decimal(str(usage["memory_gib"])),
        storage_gib=Decimal(str(usage["storage_gib"])),
        environments=int(usage["environments"]),
    )


def amounts_while(plan: Mapping[str, Any]) -> Amounts:
    """The most that exists at one time while the plan is carried out: of a move both places, side by side."""
    before, after = amounts_after(plan, "usage_before"), amounts_after(plan, "usage_after")
    if not plan.get("move"):
        return larger(before, after)
    return replace(before + after, environments=after.environments)


def amounts_asked(plan: Mapping[str, Any]) -> Amounts:
    """What a change must find room for; a move back takes nothing that is not counted already."""
    move = plan.get("move")
    if not move:
        return amounts_after(plan, "usage_after")
    return amounts_after(plan, "usage_before") if move["back"] else amounts_while(plan)


def extras_after(plan: Mapping[str, Any], side: str) -> Extras:
    """What one ``side`` (``before`` or ``after``) of a plan takes besides amounts: money, resources by capability."""
    gone = "added" if side == "before" else "removed"
    there = Counter(one["capability"] for one in plan["resources"] if one["action"] != gone and "lender" not in one)
    return Extras(plan["stage"], Decimal(f"{plan[f'cost_{side}']:.2f}"), dict(there))


def amounts_of(environment: Environment) -> Amounts:
    """What the environment takes as it is wanted now."""
    return Amounts(environment.cpu, environment.memory_gib, environment.storage_gib, 1)


def larger(one: Amounts, other: Amounts) -> Amounts:
    """The larger of each dimension: while a run moves from one to the other, both may exist."""
    return Amounts(
        max(one.cpu, other.cpu),
        max(one.memory_gib, other.memory_gib),
        max(one.storage_gib, other.storage_gib),
        max(one.environments, other.environments),
    )

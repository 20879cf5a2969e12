"""From plans and environments to the quota's own unit, ``Amounts``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

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

"""A resource of a Score file that another environment lends: which one is meant, and what it tells. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from provisioning.domain.contract import Contract
from provisioning.domain.score.outcome import Lending
from provisioning.domain.score.rules import Rule
from provisioning.domain.score.values import MISSING, outputs_of


def lending_meant(lent: Sequence[Lending], rule: Rule) -> tuple[Lending, str]:
    """The first of ``lent``, and why it cannot be that one; empty when it is."""
    first, *others = lent
    if others:
        places = ", ".join(one.place for one in lent)
        return first, f"is lent by {places}; keep one of these grants, or choose another id"
    if first.capability != rule.capability:
        told = f"is lent by {first.place} as {first.capability}, and the rule for {rule.label} makes"
        return first, f"{told} {rule.capability}; choose another id"
    return first, ""


def outputs_lent(name: str, contract: Contract) -> Callable[[Sequence[str]], Any]:
    """The outputs of a borrowed resource, as references; ``MISSING`` for what stays in its own namespace."""
    known = outputs_of(name, contract)
    return lambda steps: known(steps) if steps[0] in contract.publish else MISSING

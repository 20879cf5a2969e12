"""Limits beyond a team's four amounts: of money a month, of one stage, of the resources of one capability. Pure.

``governance.services.quota`` holds them under the same lock as the amounts. A limit that is not written does not limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from governance.domain.quota import DIMENSIONS, NAMES, Amounts, Dimension, Shortage
from idp.kernel.errors import FieldError, InvalidInput

COST: Final = "monthly_cost"
MOST: Final = Decimal(1_000_000)
MOST_NAMES: Final = 40
STAGE_NAMES: Final = (*NAMES, COST)
_UNITS: Final = {one.name: one for one in (*DIMENSIONS, Dimension(COST, "monthly cost", "a month"))}


@dataclass(frozen=True, slots=True)
class Extras:
    """What something takes besides amounts: at which stage, money a month, and resources by capability."""

    stage: str = ""
    monthly_cost: Decimal = Decimal(0)
    resources: Mapping[str, int] = field(default_factory=dict)

    def beyond(self, other: Extras) -> Extras:
        """What this takes on top of ``other``; never below zero."""
        more = {name: count - other.resources.get(name, 0) for name, count in self.resources.items()}
        return Extras(
            self.stage,
            max(self.monthly_cost - other.monthly_cost, Decimal(0)),
            {name: count for name, count in more.items() if count > 0},
        )

    def largest(self, other: Extras) -> Extras:
        names = sorted({*self.resources, *other.resources})
        return Extras(
            self.stage or other.stage,
            max(self.monthly_cost, other.monthly_cost),
            {name: max(self.resources.get(name, 0), other.resources.get(name, 0)) for name in names},
        )

    def __bool__(self) -> bool:
        return bool(self.monthly_cost or self.resources)


@dataclass(frozen=True, slots=True)
class Part:
    """What a team uses or holds at one stage. ``state`` is ``used`` or ``held``."""

    state: str
    stage: str
    amounts: Amounts
    monthly_cost: Decimal = Decimal(0)

    def of(self, name: str) -> Decimal:
        return self.monthly_cost if name == COST else Decimal(getattr(self.amounts, name))


@dataclass(frozen=True, slots=True)
class Ceilings:
    """``stages`` maps a stage to limits by the names of ``STAGE_NAMES``; ``capabilities`` to a number of resources."""

    monthly_cost: Decimal | None = None
    stages: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    capabilities: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.monthly_cost is not None or bool(self.stages or self.capabilities)

    def counts(self, resources: Mapping[str, int]) -> bool:
        """Whether one of these capabilities is limited, so that somebody must count them."""
        return any(name in self.capabilities for name in resources)

    def as_dict(self) -> dict[str, Any]:
        """As JSON keeps it, figures as text; what does not limit is left out."""
        kept: dict[str, Any] = {}
        if self.monthly_cost is not None:
            kept[COST] = str(self.monthly_cost)
        if self.stages:
            kept["stages"] = {
                stage: {name: str(limit) for name, limit in sorted(limits.items())}
                for stage, limits in sorted(self.stages.items())
            }
        if self.capabilities:
            kept["capabilities"] = dict(sorted(self.capabilities.items()))
        return kept


def ceilings_of(document: Mapping[str, Any]) -> Ceilings:
    """From what ``Ceilings.as_dict`` keeps, or from what a person sent; InvalidInput names each wrong figure."""
    errors: list[FieldError] = []
    unknown = sorted(set(document) - {COST, "stages", "capabilities"})
    errors += [FieldError(f"ceilings.{name}", "Use monthly_cost, stages or capabilities.") for name in unknown]
    cost = document.get(COST)
    total = None if cost is None else _figure(cost, f"ceilings.{COST}", errors)
    stages = {}
    for stage, limits in _mapping(document, "stages", errors).items():
        found = _stage_limits(stage, limits, errors)
        if found:
            stages[stage] = found
    counts = _mapping(document, "capabilities", errors)
    capabilities = {name: _count(value, f"ceilings.capabilities.{name}", errors) for name, value in counts.items()}
    if errors:
        raise InvalidInput(f"These limits are not right yet: {errors[0].message}", errors=errors)
    return Ceilings(total, stages, capabilities)


@dataclass(frozen=True, slots=True)
class Reading:
    """One ceiling with what is taken of it. ``key`` is the amount's name or the capability's."""

    dimension: Dimension
    key: str
    limit: Decimal | int
    used: Decimal | int
    held: Decimal | int


def readings(
    ceilings: Ceilings, parts: Iterable[Part], counted: Mapping[str, int], extras: Extras
) -> Iterator[Reading]:
    """The ceilings that bear on ``extras``: money, those of its stage, those of its capabilities.

    ``counted`` are the team's resources by capability, used and held; which of both is not told apart there.
    """
    parts = tuple(parts)
    if ceilings.monthly_cost is not None:
        yield _reading(_UNITS[COST], COST, ceilings.monthly_cost, parts)
    there = tuple(part for part in parts if part.stage == extras.stage)
    for name, limit in ceilings.stages.get(extras.stage, {}).items():
        unit = _UNITS[name]
        dimension = Dimension(f"{extras.stage}.{name}", f"{unit.label} at {extras.stage}", unit.unit)
        yield _reading(dimension, name, limit, there)
    for name in extras.resources:
        if name in ceilings.capabilities:
            dimension = Dimension(f"resources.{name}", f"{name} resources", "resources")
            yield Reading(dimension, name, ceilings.capabilities[name], counted.get(name, 0), 0)


def asked_of(reading: Reading, asked: Amounts, extras: Extras) -> Decimal | int:
    """What of ``asked`` and ``extras`` counts against the reading's ceiling."""
    if reading.dimension.name.startswith("resources."):
        return extras.resources.get(reading.key, 0)
    return extras.monthly_cost if reading.key == COST else Decimal(getattr(asked, reading.key))


def check_ceilings(
    ceilings: Ceilings, parts: Iterable[Part], counted: Mapping[str, int], asked: Amounts, extras: Extras
) -> tuple[Shortage, ...]:
    """Each ceiling that what is asked (zero or more of everything) would break."""
    found = []
    for one in readings(ceilings, parts, counted, extras):
        wanted = asked_of(one, asked, extras)
        missing = one.used + one.held + wanted - one.limit
        if wanted > 0 and missing > 0:
            found.append(Shortage(one.dimension, one.limit, one.used, one.held, wanted, missing))
    return tuple(found)


def summed(parts: Iterable[Part], state: str) -> Amounts:
    return Amounts.total(part.amounts for part in parts if part.state == state)


def _reading(dimension: Dimension, name: str, limit: Decimal, parts: Iterable[Part]) -> Reading:
    used = held = Decimal(0)
    for part in parts:
        if part.state == "used":
            used += part.of(name)
        else:
            held += part.of(name)
    return Reading(dimension, name, limit, used, held)


def _stage_limits(stage: str, limits: Any, errors: list[FieldError]) -> dict[str, Decimal]:
    if not isinstance(limits, Mapping):
        errors.append(FieldError(f"ceilings.stages.{stage}", "Write limits by their names."))
        return {}
    found = {}
    for name, value in limits.items():
        path = f"ceilings.stages.{stage}.{name}"
        if name not in STAGE_NAMES:
            errors.append(FieldError(path, f"Use one of {', '.join(STAGE_NAMES)}."))
        elif value is not None:
            found[name] = _figure(value, path, errors)
    return found


def _mapping(document: Mapping[str, Any], name: str, errors: list[FieldError]) -> Mapping[str, Any]:
    found = document.get(name) or {}
    if not isinstance(found, Mapping) or len(found) > MOST_NAMES:
        errors.append(FieldError(f"ceilings.{name}", f"Write at most {MOST_NAMES} names, each with its limits."))
        return {}
    return found


def _figure(value: Any, path: str, errors: list[FieldError]) -> Decimal:
    try:
        number = Decimal(str(value))
        right = not isinstance(value, bool) and 0 <= number <= MOST
    except InvalidOperation:
        right = False
    if right:
        return number.quantize(Decimal("0.001"))
    errors.append(FieldError(path, f"A limit is a number from 0 to {MOST}."))
    return Decimal(0)


def _count(value: Any, path: str, errors: list[FieldError]) -> int:
    number = _figure(value, path, errors)
    if number != int(number):
        errors.append(FieldError(path, "A number of resources is whole."))
    return int(number)

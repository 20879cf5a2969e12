"""What a capability costs, stage by stage: the price list of each stage's cluster applied to the contract's examples.

Read by the marketplace and by the capability page. How much an example takes never changes with a published contract,
so it is kept per process by digest; prices are read anew each time, as they are few and admins change them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.core.cache import cache
from django.db.models import Min

from idp.kernel.errors import SlipwayError
from portal.drawing import words
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.plan import Footprint, Prices
from provisioning.domain.render import RenderContext, usage_of
from provisioning.models import Cluster, Contract, Stage
from provisioning.selectors.clusters import prices_of
from provisioning.selectors.stages import stage_list

MOST_KNOWN: Final = 2_000
PRICES_KNOWN_FOR: Final = 10
_PRICE_LISTS: Final = "capabilities.price-lists"
ANYWHERE: Final = RenderContext(
    environment={"name": "example", "namespace": "system-example", "stage": "dev"},
    system={"name": "system"},
    team={"name": "Team", "slug": "team"},
    stage={"name": "dev"},
)


@dataclass(frozen=True, slots=True)
class Price:
    """What it costs a month for the cheapest of its examples; ``varies`` when another costs more."""

    amount: float
    varies: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What one example takes while it runs and while it sleeps; ``asleep`` is None where sleeping changes nothing."""

    title: str
    awake: Footprint
    asleep: Footprint | None


@dataclass(frozen=True, slots=True)
class Column:
    """Stages that share one price list."""

    stages: tuple[str, ...]
    clusters: tuple[str, ...]
    prices: Prices


@dataclass(frozen=True, slots=True)
class CostLine:
    """One example: what it takes in words, and for each column what it costs a month, awake and asleep."""

    title: str
    takes: str
    amounts: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class CostTable:
    columns: tuple[Column, ...]
    lines: tuple[CostLine, ...]

    @property
    def is_free(self) -> bool:
        return not any(awake or asleep for line in self.lines for awake, asleep in line.amounts)


def cheapest_prices() -> Prices:
    """The lowest price of each dimension on any cluster that a stage uses; prices are "from". One query."""
    found = Cluster.objects.filter(pk__in=Stage.objects.values("cluster")).aggregate(
        cpu=Min("price_cpu"), memory=Min("price_memory_gib"), storage=Min("price_storage_gib")
    )
    return Prices(float(found["cpu"] or 0), float(found["memory"] or 0), float(found["storage"] or 0))


def price_of(taken: Iterable[Taken], prices: Prices) -> Price | None:
    """The monthly cost of the cheapest example; None where no usage can be computed."""
    costs = [prices.of(one.awake) for one in taken]
    return Price(min(costs), varies=len(set(costs)) > 1) if costs else None


def cost_table(taken: Sequence[Taken]) -> CostTable:
    """Examples by the price lists of the stages, which are kept for seconds: they are few and everyone's."""
    columns: list[Column] = cache.get_or_set(_PRICE_LISTS, lambda: _columns(stage_list()), PRICES_KNOWN_FOR) or []
    lines = (CostLine(one.title, _takes(one.awake), tuple(_costs(one, column) for column in columns)) for one in taken)
    return CostTable(tuple(columns), tuple(lines))


def lowest(columns: Iterable[Column]) -> Prices:
    """The lowest price of each dimension among the lists, so that one page needs to read them once."""
    lists = [one.prices for one in columns] or [Prices()]
    return Prices(
        min(one.cpu for one in lists), min(one.memory_gib for one in lists), min(one.storage_gib for one in lists)
    )


def _columns(stages: Iterable[Stage]) -> list[Column]:
    found: dict[Prices, Column] = {}
    for stage in stages:
        prices = prices_of(stage.cluster, stage=stage.name)
        held = found.get(prices, Column((), (), prices))
        clusters = tuple(dict.fromkeys((*held.clusters, stage.cluster.name)))
        found[prices] = Column((*held.stages, stage.name), clusters, prices)
    return list(found.values())


def _costs(one: Taken, column: Column) -> tuple[float, float | None]:
    return column.prices.of(one.awake), column.prices.of(one.asleep) if one.asleep is not None else None


def _takes(used: Footprint) -> str:
    parts = [
        f"{words.number(amount)} {unit}"
        for amount, unit in ((used.cpu, "CPU"), (used.memory_gib, "GiB memory"), (used.storage_gib, "GiB storage"))
        if amount
    ]
    return ", ".join(parts) or "Nothing that is counted"


_KNOWN: dict[str, tuple[Taken, ...]] = {}


def taken_by(row: Contract) -> tuple[Taken, ...]:
    """What its examples take. Needs the document only where this process has not seen the contract."""
    if row.digest not in _KNOWN:
        if len(_KNOWN) > MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[row.digest] = _taken(row.document)
    return _KNOWN[row.digest]


def is_known(digest: str) -> bool:
    return digest in _KNOWN


def _taken(document: Mapping[str, Any]) -> tuple[Taken, ...]:
    if not document:
        return ()
    contract = parse_contract(document)
    asked = [(one.title or one.name.capitalize(), contract.with_defaults(one.inputs)) for one in contract.examples]
    bare = contract.with_defaults({})
    if not contract.validate_inputs(bare) and all(inputs != bare for _, inputs in asked):
        asked.insert(0, ("With the defaults", bare))
    found = (_of_inputs(contract, title, inputs) for title, inputs in asked)
    return tuple(one for one in found if one is not None)


def _of_inputs(contract: ParsedContract, title: str, filled: Mapping[str, Any]) -> Taken | None:
    """None when the usage depends on what only an environment knows."""
    place = ANYWHERE.of("example", contract)
    try:
        awake = usage_of(contract, filled, place)
        asleep = usage_of(contract, filled, replace(place, power="asleep"))
    except SlipwayError:
        return None
    return Taken(title, awake, asleep if asleep != awake else None)

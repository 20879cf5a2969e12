"""Capabilities as cards and as documentation: versions, examples, price, who uses which."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import yaml
from django.core.cache import cache
from django.db.models import Count, Min
from django.urls import reverse

from idp.kernel.errors import SlipwayError
from portal.reading import schema_table
from portal.reading.version_history import Step, history
from provisioning.domain.contract import Contract as ParsedContract
from provisioning.domain.contract import parse_contract
from provisioning.domain.plan import Prices
from provisioning.domain.render import RenderContext, usage_of
from provisioning.models import Capability, Cluster, Contract, Resource, Stage
from provisioning.selectors.capabilities import BAD_STATES, Use

CATEGORY_ORDER: Final = ("compute", "data", "network", "messages")
STATE_ORDER: Final = ("stable", "preview", "deprecated", "defective", "retired")
FEW: Final = 6
IN_USE_KNOWN_FOR: Final = 60
MOST_KNOWN: Final = 2_000
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
class Card:
    capability: Capability
    contract: Contract
    in_use: int
    price: Price | None


def cards() -> list[Card]:
    """Every capability that has a version, with its best one: stable before preview before the rest. Three queries."""
    versions: dict[int, list[Contract]] = defaultdict(list)
    for row in Contract.objects.select_related("capability__owner").defer("capability__readme"):
        versions[row.capability_id].append(row)
    prices, used = cheapest_prices(), in_use()
    cards = []
    for found in versions.values():
        best = best_version(found)
        count = sum(used.get(row.pk, 0) for row in found)
        cards.append(Card(best.capability, best, count, price_words(best, prices)))
    return cards


def in_use() -> dict[int, int]:
    """Living resources by contract. Counting them all takes long where there are many, so a minute old will do."""
    found: dict[int, int] | None = cache.get_or_set("capabilities.in-use", _in_use, IN_USE_KNOWN_FOR)
    return found or {}


def _in_use() -> dict[int, int]:
    living = Resource.objects.filter(environment__deleted_at=None).exclude(state="gone").order_by()
    return dict(living.values_list("contract").annotate(n=Count("pk")))


def best_version(versions: Iterable[Contract]) -> Contract:
    """The newest of the best state."""
    return min(versions, key=lambda row: (STATE_ORDER.index(row.state), -row.major, -row.minor, -row.patch))


def shown_version(versions: Sequence[Contract], asked: str) -> Contract | None:
    """The version asked for, else the best; None when there is no such version."""
    if asked:
        return next((row for row in versions if row.version == asked), None)
    return best_version(versions) if versions else None


def fitting(found: Iterable[Card], *, query: str, category: str) -> list[Card]:
    """Cards of which every word stands in the name, title or summary, within a category."""
    words = query.lower().split()
    return [
        card
        for card in found
        if (not category or card.capability.category == category)
        and all(word in _words_of(card.capability) for word in words)
    ]


def _words_of(capability: Capability) -> str:
    return f"{capability.name} {capability.title} {capability.summary}".lower()


def by_category(found: Iterable[Card]) -> list[tuple[str, list[Card]]]:
    """Groups in the order people look for them, unknown ones after; few cards are one group without a name."""
    groups: dict[str, list[Card]] = defaultdict(list)
    cards = list(found)
    for card in cards:
        groups[card.capability.category].append(card)
    known = {name: index for index, name in enumerate(CATEGORY_ORDER)}
    ordered = sorted(groups, key=lambda name: (known.get(name, len(known)), name))
    sorted_groups = [(name, sorted(groups[name], key=lambda card: card.capability.name)) for name in ordered]
    if len(cards) > FEW:
        return sorted_groups
    return [("", [card for _, group in sorted_groups for card in group])] if cards else []


def cheapest_prices() -> Prices:
    """The lowest price of each dimension on any cluster that a stage uses; prices are "from". One query."""
    found = Cluster.objects.filter(pk__in=Stage.objects.values("cluster")).aggregate(
        cpu=Min("price_cpu"), memory=Min("price_memory_gib"), storage=Min("price_storage_gib")
    )
    return Prices(float(found["cpu"] or 0), float(found["memory"] or 0), float(found["storage"] or 0))


def price_words(row: Contract, prices: Prices) -> Price | None:
    """The monthly cost of the cheapest of its examples; None where the usage cannot be computed from them."""
    costs = _costs(row.digest, row.document, prices) if row.document else ()
    return Price(min(costs), varies=len(set(costs)) > 1) if costs else None


_KNOWN: dict[tuple[str, Prices], tuple[float, ...]] = {}


def _costs(digest: str, document: Mapping[str, Any], prices: Prices) -> tuple[float, ...]:
    """Costs of a contract's examples, kept per process, because neither a contract nor a price changes often."""
    if (digest, prices) not in _KNOWN:
        if len(_KNOWN) > MOST_KNOWN:
            _KNOWN.clear()
        contract = parse_contract(document)
        _KNOWN[digest, prices] = tuple(_cost(contract, example.inputs, prices) for example in contract.examples)
    return tuple(cost for cost in _KNOWN[digest, prices] if cost >= 0)


def _cost(contract: ParsedContract, inputs: Mapping[str, Any], prices: Prices) -> float:
    """Below zero when the usage depends on what only an environment knows."""
    try:
        return prices.of(usage_of(contract, contract.with_defaults(inputs), ANYWHERE.of("example", contract)))
    except SlipwayError:
        return -1.0


@dataclass(frozen=True, slots=True)
class Output:
    name: str
    type: str
    secret: bool
    meaning: str


def outputs(row: Contract) -> list[Output]:
    """What others may reference, as the contract declares it."""
    declared = row.document.get("spec", {}).get("outputs", {})
    return [_output(name, one) for name, one in declared.items()]


def _output(name: str, schema: Mapping[str, Any]) -> Output:
    meaning = str(schema.get("description") or schema.get("title") or "")
    return Output(name, schema_table.type_text(schema), bool(schema.get("secret")), meaning)


@dataclass(frozen=True, slots=True)
class Example:
    """One example three ways: as text to copy, as a link to the filled form, as a call."""

    name: str
    title: str
    yaml: str
    curl: str
    form_url: str


def examples(row: Contract, base_url: str) -> list[Example]:
    return [_example(row, one, base_url) for one in row.document.get("spec", {}).get("examples", [])]


def _example(row: Contract, one: Mapping[str, Any], base_url: str) -> Example:
    name = str(one.get("name", "example"))
    resource = {"capability": f"{row.capability.name}@{row.major}", "inputs": dict(one.get("inputs", {}))}
    document = {"my-resource": resource}
    query = urlencode({"capability": row.capability.name, "example": name})
    return Example(
        name=name,
        title=str(one.get("title") or name.replace("-", " ").capitalize()),
        yaml=yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=88),
        curl=_curl(document, base_url),
        form_url=f"{reverse('environment-new')}?{query}",
    )


def _curl(resources: Mapping[str, Any], base_url: str) -> str:
    body = {
        "kind": "create",
        "system": "my-system",
        "environment": "dev",
        "spec": {"stage": "dev", "resources": resources},
    }
    text = json.dumps(body, indent=2, ensure_ascii=False).replace("'", "'\\''")
    return (
        f"curl -X POST {base_url}/api/v1/plans/ \\\n"
        '  -H "Authorization: Bearer $SLIPWAY_TOKEN" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{text}'"
    )


@dataclass(frozen=True, slots=True)
class VersionLine:
    contract: Contract
    in_use: int
    note: str
    step: Step | None = None


def versions(rows: Sequence[Contract], used: Mapping[int, int]) -> list[VersionLine]:
    """All versions, newest first, with what each changed; ``used`` counts living resources by contract."""
    steps = history(rows)
    return [VersionLine(row, used.get(row.pk, 0), _note(row), steps.get(row.pk)) for row in rows]


def _note(row: Contract) -> str:
    spec = row.document.get("spec", {})
    if row.state_reason:
        return f"{row.state_reason}{f' Use {row.replacement} instead.' if row.replacement else ''}"
    if row.state == "defective":
        return str(spec.get("notes") or "Not offered any more.")
    return str(spec.get("notes") or spec.get("changelog") or "")


@dataclass(slots=True)
class UsageLine:
    """One system and the versions it runs in each stage, newest first."""

    system: Any
    cells: list[list[tuple[str, str]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """``stages`` are names in order. ``more``: further systems use it; ``outdated`` counts the shown ones to move."""

    stages: list[str]
    lines: list[UsageLine]
    outdated: int
    more: bool = False


def usage_matrix(uses: Sequence[Use], *, more: bool = False) -> Usage:
    """Systems by stages with (version, state) in the cells; ``outdated`` counts systems on a version that must go."""
    stages = sorted({(one.stage_order, one.stage) for one in uses})
    by_place: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
    systems = {}
    for one in uses:
        systems[one.system.pk] = one.system
        by_place[one.system.pk, one.stage].setdefault(one.version, one.state)
    lines = [
        UsageLine(system, [list(by_place.get((key, stage), {}).items()) for _, stage in stages])
        for key, system in sorted(systems.items(), key=lambda pair: pair[1].slug)
    ]
    bad = {one.system.pk for one in uses if one.state in BAD_STATES}
    return Usage([stage for _, stage in stages], lines, len(bad), more)

"""Capabilities as cards and as documentation: versions, examples, price, who uses which."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

import yaml
from django.db.models import QuerySet, Sum
from django.urls import reverse

from idp.kernel.prepared import Prepared
from portal.reading import schema_table
from portal.reading.capability_cost import Price, cheapest_prices, is_known, price_of, taken_by
from portal.reading.readme import Block
from portal.reading.version_history import Page, Step
from provisioning.models import Campaign, Capability, Contract, UseTally
from provisioning.selectors.campaigns import open_for
from provisioning.selectors.capabilities import BAD_STATES, Use, is_chosen

CATEGORY_ORDER: Final = ("compute", "data", "network", "messages")
STATE_ORDER: Final = ("stable", "preview", "deprecated", "defective", "retired")
FEW: Final = 6


@dataclass(frozen=True, slots=True)
class Card:
    capability: Capability
    contract: Contract
    in_use: int
    price: Price | None


def cards() -> list[Card]:
    """Every capability that has a version, with its best one: stable before preview before the rest.

    Five queries, and one more for contracts that this process has not seen; versions are read as bare tuples, for there
    may be thousands.
    """
    counts = in_use()
    best, used = _best_versions(counts)
    rows = Contract.objects.filter(pk__in=best).select_related("capability__owner")
    found = list(rows.defer("document", "capability__readme"))
    fresh = [row.pk for row in found if not is_known(row.digest)]
    documents = dict(Contract.objects.filter(pk__in=fresh).values_list("pk", "document")) if fresh else {}
    prices = cheapest_prices()
    made = []
    for row in found:
        if row.pk in documents:
            row.document = documents[row.pk]
        made.append(Card(row.capability, row, used[row.capability_id], price_of(taken_by(row), prices)))
    return made


def _best_versions(counts: Mapping[int, int]) -> tuple[list[int], dict[int, int]]:
    """The key of each capability's best version, and how many living resources each capability has."""
    best: dict[int, tuple[Any, int]] = {}
    used: dict[int, int] = defaultdict(int)
    rows = Contract.objects.values_list(
        "pk", "capability_id", "version", "state", "major", "minor", "patch", "default_of__pk"
    ).order_by()
    for key, capability, version, state, major, minor, patch, chosen in rows:
        used[capability] += counts.get(key, 0)
        rank = _rank(version, state, (major, minor, patch), chosen=chosen is not None)
        best[capability] = min(best.get(capability, (rank, key)), (rank, key))
    return [key for _, key in best.values()], used


def in_use() -> dict[int, int]:
    """Living resources by contract; one query of kept sums."""
    return {key: n for key, n in _in_use() if n}


@Prepared
def _in_use() -> QuerySet[UseTally, Any]:
    return UseTally.objects.order_by().values_list("contract_id").annotate(n=Sum("living"))


def best_version(versions: Iterable[Contract]) -> Contract:
    """The newest of the best state, or the default of its major where one is chosen. Needs ``default_of`` joined."""
    return min(
        versions,
        key=lambda row: _rank(row.version, row.state, (row.major, row.minor, row.patch), chosen=is_chosen(row)),
    )


def _rank(version: str, state: str, number: tuple[int, int, int], *, chosen: bool) -> tuple[Any, ...]:
    """The smaller the better."""
    major, minor, patch = number
    return (STATE_ORDER.index(state), "-" in version, -major, not chosen, -minor, -patch)


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
    """``leads``: the major that leads to it, as ``1.x``; ``chosen``: because an admin said so."""

    contract: Contract
    in_use: int
    note: str
    step: Step | None = None
    leads: str = ""
    chosen: bool = False


def versions(page: Page, defaults: Mapping[int, Contract], used: Mapping[int, int]) -> list[VersionLine]:
    """A page of versions, newest first, with what each changed; ``used`` counts living resources by version's key."""
    leading = {row.pk for row in defaults.values()}
    return [
        VersionLine(
            row,
            used.get(row.pk, 0),
            _note(row),
            page.steps.get(row.pk),
            f"{row.major}.x" if row.pk in leading else "",
            is_chosen(row),
        )
        for row in page.rows
    ]


def open_campaigns(capability: Any) -> Sequence[Campaign]:
    """Those under way; no query where ``capability_for_page`` says that there is none."""
    return list(open_for(capability)) if capability.has_campaign else []


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
    """``stages`` are names in order. ``outdated`` counts the shown systems to move; ``page`` is which are shown,
    ``more`` says that further ones follow."""

    stages: list[str]
    lines: list[UsageLine]
    outdated: int
    more: bool = False
    page: int = 1


def usage_matrix(uses: Sequence[Use], *, more: bool = False, page: int = 1) -> Usage:
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
    return Usage([stage for _, stage in stages], lines, len(bad), more, page)


def split_readme(found: Sequence[Block]) -> tuple[Sequence[Block], Sequence[Block]]:
    """What it is for, which stands before the first heading, and the rest."""
    cut = next((index for index, block in enumerate(found) if block.kind == "heading"), len(found))
    return found[:cut], found[cut:]

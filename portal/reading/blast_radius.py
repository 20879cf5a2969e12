"""A blast radius as its page shows it: progress, what each team would feel, and rows grouped by team and environment.

Read by ``portal.pages.blast_radius``. Judges nothing: outcomes come from the report, quotas are those of this moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from django.urls import reverse

from portal.drawing import words
from portal.drawing.states import STATES
from provisioning.domain.object_effects import OUTCOMES
from provisioning.models import BlastItem, BlastReport
from provisioning.selectors.blast import ALL, TeamLine

TEAMS_SHOWN: Final = 12
_SIDES: Final = {"cpu": ("CPU", "cores"), "memory_gib": ("memory", "GiB"), "storage_gib": ("storage", "GiB")}


@dataclass(frozen=True, slots=True)
class Share:
    """One outcome of the summary, with the address of its rows."""

    outcome: str
    count: int
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One resource. ``url`` leads to its objects, empty where nothing differs."""

    item: BlastItem
    change: str
    usage: str
    url: str
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """An environment and its resources on this page."""

    system: str
    environment: str
    stage: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A team and its environments on this page."""

    slug: str
    name: str
    places: tuple[Place, ...] = field(default=())


def shares(report: BlastReport, asked: Mapping[str, str]) -> list[Share]:
    """Every outcome that occurs, the worst first. A second click on the one that is chosen undoes it."""
    address = reverse("blast-report", args=[report.pk])
    team = f"&team={asked['team']}" if asked["team"] else ""
    found = []
    for outcome in OUTCOMES:
        if count := report.counts.get(outcome, 0):
            here = asked["verdict"] == outcome
            found.append(Share(outcome, count, f"{address}?verdict={'' if here else outcome}{team}", here))
    return found


def progress(report: BlastReport) -> dict[str, Any]:
    """How far it is, in environments: how many resources they hold is known once each is read."""
    share = report.done / report.total if report.total else 1.0
    return {
        "percent": int(share * 100),
        "text": f"{words.number(report.done)} of {words.count(report.total, 'environment,environments')}",
    }


def reach_words(report: BlastReport, majors: Iterable[int]) -> str:
    """Whom the version reaches, in one sentence."""
    own, *older = sorted(majors, reverse=True)
    if not older:
        return f"It reaches every living resource of {report.capability} {own}.x, whatever version of it runs."
    taken = " and ".join(f"{one}.x" for one in older)
    return f"It reaches what lives of {own}.x, and what its upgrade mapping takes along of {taken}."


def left_out_words(report: BlastReport) -> str:
    """What lives and is not reached."""
    if not report.left_out:
        return ""
    total = sum(report.left_out.values())
    versions = ", ".join(f"{count} on {version}" for version, count in list(report.left_out.items())[:6])
    verb = "is" if total == 1 else "are"
    return f"{words.count(total, 'resource,resources')} of other majors {verb} not reached ({versions})."


def groups(items: Iterable[BlastItem], version: str) -> list[Group]:
    """A page of rows, in the order of the report, by team and environment."""
    made = []
    for _, of_team in groupby(items, key=lambda one: one.team_id):
        rows = list(of_team)
        places = [
            _place(list(found), version)
            for _, found in groupby(rows, key=lambda one: (one.system_id, one.environment_id))
        ]
        made.append(Group(rows[0].team.slug, rows[0].team.name, tuple(places)))
    return made


def _place(items: list[BlastItem], version: str) -> Place:
    first = items[0]
    rows = tuple(_row(one, version) for one in items)
    return Place(first.system.slug, first.environment.name, first.stage, rows)


def _row(item: BlastItem, version: str) -> Row:
    count = len(item.objects_changed)
    url = reverse("blast-item", args=[item.report_id, item.pk]) if count or item.problems else ""
    change = item.version if item.version == version else f"{item.version} → {version}"
    return Row(item, change, usage_words(item), url, count)


def usage_words(one: BlastItem | TeamLine) -> str:
    """What it takes on top: "+1 core, −2 GiB memory"; empty when that stays the same."""
    parts = []
    for name, (label, unit) in _SIDES.items():
        if amount := getattr(one, name):
            sign = "+" if amount > 0 else ""
            shown = f"{sign}{words.number(amount)}"
            parts.append(f"{shown} {label}" if unit == "cores" else f"{shown} {unit} {label}")
    return ", ".join(parts)


def team_rows(lines: Iterable[TeamLine]) -> list[dict[str, Any]]:
    """One row per team: counts in the order of the columns, what it costs, and what its quota says to that."""
    return [
        {
            "slug": line.slug,
            "name": line.name,
            "cells": [(outcome, line.counts.get(outcome, 0)) for outcome in OUTCOMES],
            "cost": line.cost,
            "usage": usage_words(line),
            "left": _left_words(line),
            "short": line.short,
        }
        for line in lines
    ]


def _left_words(line: TeamLine) -> str:
    """What the quota leaves of the amounts that change: "1 of 16 CPU, 4 of 32 GiB memory left after it"."""
    left = []
    for one in line.quota:
        if one.left is not None and one.limit is not None:
            label, unit = _SIDES[one.dimension]
            of = f"{words.number(one.left)} of {words.number(one.limit)}"
            left.append(f"{of} {label}" if unit == "cores" else f"{of} {unit} {label}")
    return f"{', '.join(left)} left after it" if left else ""


def verdict_options() -> list[dict[str, str]]:
    table = STATES["impact"]
    return [
        {"value": ALL, "label": "All, also unchanged"},
        *({"value": outcome, "label": table[outcome].word} for outcome in OUTCOMES),
    ]


def team_options(report: BlastReport) -> list[dict[str, str]]:
    teams = sorted(report.teams.values(), key=lambda one: one["name"])
    return [{"value": one["slug"], "label": one["name"]} for one in teams]


def diff_lines(item: BlastItem) -> list[dict[str, Any]]:
    """The objects that differ, as ``components/_diff.html`` draws them."""
    return [
        {
            "name": f"{one['kind']} {one['name']}",
            "action": one["action"],
            "icon": "file-code",
            "effect": _more(one),
            "lines": one["lines"],
        }
        for one in item.objects_changed
    ]


def _more(one: Mapping[str, Any]) -> str:
    reason = str(one["reason"]).removeprefix(f"{one['kind']} {one['name']} ")
    more = f" {one['more']} more lines differ." if one["more"] else ""
    return f"{reason[:1].upper()}{reason[1:]}{more}"

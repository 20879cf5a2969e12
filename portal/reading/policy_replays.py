"""A replay of a policy as its pages show it: progress, the sentence, shares by outcome, teams.

Read by ``portal.pages.policies`` and ``policy_replays``. Judges nothing: outcomes come from the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse

from portal.drawing import words
from portal.drawing.states import STATES
from provisioning.domain.replay import STRUCK, sentence
from provisioning.models import PolicyReplay
from provisioning.selectors.policy_replays import team_lines

OVER: Final = ("succeeded", "failed")
TEAMS_IN_SHORT: Final = 5
SHARE_WORDS: Final[Mapping[str, str]] = {
    "denies": "Denied",
    "errors": "Cannot be evaluated",
    "asks": "Delayed for approval",
    "warns": "Warned about",
    "passes": "Let through",
}


@dataclass(frozen=True, slots=True)
class Share:
    """One outcome; ``url`` leads to its rows, empty for what has none."""

    outcome: str
    word: str
    count: int
    url: str
    here: bool = False


@dataclass(frozen=True, slots=True)
class ReplayView:
    """All that the summary shows."""

    report: PolicyReplay
    over: bool
    sentence: str
    aside: str
    percent: int
    progress: str
    shares: tuple[Share, ...]
    teams: tuple[dict[str, Any], ...]


def view_of(report: PolicyReplay, *, asked: Mapping[str, str] | None = None, in_short: bool = True) -> ReplayView:
    """``asked`` are the filters of the report's page: outcome and team."""
    over = report.state in OVER
    teams = [_team(line) for line in team_lines(report)]
    share = report.done / report.total if report.total else 1.0
    return ReplayView(
        report,
        over,
        sentence(report.counts, report.total, report.days) if report.state == "succeeded" else "",
        _aside(report),
        int(share * 100),
        f"{words.number(report.done)} of {words.count(report.total, 'change,changes')}",
        tuple(_shares(report, asked or {})),
        tuple([team for team in teams if team["struck"]][:TEAMS_IN_SHORT] if in_short else teams),
    )


def _aside(report: PolicyReplay) -> str:
    """What the sentence leaves out."""
    told = []
    if report.denied_then:
        verb = "was" if report.denied_then == 1 else "were"
        told.append(f"{words.number(report.denied_then)} of those {verb} denied then, too.")
    if outside := report.counts.get("outside", 0):
        told.append(f"{words.count(outside, 'change lies,changes lie').capitalize()} outside of its scope.")
    if unrecorded := report.counts.get("unrecorded", 0):
        told.append(f"{words.count(unrecorded, 'change,changes').capitalize()} kept no facts to judge by.")
    return " ".join(told)


def _shares(report: PolicyReplay, asked: Mapping[str, str]) -> list[Share]:
    address = reverse("policy-replay", args=[report.pk])
    team = f"&team={asked['team']}" if asked.get("team") else ""
    found = []
    for outcome, word in SHARE_WORDS.items():
        if count := report.counts.get(outcome, 0):
            here = asked.get("outcome") == outcome
            url = f"{address}?outcome={'' if here else outcome}{team}" if outcome in STRUCK else ""
            found.append(Share(outcome, word, count, url, here))
    return found


def _team(line: Mapping[str, Any]) -> dict[str, Any]:
    cells = [(outcome, line["counts"].get(outcome, 0)) for outcome in SHARE_WORDS]
    return {"slug": line["slug"], "name": line["name"], "struck": line["struck"], "cells": cells}


def outcome_options(report: PolicyReplay) -> list[dict[str, str]]:
    table = STATES["policy"]
    return [{"value": one, "label": table[one].word} for one in STRUCK if report.counts.get(one)]


def team_options(report: PolicyReplay) -> list[dict[str, str]]:
    teams = sorted(report.teams.values(), key=lambda one: one["name"])
    return [{"value": one["slug"], "label": one["name"]} for one in teams]

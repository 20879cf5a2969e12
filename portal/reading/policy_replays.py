"""A replay of a policy, of limits or of a route as its pages show it: progress, the sentence, shares by outcome, teams.

Read by ``portal.pages.policies``, ``policy_replays`` and where limits and routes are edited. Judges nothing: outcomes
come from the report.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.urls import reverse

from portal.drawing import words
from portal.reading.policies import DAYS_OFFERED
from provisioning.domain.replay import STRUCK, sentence
from provisioning.models import PolicyReplay, PolicyReplayItem
from provisioning.selectors.policy_replays import team_lines

OVER: Final = ("succeeded", "failed")
TEAMS_IN_SHORT: Final = 5
SHARE_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "policy": {
        "denies": "Denied",
        "errors": "Cannot be evaluated",
        "asks": "Delayed for approval",
        "warns": "Warned about",
        "passes": "Let through",
    },
    "quota": {"denies": "Refused", "admits": "Room for what was refused", "passes": "As it was"},
    "route": {"asks": "Delayed", "admits": "Let through without waiting", "passes": "As it was"},
}
OUTSIDE: Final[Mapping[str, str]] = {
    "policy": "{} outside of its scope.",
    "quota": "{} for nothing more.",
    "route": "{} outside of what asks for it.",
}
LEDES: Final[Mapping[str, str]] = {
    "policy": "What it would have said, had it been enforced, on what was recorded with each change.",
    "quota": "What these limits would have said, by what was used and held when each change was asked for.",
    "route": "Whom it would have asked, beside whom each change really waited for.",
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
class Peak:
    """How high one limit was used. ``over``: above what is tried."""

    label: str
    limit: str
    most: str
    percent: int
    at: datetime
    over: bool


@dataclass(frozen=True, slots=True)
class ReplayView:
    """All that the summary shows. ``crumbs`` are pairs of address and word, the address empty where there is none."""

    report: PolicyReplay
    title: str
    crumbs: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    lede: str
    peaks: tuple[Peak, ...]
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
    teams = [_team(report, line) for line in team_lines(report)]
    share = report.done / report.total if report.total else 1.0
    return ReplayView(
        report,
        _title(report),
        _crumbs(report),
        tuple(SHARE_WORDS[report.subject].values()),
        LEDES[report.subject],
        tuple(_peak(one) for one in report.peaks),
        over,
        sentence(report.counts, report.total, report.days, report.subject) if report.state == "succeeded" else "",
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
        verbs = "change asked,changes asked" if report.subject == "quota" else "change lies,changes lie"
        told.append(OUTSIDE[report.subject].format(words.count(outside, verbs).capitalize()))
    if unrecorded := report.counts.get("unrecorded", 0):
        told.append(f"{words.count(unrecorded, 'change,changes').capitalize()} kept no facts to judge by.")
    return " ".join(told)


def _shares(report: PolicyReplay, asked: Mapping[str, str]) -> list[Share]:
    address = reverse("policy-replay", args=[report.pk])
    team = f"&team={asked['team']}" if asked.get("team") else ""
    found = []
    for outcome, word in SHARE_WORDS[report.subject].items():
        if count := report.counts.get(outcome, 0):
            here = asked.get("outcome") == outcome
            url = f"{address}?outcome={'' if here else outcome}{team}" if outcome in STRUCK else ""
            found.append(Share(outcome, word, count, url, here))
    return found


def _title(report: PolicyReplay) -> str:
    return f"Limits of {_team_name(report)}" if report.subject == "quota" else report.policy


def _team_name(report: PolicyReplay) -> str:
    """Of limits: the report keeps the names of the teams it speaks of, once one of them asked for something."""
    return next((one["name"] for one in report.teams.values() if one["slug"] == report.policy), report.policy)


def _crumbs(report: PolicyReplay) -> tuple[tuple[str, str], ...]:
    """The way to what was replayed; a draft may have no page."""
    if report.subject == "quota":
        return (reverse("teams"), "Teams"), (reverse("team", args=[report.policy]), _team_name(report))
    if report.subject == "route":
        of_route = reverse("approval-route", args=[report.policy]) if report.version else ""
        return (reverse("approval-routes"), "Approval routes"), (of_route, report.policy)
    of_policy = reverse("policy", args=[report.policy]) if report.version else ""
    return (reverse("policies"), "Policies"), (of_policy, report.policy)


def _peak(one: Mapping[str, str]) -> Peak:
    limit, most = Decimal(one["limit"]), Decimal(one["most"])
    share = int(most * 100 / limit) if limit else 100 * bool(most)
    label = one["label"][0].upper() + one["label"][1:]
    unit = "" if one["unit"] == "environments" else f" {one['unit']}"
    at = datetime.fromisoformat(one["at"])
    return Peak(label, f"{words.number(limit)}{unit}", f"{words.number(most)}{unit}", share, at, most > limit)


def days_asked(given: str) -> int | None:
    """How far somebody asks to look back; None when it is not among what is offered, so that nothing is asked."""
    return int(given) if given in {str(days) for days in DAYS_OFFERED} else None


def _team(report: PolicyReplay, line: Mapping[str, Any]) -> dict[str, Any]:
    shown = SHARE_WORDS[report.subject].items()
    cells = [(word, line["counts"].get(outcome, 0)) for outcome, word in shown]
    return {"slug": line["slug"], "name": line["name"], "struck": line["struck"], "cells": cells}


def outcome_options(report: PolicyReplay) -> list[dict[str, str]]:
    said = SHARE_WORDS[report.subject]
    return [{"value": one, "label": said[one]} for one in STRUCK if report.counts.get(one)]


def row_words(report: PolicyReplay, rows: Iterable[PolicyReplayItem]) -> list[PolicyReplayItem]:
    """The rows, each with the ``word`` that its outcome has in the sums above them."""
    said, found = SHARE_WORDS[report.subject], list(rows)
    for one in found:
        one.word = said.get(one.outcome, "")  # type: ignore[attr-defined]  # for the template alone
    return found


def team_options(report: PolicyReplay) -> list[dict[str, str]]:
    teams = sorted(report.teams.values(), key=lambda one: one["name"])
    return [{"value": one["slug"], "label": one["name"]} for one in teams]

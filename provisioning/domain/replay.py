"""What a policy would have said of a change that was recorded, and the sums of many. Pure.

The sums are also those of limits and of approval routes (``quota_replay``, ``route_replay``).

The policy is asked as if it were enforced, on the facts that the gate kept; nothing else is known of that moment.
Called by ``provisioning.orchestrator.policy_replay`` and ``provisioning.services.policy_replays``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.policy import CompiledPolicy, enforced, evaluate
from idp.kernel.canonical import digest

RULES: Final = 1
"""Raised when the same policy over the same changes would be judged otherwise."""

SUBJECTS: Final = ("policy", "quota", "route")

OUTCOMES: Final = ("denies", "errors", "asks", "warns", "admits", "passes", "outside", "unrecorded")
"""The worst first. ``errors``: it cannot be evaluated on these facts and would have denied; ``admits``: it would have
let through what was refused or had to wait; ``outside``: of its scope; ``unrecorded``: the change kept no facts."""

STRUCK: Final = ("denies", "errors", "asks", "warns", "admits")
"""Outcomes that somebody would have felt; each is a row of the report."""

_VERBS: Final[Mapping[str, Mapping[str, str]]] = {
    "policy": {"denies": "denied", "asks": "asked for approval of"},
    "quota": {"denies": "refused", "admits": "found room for"},
    "route": {"asks": "delayed", "admits": "let through without waiting"},
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change as it was recorded. ``denied``: it did not get through then either."""

    change_id: int
    system_id: int
    team_id: int
    team: str
    team_name: str
    denied: bool
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the policy would have said. ``message`` is what the requester would have read; the detail of an error."""

    recorded: Recorded
    outcome: str
    message: str = ""


def replayed(policy: CompiledPolicy, recorded: Recorded) -> Replayed:
    """``policy`` as it would have been enforced."""
    if not recorded.facts:
        return Replayed(recorded, "unrecorded")
    verdicts = evaluate((enforced(policy),), recorded.facts)
    if not verdicts:
        return Replayed(recorded, "outside")
    said = verdicts[0]
    return Replayed(recorded, said.outcome, said.detail or said.message if said.outcome in STRUCK else "")


def question_of(document: Mapping[str, Any]) -> str:
    """The digest of what decides: another title, remedy, mode or test has the same answer."""
    decides = ("when", "effect", "scope", "message")
    return digest({key: document["spec"][key] for key in decides if key in document["spec"]})


def counted(counts: Mapping[str, int], found: Iterable[Replayed]) -> dict[str, int]:
    """``counts`` by outcome with ``found`` on top; what does not occur is left out."""
    made = dict(counts)
    for one in found:
        made[one.outcome] = made.get(one.outcome, 0) + 1
    return {outcome: made[outcome] for outcome in OUTCOMES if outcome in made}


def by_team(teams: Mapping[str, Any], found: Iterable[Replayed]) -> dict[str, Any]:
    """``teams`` with ``found`` on top, by the team's id as text: ``{"slug", "name", "counts"}``."""
    made = {key: {**one, "counts": dict(one["counts"])} for key, one in teams.items()}
    grouped: dict[str, list[Replayed]] = {}
    for one in found:
        grouped.setdefault(str(one.recorded.team_id), []).append(one)
    for key, group in grouped.items():
        first = group[0].recorded
        team = made.setdefault(key, {"slug": first.team, "name": first.team_name, "counts": {}})
        team["counts"] = counted(team["counts"], group)
    return made


def denied_then(found: Iterable[Replayed]) -> int:
    """How many of those that it would have denied did not get through anyway."""
    return sum(one.recorded.denied for one in found if one.outcome in ("denies", "errors"))


def sentence(counts: Mapping[str, int], total: int, days: int, subject: str = "policy") -> str:
    """“It would have denied 12 of 840 changes in 30 days.” ``subject`` is one of ``SUBJECTS``."""
    verbs = _VERBS[subject]
    parts = [
        f"{verb} {number:,}"
        for verb, number in (
            (verbs.get("denies", "denied"), counts.get("denies", 0) + counts.get("errors", 0)),
            (verbs.get("asks", ""), counts.get("asks", 0)),
            ("warned about", counts.get("warns", 0)),
            (verbs.get("admits", ""), counts.get("admits", 0)),
        )
        if number
    ]
    changes = "change" if total == 1 else "changes"
    told = f"{total:,} {changes} in {days} days"
    if not total:
        return f"There was no change in {days} days."
    if parts:
        return f"It would have {' and '.join(parts)} of {told}."
    if subject == "policy":
        return f"It would have let all {told} through."
    return f"Nothing would have been otherwise for {told}."

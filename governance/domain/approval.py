"""Which decisions a change needs, from what policies said. Pure; ``governance.services.approvals`` keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from governance.domain.policy import Verdict

MAX_REASON = 400
MAX_POLICY = 60
COSIGN = "cosign"
"""The source of a co-signature: of whoever may ask for changes of the owning team, which no agreement stands in for."""


@dataclass(frozen=True, slots=True)
class ApprovalNeed:
    """``count`` people from ``source`` must agree. ``source`` names the team: never the short ``team:maintainer``.

    Of a ``route`` the decisions of ``stage`` 1 are asked first, and those of the next when all of it have been given;
    ``skipped`` says why nobody is asked. Others are asked at once.
    """

    source: str
    count: int
    policy: str
    reason: str
    route: str = ""
    stage: int = 0
    stage_name: str = ""
    escalate_hours: float = 0
    escalate_to: str = ""
    expire_hours: float = 0
    skipped: str = ""

    @property
    def label(self) -> str:
        return source_label(self.source, self.count)


def needed_approvals(verdicts: Iterable[Verdict], team_slug: str) -> tuple[ApprovalNeed, ...]:
    """One need per source, in the order first asked: the highest count, with every reason and every policy's name.

    A source may be a route's (``route:<name>``), which ``governance.services.routing`` opens up into stages.
    """
    merged: dict[str, list[tuple[int, Verdict]]] = {}
    for verdict in verdicts:
        if verdict.outcome == "asks":
            for rule in verdict.approvals:
                merged.setdefault(named_source(rule.source, team_slug), []).append((rule.count, verdict))
    return tuple(_need(source, asked) for source, asked in merged.items())


def first_stages(needs: Iterable[ApprovalNeed]) -> dict[str, int]:
    """The stage of each route that is asked first: the lowest that nothing left out."""
    found: dict[str, int] = {}
    for need in needs:
        if not need.skipped:
            found[need.route] = min(need.stage, found.get(need.route, need.stage))
    return found


def named_source(source: str, team_slug: str) -> str:
    """``team:maintainer`` and ``cosign`` with the owning team's name; the others as they are."""
    if source == COSIGN:
        return f"{COSIGN}:{team_slug}"
    return f"team:{team_slug}:maintainer" if source == "team:maintainer" else source


def source_team(source: str) -> str | None:
    """The team's slug in ``team:<slug>:maintainer``, else None."""
    parts = source.split(":")
    return parts[1] if len(parts) == 3 and parts[0] == "team" else None


def source_group(source: str) -> str | None:
    """The group's name in ``group:<name>``, else None."""
    return source.removeprefix("group:") if source.startswith("group:") else None


def source_people(source: str) -> tuple[str, ...]:
    """The user names in ``people:<name>,<name>``; none of another source."""
    return tuple(source.removeprefix("people:").split(",")) if source.startswith("people:") else ()


def source_cosigned(source: str) -> str:
    """The team's slug in ``cosign:<slug>``; empty for every other source."""
    return source.removeprefix(f"{COSIGN}:") if source.startswith(f"{COSIGN}:") else ""


def source_label(source: str, count: int = 1) -> str:
    """For people: ``a maintainer of payments``, ``2 people of group platform``, ``ann or bob``."""
    if cosigned := source_cosigned(source):
        return f"a co-signer of {cosigned}"
    team, group, people = source_team(source), source_group(source), source_people(source)
    if people:
        return _people_label(people, count)
    if team is not None:
        return f"a maintainer of {team}" if count == 1 else f"{count} maintainers of {team}"
    name = group if group is not None else source
    return f"someone of group {name}" if count == 1 else f"{count} people of group {name}"


def _people_label(people: Sequence[str], count: int) -> str:
    if count >= len(people):
        return " and ".join(people)
    named = f"{', '.join(people[:-1])} {'or' if count == 1 else 'and'} {people[-1]}"
    return named if count == 1 else f"{count} of {named}"


def _need(source: str, asked: list[tuple[int, Verdict]]) -> ApprovalNeed:
    reasons = list(dict.fromkeys(verdict.message for _, verdict in asked))
    policies = list(dict.fromkeys(verdict.policy for _, verdict in asked))
    return ApprovalNeed(
        source=source,
        count=max(count for count, _ in asked),
        policy=_cut(", ".join(policies), MAX_POLICY),
        reason=_cut(" ".join(reasons), MAX_REASON),
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"

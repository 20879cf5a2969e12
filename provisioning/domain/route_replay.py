"""Whom an approval route would have asked at recorded changes, beside whom they really waited for. Pure.

Called by ``provisioning.orchestrator.replay_judges``. Facts, rules and approvals are those kept with a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.domain.approval import source_label
from governance.domain.facts import NAMES
from governance.domain.policy import CompiledPolicy, evaluate
from governance.domain.route import ROUTE, Owners, Route, route_needs
from idp.kernel import cel
from provisioning.domain.replay import Recorded, Replayed


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision that was asked for then: ``count`` people from ``source``, by ``route`` if one asked for it."""

    source: str
    count: int
    route: str = ""


@dataclass(frozen=True, slots=True)
class Waited:
    """A recorded change: what rules said to it (``Verdict.as_dict``) and every decision that it waited for."""

    recorded: Recorded
    digest: str
    verdicts: Sequence[Mapping[str, Any]]
    decisions: Sequence[Decision]


def route_replayed(route: Route, policies: Sequence[CompiledPolicy], waited: Waited, owners: Owners) -> Replayed:
    """What ``route`` would have done, asked wherever one of ``policies`` asks for it, or one did then.

    Without ``policies`` nothing asks for the route yet: then it is taken in place of every decision that was asked for.
    ``asks`` names who would have been asked that was not; ``admits`` says that nobody would have been.
    """
    recorded = waited.recorded
    if not recorded.facts:
        return Replayed(recorded, "unrecorded")
    if recorded.denied or not _applies(route, policies, waited):
        return Replayed(recorded, "outside")
    then = _most(waited.decisions)
    others = [one for one in waited.decisions if policies and one.route != route.name]
    wanted = _wanted(route, waited, owners)
    new = {source: count for source, count in wanted.items() if count > then.get(source, 0)}
    if new:
        return Replayed(recorded, "asks", _said(new, then))
    if then and not wanted and not others:
        return Replayed(recorded, "admits", f"Not asked any more: {_labels(then)}.")
    return Replayed(recorded, "passes")


def _applies(route: Route, policies: Sequence[CompiledPolicy], waited: Waited) -> bool:
    if not policies:
        return bool(waited.decisions)
    source = f"{ROUTE}{route.name}"
    if any(one.route == route.name for one in waited.decisions):
        return True
    if any(rule["source"] == source for said in waited.verdicts for rule in said.get("approvals", ())):
        return True
    return any(one.outcome == "asks" for one in evaluate(policies, waited.recorded.facts))


def _wanted(route: Route, waited: Waited, owners: Owners) -> dict[str, int]:
    facts = waited.recorded.facts
    needs = route_needs(
        route,
        team=waited.recorded.team,
        facts=cel.Facts({name: facts[name] for name in NAMES}),
        digest=waited.digest,
        owners=owners,
        reason="",
        policy="",
    )
    return _most(Decision(one.source, one.count) for one in needs if not one.skipped)


def _most(decisions: Iterable[Decision]) -> dict[str, int]:
    """The highest count of each source."""
    found: dict[str, int] = {}
    for one in decisions:
        found[one.source] = max(one.count, found.get(one.source, 0))
    return found


def _said(new: Mapping[str, int], then: Mapping[str, int]) -> str:
    """“Waits for a maintainer of payments; nobody was asked then.”"""
    return f"Waits for {_labels(new)}; {_labels(then) if then else 'nobody'} was asked then."


def _labels(counts: Mapping[str, int]) -> str:
    """Who, in words."""
    return " and ".join(source_label(source, count) for source, count in counts.items())

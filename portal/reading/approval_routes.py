"""Approval routes as pages show them: who agrees in each stage, who asks for the route, and what waits on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from governance.domain.approval import source_label
from governance.domain.policy import ApprovalRule
from governance.domain.route import Route, RouteStage, compiled, sources_of
from governance.models import Approval, ApprovalRoute
from governance.services.deciding import people_for
from governance.services.routes import policies_asking
from portal.drawing import words
from portal.reading.plan_words import listed
from provisioning.selectors.rubber_stamps import DAYS, SECONDS, Gate

MEANS: Final = {
    "team:maintainer": "maintainers of the team that owns the system",
    "capabilities": "maintainers of the teams that own the capabilities it touches",
    "dependencies": "maintainers of the teams whose systems it depends on",
}
STATES: Final = {"active": ("ready", "In force"), "draft": ("next", "Draft"), "retired": ("gone", "Retired")}


@dataclass(frozen=True, slots=True)
class StageLine:
    """A stage in words. ``who`` are pairs of who is asked and which people that is now."""

    number: int
    name: str
    who: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def stage_lines(route: Route) -> list[StageLine]:
    """Three queries at most, however many stages."""
    people = people_for({source for _, source in sources_of(route)})
    return [
        StageLine(
            number=number,
            name=stage.name,
            who=tuple((_label(rule), listed(people.get(rule.source, ())[:6])) for rule in stage.approvers),
            notes=tuple(_notes(stage)),
        )
        for number, stage in enumerate(route.stages, start=1)
    ]


def route_line(row: ApprovalRoute) -> dict[str, Any]:
    """A route in the list."""
    route = compiled(row.document)
    icon, word = STATES[row.state]
    return {
        "row": row,
        "stages": listed([one.name for one in route.stages]),
        "order": "in this order" if route.order == "in-order" and len(route.stages) > 1 else "",
        "state": icon,
        "word": word,
    }


def affected_facts(name: str, route: Route | None) -> list[dict[str, str]]:
    """Who is concerned by an edit. Two queries."""
    policies = policies_asking(name) if name else []
    waiting = Approval.objects.filter(route=name, state="waiting").values("change_id").distinct().count() if name else 0
    longest = f"{words.count(len(route.stages), 'stage,stages')}" if route else "Not right yet"
    return [
        {"label": "Asked by", "value": words.count(len(policies), "policy,policies"), "small": listed(policies)},
        {
            "label": "Waiting on it",
            "value": words.count(waiting, "change,changes"),
            "small": "keep the stages they were asked with" if waiting else "",
        },
        {"label": "Length", "value": longest, "small": ""},
    ]


def gate_lines(gates: Iterable[Gate]) -> list[dict[str, Any]]:
    """Gates of the report of rubber stamps."""
    return [
        {
            "gate": one,
            "where": f"{one.route}, {one.stage}" if one.route else one.policy,
            "who": one.label,
            "times": words.count(len(one.waits), "agreement,agreements"),
            "median": words.duration(one.median) or "0 s",
            "slowest": words.duration(one.slowest) or "0 s",
            "stamp": one.is_rubber_stamp,
        }
        for one in gates
    ]


def report_words() -> dict[str, str]:
    return {"days": str(DAYS), "within": words.duration(SECONDS)}


def _label(rule: ApprovalRule) -> str:
    if rule.source in MEANS:
        each = " each" if rule.source != "team:maintainer" else ""
        return f"{rule.count} of the {MEANS[rule.source]}{each}"
    if rule.source.startswith("capability:"):
        return f"{rule.count} of the maintainers of the team that owns {rule.source.removeprefix('capability:')}"
    return source_label(rule.source, rule.count)


def _notes(stage: RouteStage) -> Iterable[str]:
    if stage.skip:
        asked = f" {stage.sample} of a hundred are asked all the same." if stage.sample else ""
        yield f"Left out when {stage.skip}.{asked}"
    if stage.escalate_to:
        late = words.duration(stage.escalate_after * 3600)
        yield f"After {late} without a decision {source_label(stage.escalate_to)} may too."

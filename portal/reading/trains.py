"""Promotion trains as pages show them: what can be put together, what each member would do, how far one is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.access import Rights
from idp.catalog.models import System
from portal.drawing import words
from portal.forms.request_form import sentence
from portal.reading.systems import standing_of
from provisioning.domain.windows import in_words, moment_in_words
from provisioning.models import Environment, Stage, Train
from provisioning.selectors.trains import MemberRow
from provisioning.services.gate import Planned
from provisioning.services.requests import ChangeRequest

MOST_SYSTEMS = 100
OUTCOMES = {
    "starts": ("passes", "Can start at once"),
    "waits": ("asks", "Needs an approval"),
    "denied": ("denies", "May not run"),
    "invalid": ("denies", "Something is missing"),
    "nothing": ("warns", "Is as it should be already"),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A system that has something Ready at the source stage; ``value`` is what choosing it sends."""

    system: str
    source: str
    target: str
    ready: bool
    selected: bool

    @property
    def value(self) -> str:
        return self.system


def candidates(rights: Rights, source: Stage, target: Stage, chosen: Iterable[str]) -> list[Candidate]:
    """Systems of which the person may ask for changes, that run at ``source``. Three queries."""
    rows = System.objects.filter(rights.sees("")).select_related("team").order_by("slug")
    systems = {one.pk: one for one in rows[:MOST_SYSTEMS] if rights.may_request(one)}
    standing: dict[tuple[int, int], Environment] = {
        (one.system_id, one.stage_id): one for one in standing_of(systems.values())
    }
    wanted, found = set(chosen), []
    for key, system in systems.items():
        here, there = standing.get((key, source.pk)), standing.get((key, target.pk))
        if here is None:
            continue
        goes_to = there.name if there else target.name
        found.append(Candidate(system.slug, here.name, goes_to, here.state == "ready", system.slug in wanted))
    return found


def requests_of(found: Sequence[Candidate]) -> tuple[ChangeRequest, ...]:
    """The promotions that were chosen."""
    return tuple(ChangeRequest("promote", one.system, one.target, source=one.source) for one in found if one.selected)


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """What one promotion would do. ``state`` and ``word`` are a verdict's."""

    label: str
    state: str
    word: str
    made: str
    cost: str
    notes: tuple[str, ...]


def planned_members(planned: Sequence[Planned]) -> list[PlannedMember]:
    return [_planned(one) for one in planned]


def _planned(one: Planned) -> PlannedMember:
    state, word = OUTCOMES[one.outcome]
    counts = one.plan.get("counts", {})
    named = {"added": "new", "updated": "changed", "removed": "removed"}
    made = ", ".join(f"{counts[key]} {text}" for key, text in named.items() if counts.get(key))
    said = [*(each.message for each in one.problems), *(each.message for each in one.denials)]
    said += [sentence(f"{each.label} must agree: {each.reason}") for each in one.approvals]
    said += [f"{each.dimension.name} does not suffice" for each in one.shortages]
    difference = one.plan["cost_after"] - one.plan["cost_before"] if one.plan else 0
    return PlannedMember(
        f"{one.system.slug} / {one.environment_name}",
        state,
        word,
        made or "nothing",
        words.money_change(difference, one.plan["currency"]) if one.plan else "",
        tuple(dict.fromkeys(said)),
    )


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One member of a train under way. ``opens`` says when its stage's windows let it start, where they hold it."""

    label: str
    system: str
    environment: str
    stage: str
    change: int
    state: str
    run: int | None
    windows: str
    opens: str


def member_lines(rows: Sequence[MemberRow], train: Train, now: datetime) -> list[MemberLine]:
    return [_line(one, train, now) for one in rows]


def _line(row: MemberRow, train: Train, now: datetime) -> MemberLine:
    moment = row.as_member(now, train.not_before).opens_at
    late = train.state == "waiting" and moment is not None and moment > now
    return MemberLine(
        row.label,
        row.change.system.slug,
        row.change.environment_name,
        row.change.stage.name,
        row.change.pk,
        row.change.state,
        row.run_id,
        in_words(row.schedule),
        moment_in_words(moment, row.schedule) if late and moment else "",
    )


def answer(train: Train, rows: Sequence[MemberRow]) -> str:
    """The page's answer in a sentence."""
    done = sum(one.change.state == "succeeded" for one in rows)
    agreed = sum(one.change.state == "approved" for one in rows)
    match train.state:
        case "waiting":
            return train.state_reason or f"{agreed} of {len(rows)} are agreed to"
        case "running":
            return f"{done} of {len(rows)} have arrived"
        case "succeeded":
            return f"All {len(rows)} have arrived"
    return train.state_reason


def pairs(stages: Sequence[Stage]) -> list[tuple[Stage, Stage]]:
    """Stages that follow one another, as a source and a target."""
    by_id = {one.pk: one for one in stages}
    return [(by_id[one.promotes_from_id], one) for one in stages if one.promotes_from_id in by_id]

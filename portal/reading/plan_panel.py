"""The plan beside the form: what the gate says to a draft, in words, figures and one button.

Read by the views that make and edit environments, for the page and for each live plan. It decides nothing: whether
something may be asked for is ``Planned.outcome``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from portal.drawing import words
from portal.forms.request_form import ResourceForm, sentence
from portal.reading.plan_words import (
    diff_resources,
    expiry_words,
    listed,
    quota_left,
    unchanged_sentence,
    verdict_lines,
)
from provisioning.domain.freeze import POLICY
from provisioning.selectors.contract_flags import flagged_in
from provisioning.services.gate import Planned

DAYS_OF_MONTH: Final = 30
SHOWN_APPROVERS: Final = 4


@dataclass(frozen=True, slots=True)
class Note:
    """A line between the head and the plan. ``state`` and ``kind`` choose its mark, ``tone`` its colour."""

    tone: str
    text: str
    state: str = "failed"
    kind: str = "resource"


@dataclass(frozen=True, slots=True)
class PlanPanel:
    """All that ``environments/_plan.html`` draws."""

    aside: str = "Nothing is made yet"
    notes: tuple[Note, ...] = ()
    made: tuple[dict[str, str], ...] = ()
    diff: tuple[dict[str, Any], ...] = ()
    unchanged: str = ""
    empty: str = ""
    costs: tuple[dict[str, Any], ...] = ()
    team: str = ""
    room: str = ""
    """The team whose quota does not suffice, as addresses name it."""
    quota: tuple[dict[str, Any], ...] = ()
    verdicts: tuple[dict[str, str], ...] = ()
    agree: tuple[dict[str, str], ...] = ()
    sentence: str = ""
    button: str = "Create it"
    enabled: bool = False
    waits: bool = False


def unplanned(editing: bool) -> PlanPanel:
    """The panel of a page that was just opened; the browser asks for the plan at once."""
    return PlanPanel(
        aside="Nothing is changed yet" if editing else "Nothing is made yet",
        empty="What it takes, what it costs and who must agree appears here.",
        sentence="Working out the plan",
        button="Change it" if editing else "Create it",
        waits=True,
    )


def panel_of(planned: Planned, forms: Sequence[ResourceForm], errors: dict[str, str], now: datetime) -> PlanPanel:
    """The panel for a draft. ``forms`` and ``errors`` are the form's own view of what is wrong, so that both agree."""
    editing = planned.base is not None and planned.kind != "create"
    plan = planned.plan
    blocked = _blocked(planned, forms, errors)
    resources = diff_resources(plan) if plan else []
    said = frozenset(one.message for one in planned.verdicts)
    return PlanPanel(
        aside="Nothing is changed yet" if editing else "Nothing is made yet",
        notes=_notes(planned, forms, errors),
        # Under a name that is taken, the plan is a difference to somebody else's environment.
        made=() if editing or errors.get("name") else tuple(_made(one) for one in plan.get("resources", ())),
        diff=tuple(resources) if editing else (),
        unchanged=_unchanged(plan) if editing and plan else "",
        empty="" if resources else _moved(plan) or _empty(editing, forms),
        costs=_costs(plan, now) if plan and (editing or plan["resources"]) else (),
        team=planned.system.team.name,
        room=planned.system.team.slug if planned.shortages else "",
        quota=tuple(quota_left(line) for line in planned.quota),
        verdicts=tuple(verdict_lines(planned.verdicts, names=False)),
        agree=tuple(_agree(one, said) for one in planned.approvals),
        sentence=blocked or _sentence(planned, editing),
        button=_button(planned, editing),
        enabled=not blocked,
    )


def _made(one: dict[str, Any]) -> dict[str, str]:
    version = f"{one['capability']} {one['contract_after']}"
    return {
        "action": one["action"],
        "name": one["name"],
        "text": f"{version}, {one['effect'][:1].lower()}{one['effect'][1:]}",
    }


def _empty(editing: bool, forms: Sequence[ResourceForm]) -> str:
    if editing:
        return "Nothing differs from what it is now."
    return "" if forms else "Add a resource: its cost, quota and rules appear here as you type."


def _unchanged(plan: dict[str, Any]) -> str:
    return " ".join(part for part in (_moved(plan), unchanged_sentence(plan)) if part)


def _moved(plan: dict[str, Any]) -> str:
    """How the end of something that lives moves, and whether it falls asleep though nothing in it does."""
    if not plan or plan["base"] is None or plan["kind"] == "delete":
        return ""
    if plan.get("move"):
        return "All of it stays as it is, and is made anew at the new place."
    moved = expiry_words(plan.get("expires_before"), plan.get("expires_after"), _day)
    power = plan.get("power_after", "awake")
    return moved or ("" if power == plan.get("power_before", "awake") else f"It is {power} from then on.")


def _day(moment: str) -> str:
    return words.day(datetime.fromisoformat(moment))


def _notes(planned: Planned, forms: Sequence[ResourceForm], errors: dict[str, str]) -> tuple[Note, ...]:
    notes = [Note("bad", sentence(errors[key])) for key in ("base", "resources", "spec") if errors.get(key)]
    wrong = [one.name for one in forms if one.to_fix]
    if wrong:
        verb = "is" if len(wrong) == 1 else "are"
        notes.append(
            Note("bad", f"{listed(wrong)} {verb} left out until {'it is' if len(wrong) == 1 else 'they are'} right.")
        )
    waiting = [one.name for one in forms if one.to_fill and not one.to_fix]
    if waiting:
        notes.append(
            Note(
                "wait",
                f"{listed(waiting)} {'needs' if len(waiting) == 1 else 'need'} a few words more.",
                "waits",
                "policy",
            )
        )
    notes += [Note("warn", one, "warns", "policy") for one in planned.notes]
    if planned.placement and planned.stage and planned.stage.cluster_labels:
        notes.append(Note("", planned.placement.why, "next", "step"))
    notes += [Note("bad", one.sentence, "denied", "change") for one in planned.shortages]
    notes += [
        Note("bad" if one.state == "defective" else "warn", one.sentence, one.state, "contract")
        for one in flagged_in(planned.target)
    ]
    return tuple(notes)


def _costs(plan: dict[str, Any], now: datetime) -> tuple[dict[str, Any], ...]:
    currency = plan["currency"]
    before, after = plan["cost_before"], plan["cost_after"]
    if plan["kind"] != "create" and plan["base"] is not None:
        return (
            {"label": "Difference a month", "value": _difference(before, after, currency)},
            {"label": "A month after", "value": words.money(after, currency), "soft": True},
        )
    span = _span(plan.get("expires_after"), now)
    month = {
        "label": "If kept a month" if span else "Cost a month",
        "value": words.money(after, currency),
        "soft": bool(span),
    }
    if span is None:
        return (month,)
    days = max(1, round(span / timedelta(days=1)))
    for_span = float(after) * (span / timedelta(days=DAYS_OF_MONTH))
    label = f"Cost, {words.count(days, 'day,days')}"
    return ({"label": label, "value": words.money(round(for_span, 2), currency)}, month)


def _difference(before: float, after: float, currency: str) -> str:
    same = round(after - before, 2) == 0
    return "None" if same else words.money_change(words.decimal(after) - words.decimal(before), currency)


def _span(expires: str | None, now: datetime) -> timedelta | None:
    """How long it would live, when that is less than a month or so; a longer life is better told by the month."""
    if not expires:
        return None
    span = datetime.fromisoformat(expires) - now
    return span if timedelta(0) < span <= timedelta(days=60) else None


def _agree(one: Any, said: frozenset[str]) -> dict[str, str]:
    """Who may give one approval. Its reason is left out where a policy's line says the same above."""
    people = list(one.who)[:SHOWN_APPROVERS]
    more = len(one.who) - len(people)
    label = f"{one.label[:1].upper()}{one.label[1:]}"
    if one.stage_name:
        label = f"{one.stage_name}, {'then ' if one.stage > 1 else ''}{one.label}"
    if not people:
        return {
            "name": one.label,
            "text": f"{label}, but nobody can at the moment.",
            "reason": "Ask the platform team.",
        }
    named = listed([*people, f"{more} more"] if more > 0 else people, "or")
    return {"name": people[0], "text": f"{label}: {named}.", "reason": "" if one.reason in said else one.reason}


def _blocked(planned: Planned, forms: Sequence[ResourceForm], errors: dict[str, str]) -> str:
    """Why it cannot be asked for now; nothing when it can."""
    wrong = sum(one.to_fix for one in forms) + sum(bool(message) for message in errors.values())
    to_fill = sum(one.to_fill for one in forms)
    if wrong or to_fill:
        verb = "Fix" if wrong else "Fill"
        return f"{verb} {words.count(wrong or to_fill, 'field,fields')} to go on"
    if not forms and planned.kind == "create":
        return "Add a resource to go on"
    if not planned.environment_name:
        return "Give it a name to go on"
    if planned.outcome == "invalid":
        return sentence(planned.problems[0].message)
    if planned.outcome == "nothing":
        return "Nothing differs yet"
    if planned.outcome == "denied" and not held_by_freeze_alone(planned):
        denied = planned.denials
        return f"Refused by “{denied[0].title}”" if denied else f"{planned.system.team.name} has too little quota left"
    return ""


def held_by_freeze_alone(planned: Planned) -> bool:
    """Whether it may be asked for all the same: it is refused, and on its page the glass can be broken."""
    return bool(planned.denials) and not planned.shortages and {one.policy for one in planned.denials} == {POLICY}


def _sentence(planned: Planned, editing: bool) -> str:
    if planned.outcome == "denied":
        return "Frozen: its page lets you break the glass"
    if planned.outcome == "waits":
        return "Starts when they agree"
    return "Starts at once" if editing else "Made at once"


def _button(planned: Planned, editing: bool) -> str:
    if planned.outcome == "denied":
        return "Ask all the same"
    if planned.outcome == "waits":
        return "Ask for it"
    return "Change it" if editing else "Create it"

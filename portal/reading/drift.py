"""Drift as its pages show it: who changed what when, field by field, and what deciding on it would do.

Made by ``portal.pages.drift``. Takes rows and plans, and puts them into the shapes the components draw.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.urls import reverse

from idp.kernel.errors import SlipwayError
from portal.forms.request_form import sentence
from portal.reading.plan_panel import Note, PlanPanel, panel_of
from portal.reading.plan_words import value_text
from provisioning.models import Drift
from provisioning.selectors.drift import is_answered, label_of
from provisioning.services.drift import Adopting
from provisioning.services.gate import Planned

SNOOZES: Final = (("1", "1 day"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"))


@dataclass(frozen=True, slots=True)
class Act:
    """``title`` takes the place; ``about`` says what happens and what does not; ``button`` does it."""

    title: str
    about: str
    button: str


ACTS: Final = {
    "adopt": Act(
        "Adopt what was changed in {where}",
        "Writes what lives now into the inputs, as a change. From then on it is what was agreed.",
        "Adopt it",
    ),
    "revert": Act(
        "Revert what was changed in {where}",
        "Puts every field back as agreed, also where somebody else has taken it, and makes again what was deleted.",
        "Revert it",
    ),
    "snooze": Act(
        "Snooze drift of {where}",
        "Nothing is changed. Until then it counts as known; it is open again at once when the object changes anew.",
        "Snooze it",
    ),
}


@dataclass(frozen=True, slots=True)
class DriftLine:
    """One object. ``lines`` are its fields, agreed before live; ``told`` says what was decided, or why nothing was."""

    id: int
    label: str
    kind: str
    name: str
    resource: str
    state: str
    managers: str
    caused_at: datetime | None
    seen_at: datetime
    lines: tuple[dict[str, str | None], ...]
    gone: bool
    told: str
    until: datetime | None
    change: int | None
    decided_by: str
    decided_at: datetime | None


def drift_lines(rows: Iterable[Drift]) -> list[DriftLine]:
    """Needs ``change`` and ``decided_by`` joined."""
    return [_line(row) for row in rows]


def _line(row: Drift) -> DriftLine:
    return DriftLine(
        id=row.pk,
        label=label_of(row),
        kind=row.kind,
        name=row.name,
        resource=row.resource,
        state="answered" if row.state == "open" and is_answered(row) else row.state,
        managers=row.managers,
        caused_at=row.caused_at,
        seen_at=row.seen_at,
        lines=tuple(_field(one) for one in row.fields if one["kind"] != "missing"),
        gone=any(one["kind"] == "missing" for one in row.fields),
        told=_told(row),
        until=row.snoozed_until,
        change=row.change_id,
        decided_by=row.decided_by.username if row.decided_by else "",
        decided_at=row.decided_at,
    )


def _field(one: dict[str, Any]) -> dict[str, str | None]:
    live = None if one["kind"] == "removed" else value_text(one["live"])
    return {"path": str(one["path"]), "before": value_text(one["wanted"]), "after": live}


def _told(row: Drift) -> str:
    if row.state == "open" and row.decision in ("adopt", "revert") and not is_answered(row):
        state = row.change.state if row.change else "gone"
        return f"Somebody wanted to {row.decision} it, but that change is {state}. Decide again."
    return row.reason


@dataclass(frozen=True, slots=True)
class Decision:
    """What was chosen on the page: ``act`` on these rows, with what was typed."""

    act: str
    drifts: tuple[int, ...]
    reason: str = ""
    days: str = "7"


def decision_context(
    decision: Decision, rows: Sequence[Drift], where: str, refused: SlipwayError | None
) -> dict[str, Any]:
    """Head and fields of the page on which one decision is looked at."""
    act = ACTS[decision.act]
    errors = {one.path: sentence(one.message) for one in refused.errors} if refused else {}
    return {
        "title": act.title.format(where=where),
        "about": act.about,
        "decision": decision,
        "objects": [label_of(row) for row in rows],
        "button": act.button,
        "fields": [*_snooze_fields(decision, errors), _reason(decision, errors.get("reason", ""))],
        "refused": _refusal(refused) if refused else "",
    }


def _snooze_fields(decision: Decision, errors: dict[str, str]) -> list[dict[str, Any]]:
    if decision.act != "snooze":
        return []
    options = [{"value": key, "label": words, "selected": key == decision.days} for key, words in SNOOZES]
    field = {"id": "f-days", "name": "days", "label": "For", "kind": "select", "value": decision.days}
    return [{**field, "options": options, "error": errors.get("until", "")}]


def _reason(decision: Decision, error: str) -> dict[str, Any]:
    snoozes = decision.act == "snooze"
    return {
        "id": "f-reason",
        "name": "reason",
        "label": "Reason",
        "kind": "textarea",
        "rows": 2,
        "maxlength": 400 if snoozes else 4000,
        "value": decision.reason,
        "hint": "Whoever looks next reads why it can wait." if snoozes else "Kept with the change.",
        "required": snoozes,
        "error": error,
    }


def _refusal(error: SlipwayError) -> str:
    said = " ".join(
        f"{one.path}: {sentence(one.message)}" for one in error.errors if one.path not in ("reason", "until")
    )
    return f"{error.message} {said or error.remedy}".strip()


def decision_panel(
    decision: Decision, planned: Planned | None, adopting: Adopting | None, refused: SlipwayError | None, now: datetime
) -> PlanPanel:
    """The plan beside the form, with a line for each field that cannot be adopted."""
    act = ACTS[decision.act]
    left = [
        Note("bad", f"{f'{one.label} {one.path}'.strip()}: {one.why}") for one in (adopting.left if adopting else ())
    ]
    problems = [Note("bad", sentence(one.message)) for one in (planned.problems if planned else ())]
    if refused is not None:
        problems.insert(0, Note("bad", _refusal(refused)))
    if planned is None:
        nothing = "No input of its capability explains any of it."
        return PlanPanel(
            aside="Nothing is changed yet",
            notes=tuple(left),
            empty=nothing,
            sentence="It cannot be adopted",
            button=act.button,
        )
    panel = panel_of(planned, (), {}, now)
    waits = planned.outcome == "waits"
    return replace(
        panel,
        notes=tuple(dict.fromkeys([*problems, *left, *panel.notes])),
        button="Ask for it" if waits else act.button,
        enabled=panel.enabled and not left,
        sentence="Leave out what cannot be adopted" if left else panel.sentence,
    )


def snoozed_until(days: str, now: datetime) -> datetime:
    """The moment that was chosen; a span that is not offered counts as one in the past, which is refused."""
    return now + timedelta(days=int(days)) if days in dict(SNOOZES) else now


def drift_url(system: str, environment: str) -> str:
    return reverse("environment-drift", args=[system, environment])

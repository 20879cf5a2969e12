"""A run as its page shows it: steps on one time axis, and what a failure means in plain words.

Read by the pages and the stream of runs. Pure over what selectors gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from portal.drawing import words
from portal.reading.plan_words import listed
from provisioning.models import Step
from provisioning.selectors.runs import RunView

RESOURCE_STEPS: Final = ("resource", "delete-resource", "delete_resource")
WORDS: Final = {
    "done": "done",
    "skipped": "skipped",
    "running": "running",
    "waiting": "waiting",
    "failed": "failed",
    "cancelled": "cancelled",
    "next": "not started",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What stopped the run. ``raw`` is what the infrastructure answered, folded away."""

    title: str
    text: str
    remedy: str
    code: str
    raw: str
    tried: str
    effect: str


def step_rows(view: RunView) -> list[dict[str, Any]]:
    """The steps as ``components/_steps.html`` draws them, in seconds from the run's start."""
    run = view.run
    begin = run.started_at or run.created_at
    end = run.finished_at or view.now
    total = max((end - begin).total_seconds(), 1.0)
    names = {step.key: step.title for step in view.steps}
    states = {step.key: step.state for step in view.steps}
    return [_step_row(step, begin, end, total, names, states) for step in view.steps]


def _step_row(
    step: Step, begin: datetime, end: datetime, total: float, names: Mapping[str, str], states: Mapping[str, str]
) -> dict[str, Any]:
    start = (step.started_at - begin).total_seconds() if step.started_at else None
    length = ((step.finished_at or end) - step.started_at).total_seconds() if step.started_at else None
    return {
        "state": step.state,
        "name": step.title,
        "detail": _detail(step, names, states),
        "start": start,
        "length": length,
        "total": total,
        "started_at": step.started_at,
    }


def _detail(step: Step, names: Mapping[str, str], states: Mapping[str, str]) -> str:
    """What the step is, then how it stands: its message, or what it waits for."""
    if step.state == "next":
        open_needs = [names.get(key, key) for key in step.needs if states.get(key) not in ("done", "skipped")]
        return step.detail or (f"Waits for {listed(open_needs[:3])}" if open_needs else "")
    said = step.error.get("message", "") if step.error else step.message
    if step.state == "done":
        return step.detail if step.kind in RESOURCE_STEPS else said or step.detail
    if step.state == "failed":
        said = _bare(said, step.title).partition(": ")[0]
    parts = [part for part in (step.detail, said) if part]
    if step.state == "failed" and step.failures:
        parts.append(words.count(step.failures, "try,tries"))
    return ". ".join(part.rstrip(".") for part in parts)


def _bare(message: str, title: str) -> str:
    """The message without the step's name before it, where the name stands beside it anyway."""
    return message.removeprefix(f"{title}: ") if title else message


def counts_words(view: RunView) -> str:
    """``8 done, 1 running, 3 not started``."""
    return ", ".join(f"{number} {WORDS[state]}" for state, number in view.counts.items())


def failure(view: RunView) -> Failure | None:
    """The failure in words; None while nothing failed."""
    error = view.error
    if error is None:
        return None
    run = view.run
    step = next((one for one in view.steps if one.key == error.get("step")), None)
    place = str(error.get("title") or (step.title if step else "")).strip()
    return Failure(
        title=f"{place} failed" if place else "The run failed",
        text=_bare(str(error.get("message", "")), place),
        remedy=str(error.get("remedy", "")),
        code=str(error.get("code", "")),
        raw=str(error.get("raw", "")),
        tried=_tried(step),
        effect=_effect(run.kind, run.change.base.number if run.change.base else None, run.environment.name),
    )


def _tried(step: Step | None) -> str:
    if step is None or not step.failures or step.started_at is None:
        return ""
    span = (step.finished_at - step.started_at) if step.finished_at else None
    within = f" in {words.duration(span)}" if span is not None else ""
    return f"Slipway tried {words.count(step.failures, 'time,times')}{within}."


def _effect(kind: str, base: int | None, name: str) -> str:
    if kind == "delete":
        return f"What is not deleted yet stays in {name}."
    if base is None:
        return "What was made so far stays, and is used again when you resume."
    return f"{name} keeps what r{base} made wherever a step did not finish."


def signature(view: RunView, newest_event: int) -> tuple[Any, ...]:
    """What must differ before a watcher is told anew."""
    return (
        view.run.state,
        view.run.cancel_requested_by,
        newest_event,
        tuple((step.key, step.state, step.message, step.failures) for step in view.steps),
    )


def event_rows(events: Sequence[Any], view: RunView) -> list[dict[str, Any]]:
    """Events as log lines, with the step's title."""
    names = {step.key: step.title for step in view.steps}
    return [
        {
            "id": one.pk,
            "at": one.at,
            "step": names.get(one.step, one.step) or "run",
            "text": one.text,
            "bad": one.level == "error",
        }
        for one in events
    ]

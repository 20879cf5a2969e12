"""Score files and the rules that map them, as pages show them. Pure but for the plan's own panel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from idp.kernel.errors import FieldError, SlipwayError
from portal.drawing import words
from portal.forms.request_form import ResourceForm
from portal.reading.plan_panel import Note, PlanPanel, panel_of
from provisioning.domain.score.rules import DOES, Rule
from provisioning.services.score import ScorePlan
from provisioning.services.score_rules import Affected

EXAMPLE = """\
apiVersion: score.dev/v1b1
metadata:
  name: shop-api
containers:
  main:
    image: registry.example/shop-api:1.8.3
    variables:
      DATABASE_HOST: ${resources.db.host}
      DATABASE_PASSWORD: ${resources.db.password}
service:
  ports:
    www: {port: 8080}
resources:
  db:
    type: postgres
"""


def panel(plan: ScorePlan | None, refused: SlipwayError | None, *, editing: bool, now: datetime) -> PlanPanel:
    """The plan beside the files, or why there is none yet."""
    if plan is not None and plan.planned is not None:
        made = panel_of(plan.planned, _closed(plan), {}, now)
        if refused is None:
            return made
        return replace(made, notes=(Note("bad", f"{refused.message} {refused.remedy}".strip()), *made.notes))
    button = "Change it" if editing else "Create it"
    if plan is None and refused is None:
        empty = (
            "Paste a Score file and check it: what each part becomes, what it costs and who must agree appears here."
        )
        return PlanPanel(empty=empty, sentence="Nothing was checked yet", button=button)
    empty = "Nothing is asked for as long as some of it cannot be mapped."
    return PlanPanel(empty=empty, sentence="Mend what is listed first", button=button)


def _closed(plan: ScorePlan) -> tuple[ResourceForm, ...]:
    """The resources as the panel knows them of a form: nothing is left to fill in."""
    return tuple(
        ResourceForm(name, name, one["capability"], one["capability"], "box", kept=False)
        for name, one in plan.translation.resources.items()
    )


def faults(plan: ScorePlan | None, refused: SlipwayError | None) -> Sequence[FieldError]:
    """What stands against the files, by place; of a refusal its own places, or its sentence."""
    if refused is not None and refused.errors:
        return [one for one in refused.errors if one.path not in ("environment", "stage", "expires", "reason")]
    return plan.problems if plan is not None else ()


def field_errors(refused: SlipwayError | None) -> dict[str, str]:
    return {one.path: one.message for one in refused.errors} if refused is not None else {}


def mapped_lines(plan: ScorePlan | None) -> list[dict[str, str]]:
    """What becomes of what, workload by workload."""
    return [
        {
            "asked": one.asked,
            "path": f"{one.workload}: {one.path}",
            "resource": one.resource,
            "made_by": one.made_by,
        }
        for one in (plan.translation.mapped if plan is not None else ())
    ]


def rule_line(place: int, rule: Rule) -> dict[str, Any]:
    """A rule in the list; ``place`` is its number there, from 0."""
    inputs = [line.name for line in rule.inputs] or list(rule.takes("params"))
    outputs = [line.name for line in rule.outputs]
    return {
        "place": place,
        "label": rule.label[:1].upper() + rule.label[1:] if rule.what != "resource" else rule.label,
        "is_type": rule.what == "resource",
        "does": rule.reference if rule.does == "makes" else DOES[rule.does],
        "makes": rule.does == "makes",
        "inputs": ", ".join(inputs) or "nothing",
        "outputs": ", ".join(outputs) or "nothing",
    }


def affected_lines(found: Iterable[Affected]) -> list[dict[str, Any]]:
    return [
        {
            "system": one.system,
            "environment": one.environment,
            "workload": one.workload,
            "text": one.problem or f"would ask for {', '.join(one.changed)} otherwise",
            "bad": bool(one.problem),
        }
        for one in found
    ]


def affected_sentence(lines: Sequence[Any]) -> str:
    if not lines:
        return "No workload that is there would be mapped otherwise."
    return f"{words.count(len(lines), 'workload,workloads')} would be mapped otherwise when the file is sent again."

"""A plan as people read it in a terminal: what changes, what it costs, what stands against it, who must agree."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from rich.text import Text

from .output import STYLES, clean, money, out

Plan = Mapping[str, Any]
OUTCOMES: Final[Mapping[str, str]] = {
    "starts": "It would start at once.",
    "waits": "It would wait for people.",
    "denied": "It would be denied.",
    "invalid": "It cannot be asked for as it stands.",
    "nothing": "Nothing would change.",
}
EFFECTS: Final[Mapping[str, str]] = {"restarts": "restarts it", "data": "concerns its data"}
SIGNS: Final = {"added": "+", "updated": "~", "removed": "-"}
LONGEST: Final = 200


def plan_show(planned: Plan) -> None:
    """A whole answer of ``POST plans/`` on standard output."""
    console = out()
    for one in plan_lines(planned):
        console.print(one, soft_wrap=True)


def plan_lines(planned: Plan) -> Iterator[Text]:
    plan = planned.get("plan") or {}
    yield _head(planned)
    yield from difference_lines(plan, without=planned.get("left_out", ()))
    if not planned.get("problems"):
        yield from _cost(plan)
    for note in plan.get("notes", ()):
        yield line(f"  {note}", "yellow")
    for one in planned.get("warnings", ()):
        yield line(f"Warning: {one}", "yellow")
    for verdict in planned.get("verdicts", ()):
        if verdict["outcome"] != "passes":
            yield line(f"Policy {verdict_words(verdict)}", STYLES.get(verdict["outcome"], ""))
    for one in planned.get("quota", ()):
        if one.get("left") is not None and one["left"] < 0:
            yield line(f"Quota: {quota_words(one)}", "red")
    for one in planned.get("approvals", ()):
        yield line(f"Needs {approval_words(one)}", "yellow")
    for one in planned.get("problems", ()):
        yield line(f"Problem: {problem_words(one)}", "red")
    if planned.get("dry_run"):
        yield from _dry_run(planned["dry_run"])
    yield line(OUTCOMES.get(planned["outcome"], planned["outcome"]), STYLES.get(planned["outcome"], "bold"))


def difference_lines(plan: Plan, *, without: Collection[str] = ()) -> Iterator[Text]:
    """Resource by resource; what stays as it is is left out, and what a problem keeps from being planned."""
    for resource in plan.get("resources", ()):
        if resource["action"] == "unchanged" or resource["name"] in without:
            continue
        sign, style = SIGNS.get(resource["action"], "~"), STYLES.get(resource["action"], "")
        yield line(f"  {sign} {resource['name']} {contract_words(resource)}".rstrip(), style)
        for field in fields_of(resource):
            yield line(f"      {field_words(field)}")
        for one in resource.get("objects", ()):
            if one.get("action") != "unchanged":
                yield line(f"      {one.get('action')} {one.get('kind')}/{one.get('name')}", "dim")


def fields_of(resource: Plan) -> list[dict[str, Any]]:
    """The fields worth reading, with their effect in words: of what goes none, of what comes its inputs."""
    if resource["action"] == "removed":
        return []
    is_new = resource["action"] == "added"
    return [
        {**one, "effect": "" if is_new else EFFECTS.get(one.get("effect", ""), "")}
        for one in resource.get("fields", ())
        if not (is_new and one["path"] in ("contract", "component"))
    ]


def contract_words(resource: Plan) -> str:
    """``postgres 1.0.0``, or ``postgres 1.0.0 → 1.1.0`` when the version moves."""
    before, after = resource.get("contract_before"), resource.get("contract_after")
    versions = f"{before} → {after}" if before and after and before != after else after or before or ""
    return f"{resource.get('capability', '')} {versions}".strip()


def field_words(field: Plan) -> str:
    """``inputs.port: 8080 → 9090  restarts it``"""
    before, after = value_words(field.get("before")), value_words(field.get("after"))
    if field.get("before") is None:
        told = f"{field['path']}: {after}"
    elif field.get("after") is None:
        told = f"{field['path']}: {before} → removed"
    else:
        told = f"{field['path']}: {before} → {after}"
    return f"{told}  ({field['effect']})" if field.get("effect") else told


def value_words(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = clean(text).replace("\n", "⏎")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def verdict_words(verdict: Plan) -> str:
    told = f"{verdict['policy']} {verdict['outcome']}: {verdict['message'] or verdict['title']}"
    return f"{told} {verdict['remedy']}".rstrip()


def quota_words(line: Plan) -> str:
    return (
        f"{line['label']}: {line['asked']:g} {line['unit']} more than the {line['limit']:g} that the team has leaves."
        if line.get("limit") is not None
        else f"{line['label']}: the team has no quota."
    ).replace("  ", " ")


def approval_words(approval: Plan) -> str:
    people = ", ".join(approval.get("who", ())) or "nobody can at the moment"
    count = f"{approval['count']} of " if approval.get("count", 1) > 1 else ""
    reason = f": {approval['reason']}" if approval.get("reason") else ""
    return f"{count}{approval['label']} ({people}){reason}"


def problem_words(problem: Plan) -> str:
    """``staging.yaml:15: spec.resources.api.inputs.port: must be a whole number``"""
    at = f"{problem['file']}:{problem['line']}: " if problem.get("file") else ""
    path = f"{problem['path']}: " if problem.get("path") else ""
    return f"{at}{path}{problem['message']}"


def counts_words(plan: Plan) -> str:
    """``1 added, 2 updated``; nothing when nothing changes."""
    counts = plan.get("counts", {})
    return ", ".join(f"{counts[one]} {one}" for one in ("added", "updated", "removed") if counts.get(one))


def _head(planned: Plan) -> Text:
    stage = f" ({planned['stage']})" if planned.get("stage") else ""
    base = f", from revision {planned['base']}" if planned.get("base") else ""
    return line(f"{planned['kind'].capitalize()} {planned['system']}/{planned['environment']}{stage}{base}", "bold")


def _cost(plan: Plan) -> Iterator[Text]:
    if not plan or plan.get("cost_before") == plan.get("cost_after"):
        return
    before, after = money(plan["cost_before"], plan["currency"]), money(plan["cost_after"], plan["currency"])
    yield line(f"Cost per month: {before} → {after}")


def _dry_run(told: list[Plan]) -> Iterator[Text]:
    yield line("What the cluster says:")
    for one in told:
        yield line(f"  {one.get('action')} {one.get('kind')}/{one.get('name')} {one.get('message') or ''}".rstrip())


def line(text: str, style: str = "") -> Text:
    """A line of ours or of others, without control characters."""
    return Text(clean(text), style=style)

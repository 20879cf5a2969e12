"""Plans as Markdown for a comment at a pull request. Pure.

Whatever comes from documents is written as code, so that it can be no markup, no mention and no link. The first line is
a comment that is the same for each plan of an environment, by which a pipeline finds the comment to replace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .output import clean, money
from .plan_text import OUTCOMES, contract_words, counts_words, fields_of, quota_words, value_words

Plan = Mapping[str, Any]
MARKS: Final = {"starts": "✅", "waits": "✋", "denied": "⛔", "invalid": "❌", "nothing": "➖"}
SIGNS: Final[Mapping[str, str]] = {"added": "➕ added", "updated": "✏️ updated", "removed": "➖ removed"}
MOST_FIELDS: Final = 200


def plans_markdown(plans: Sequence[Plan]) -> str:
    return "\n".join("\n".join(_lines(one)) + "\n" for one in plans)


def _lines(planned: Plan) -> Iterator[str]:
    plan, place = planned.get("plan") or {}, f"{planned['system']}/{planned['environment']}"
    yield f"<!-- slipway-plan {_word(place)} -->"
    yield f"### {MARKS.get(planned['outcome'], '')} Slipway: {planned['kind']} {code(place)}"
    yield ""
    changes = "" if planned.get("problems") else counts_words(plan)
    yield f"{OUTCOMES.get(planned['outcome'], '')}{f' {changes}.' if changes else ''}{_cost(planned, plan)}"
    yield from _problems(planned)
    touched = [
        one
        for one in plan.get("resources", ())
        if one["action"] != "unchanged" and one["name"] not in planned.get("left_out", ())
    ]
    yield from _resources(touched)
    yield from _fields(touched)
    yield from _rules(planned)


def _cost(planned: Plan, plan: Plan) -> str:
    if not plan or planned.get("problems") or plan["cost_before"] == plan["cost_after"]:
        return ""
    before, after = money(plan["cost_before"], plan["currency"]), money(plan["cost_after"], plan["currency"])
    return f" Cost per month {before} → **{after}**."


def _problems(planned: Plan) -> Iterator[str]:
    if planned.get("problems"):
        yield from ("", "**To mend**", "")
        for one in planned["problems"]:
            at = f"{code(one['file'])} line {one['line']}, " if one.get("file") else ""
            place = f"{at}{code(one['path'])}: " if one.get("path") else ""
            yield f"- {place}{text(one['message'])}"


def _resources(touched: Sequence[Plan]) -> Iterator[str]:
    if not touched:
        return
    yield from ("", "| | Resource | Capability | Per month |", "|---|---|---|---|")
    for one in touched:
        before, after = one["cost_before"], one["cost_after"]
        cost = f"{after:,.2f}" if before == after else f"{before:,.2f} → {after:,.2f}"
        cells = (SIGNS.get(one["action"], one["action"]), code(one["name"]), code(contract_words(one)), cost)
        yield f"| {' | '.join(cells)} |"


def _fields(touched: Sequence[Plan]) -> Iterator[str]:
    rows = [(one["name"], field) for one in touched for field in fields_of(one)]
    if not rows:
        return
    head = f"{len(rows)} field{'' if len(rows) == 1 else 's'}"
    yield from (
        "",
        f"<details><summary>{head}</summary>",
        "",
        "| Field | Before | After | Effect |",
        "|---|---|---|---|",
    )
    for name, field in rows[:MOST_FIELDS]:
        before, after = (
            code(value_words(field[side])) if field.get(side) is not None else "" for side in ("before", "after")
        )
        yield f"| {code(name + '.' + field['path'])} | {before} | {after} | {text(field.get('effect') or '')} |"
    if len(rows) > MOST_FIELDS:
        yield f"| and {len(rows) - MOST_FIELDS} more | | | |"
    yield from ("", "</details>")


def _rules(planned: Plan) -> Iterator[str]:
    lines = [f"⚠️ {text(one)}" for one in planned.get("warnings", ())]
    lines += [f"ℹ️ {text(one)}" for one in (planned.get("plan") or {}).get("notes", ())]
    for one in planned.get("verdicts", ()):
        if one["outcome"] != "passes":
            told = f"{one['message'] or one['title']} {one['remedy']}".strip()
            lines.append(f"Policy {code(one['policy'])} **{one['outcome']}**: {text(told)}")
    lines += [
        f"Quota: {text(quota_words(one))}"
        for one in planned.get("quota", ())
        if one.get("left") is not None and one["left"] < 0
    ]
    for one in planned.get("approvals", ()):
        count = f"{one['count']} of " if one.get("count", 1) > 1 else ""
        people = ", ".join(code(who) for who in one.get("who", ())) or "nobody can at the moment"
        reason = f": {text(one['reason'])}" if one.get("reason") else ""
        lines.append(f"Needs {count}**{text(one['label'])}** ({people}){reason}")
    if lines:
        yield ""
        yield from (f"- {one}" for one in lines)


def code(value: str) -> str:
    """``value`` as a code span, whatever it holds."""
    kept = clean(value).replace("\n", "⏎").replace("|", "\\|")
    if not kept:
        return ""
    fence = "`"
    while fence in kept:
        fence += "`"
    return f"{fence} {kept} {fence}" if len(fence) > 1 else f"`{kept}`"


def text(value: str) -> str:
    """``value`` as words that are no markup and mention nobody."""
    kept = clean(value).replace("\n", " ").replace("\\", "\\\\")
    for one in "`*_[]<>#|":
        kept = kept.replace(one, f"\\{one}")
    return kept.replace("@", "@\u200b")


def _word(value: str) -> str:
    """Nothing that could end a comment."""
    return "".join(one for one in value if one.isalnum() or one in "-_/.").replace("--", "-")

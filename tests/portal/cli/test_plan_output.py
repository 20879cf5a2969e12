"""A plan as text and as Markdown: what a reader needs, and nothing that a document could use to say more."""

from __future__ import annotations

from typing import Any

import pytest

from portal.cli.output import widths_in
from portal.cli.plan_markdown import code, plans_markdown, text
from portal.cli.plan_text import field_words, plan_lines, quota_words, value_words

FIELD = {"path": "port", "before": 8080, "after": 9090, "effect": "restarts"}
RESOURCE = {
    "name": "api",
    "action": "updated",
    "capability": "web-service",
    "contract_before": "1.0.0",
    "contract_after": "1.1.0",
    "fields": [FIELD],
    "cost_before": 10.0,
    "cost_after": 12.5,
}
PLAN = {
    "resources": [RESOURCE, {**RESOURCE, "name": "db", "action": "unchanged", "fields": []}],
    "counts": {"added": 0, "updated": 1, "removed": 0, "unchanged": 1},
    "cost_before": 20.0,
    "cost_after": 22.5,
    "currency": "EUR",
    "notes": ["The disk is kept."],
}
VERDICT = {"policy": "tight", "title": "Tight", "outcome": "warns", "message": "Nearly full.", "remedy": "", "mode": ""}
APPROVAL = {"label": "A maintainer", "count": 2, "reason": "Production", "who": ["ann", "bob"]}
PLANNED: dict[str, Any] = {
    "kind": "update",
    "system": "checkout",
    "environment": "staging",
    "stage": "staging",
    "base": 4,
    "outcome": "waits",
    "plan": PLAN,
    "verdicts": [VERDICT, {**VERDICT, "outcome": "passes"}],
    "approvals": [APPROVAL],
    "quota": [],
    "problems": [],
    "warnings": ["web-service 1.0.0 is deprecated."],
    "left_out": [],
}
PROBLEM = {"path": "spec.resources.api.inputs.port", "message": "must be a whole number", "file": "s.yaml", "line": 7}
INVALID = {**PLANNED, "outcome": "invalid", "problems": [PROBLEM], "left_out": ["api"]}


def told(planned: dict[str, Any]) -> list[str]:
    return [one.plain for one in plan_lines(planned)]


def test_it_reads_from_what_changes_to_who_must_agree() -> None:
    assert told(PLANNED) == [
        "Update checkout/staging (staging), from revision 4",
        "  ~ api web-service 1.0.0 → 1.1.0",
        "      port: 8080 → 9090  (restarts it)",
        "Cost per month: 20.00 EUR → 22.50 EUR",
        "  The disk is kept.",
        "Warning: web-service 1.0.0 is deprecated.",
        "Policy tight warns: Nearly full.",
        "Needs 2 of A maintainer (ann, bob): Production",
        "It would wait for people.",
    ]


def test_what_a_problem_keeps_from_being_planned_is_not_shown_as_if_it_went() -> None:
    lines = told(INVALID)
    assert "Problem: s.yaml:7: spec.resources.api.inputs.port: must be a whole number" in lines
    assert not [one for one in lines if "api web-service" in one or "Cost" in one]


def test_of_what_goes_no_field_is_told() -> None:
    gone = {**PLANNED, "plan": {**PLAN, "resources": [{**RESOURCE, "action": "removed"}]}}
    assert "  - api web-service 1.0.0 → 1.1.0" in told(gone)
    assert not [one for one in told(gone) if "port" in one]


def test_nothing_to_change_is_said() -> None:
    same = {**PLANNED, "plan": {**PLAN, "resources": [], "cost_after": 20.0}, "outcome": "nothing"}
    assert told(same)[-1] == "Nothing would change."


@pytest.mark.parametrize(
    ("field", "words"),
    [
        pytest.param({"path": "a", "before": None, "after": "x"}, "a: x", id="new"),
        pytest.param({"path": "a", "before": "x", "after": None}, "a: x → removed", id="gone"),
        pytest.param({"path": "a", "before": {"b": 1}, "after": [1]}, 'a: {"b": 1} → [1]', id="maps and lists"),
        pytest.param({"path": "a", "before": 1, "after": 2, "effect": "why"}, "a: 1 → 2  (why)", id="with its effect"),
    ],
)
def test_a_field_is_told_in_a_line(field: dict[str, Any], words: str) -> None:
    assert field_words(field) == words


def test_a_value_moves_no_cursor_and_fills_no_screen() -> None:
    assert value_words("a\x1b[2Jb\nc") == "a�[2Jb⏎c"
    assert len(value_words("x" * 5000)) == 200


def test_a_team_without_a_quota_is_told() -> None:
    line = {"label": "CPU", "unit": "cores", "limit": None, "asked": 2, "left": None}
    assert quota_words(line) == "CPU: the team has no quota."
    assert quota_words({**line, "limit": 4, "left": -1}) == "CPU: 2 cores more than the 4 that the team has leaves."


def test_a_comment_for_a_pull_request() -> None:
    written = plans_markdown([PLANNED])
    assert written.splitlines()[:4] == [
        "<!-- slipway-plan checkout/staging -->",
        "### ✋ Slipway: update `checkout/staging`",
        "",
        "It would wait for people. 1 updated. Cost per month 20.00 EUR → **22.50 EUR**.",
    ]
    assert "| ✏️ updated | `api` | `web-service 1.0.0 → 1.1.0` | 10.00 → 12.50 |" in written
    assert "| `api.port` | `8080` | `9090` | restarts it |" in written
    assert "- Needs 2 of **A maintainer** (`ann`, `bob`): Production" in written
    assert "Nearly full." in written


def test_what_is_wrong_comes_first_in_a_comment() -> None:
    written = plans_markdown([INVALID])
    assert "- `s.yaml` line 7, `spec.resources.api.inputs.port`: must be a whole number" in written
    assert "`api`" not in written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("plain", "`plain`", id="plain"),
        pytest.param("a`b", "`` a`b ``", id="a backtick"),
        pytest.param("a``b", "``` a``b ```", id="two of them"),
        pytest.param("a|b\nc", "`a\\|b⏎c`", id="a table's bar and a line feed"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_code_stays_code(value: str, written: str) -> None:
    assert code(value) == written


def test_words_are_no_markup_and_mention_nobody() -> None:
    written = text("<img src=x> [a](b) **c** @ann\n# d")
    assert written == "\\<img src=x\\> \\[a\\](b) \\*\\*c\\*\\* @\u200bann \\# d"


def test_a_name_cannot_end_the_comment_that_finds_the_plan() -> None:
    first = plans_markdown([{**PLANNED, "environment": "x-->y"}]).splitlines()[0]
    assert first == "<!-- slipway-plan checkout/x-y -->"


ROWS = [["checkout/psp-retry", "ready", "A change that has a long title", "2026-11-13 10:08"]]
HEADS = ["ENVIRONMENT", "STATE", "WHAT", "CHANGED"]


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        pytest.param(200, [18, 5, 30, 16], id="all as they are"),
        pytest.param(70, [18, 5, 22, 16], id="the widest gives way first"),
        pytest.param(55, [18, 5, 11, 12], id="then the others, words whole"),
        pytest.param(45, [18, 5, 16], id="the last column goes"),
        pytest.param(30, [18, 5], id="and one more"),
        pytest.param(10, [18], id="the name stays"),
    ],
)
def test_a_table_keeps_words_whole_in_a_narrow_terminal(room: int, widths: list[int]) -> None:
    assert widths_in(room, HEADS, ROWS) == widths

"""Which decisions a change needs."""

from __future__ import annotations

import pytest

from governance.domain.approval import needed_approvals, source_label
from governance.domain.policy import ApprovalRule, Verdict


def asks(policy: str, *rules: tuple[str, int], outcome: str = "asks") -> Verdict:
    approvals = tuple(ApprovalRule(source, count) for source, count in rules)
    return Verdict(policy, policy, outcome, message=f"Because of {policy}.", approvals=approvals)  # type: ignore[arg-type]


def test_it_merges_the_same_source_to_the_highest_count_with_every_reason() -> None:
    needs = needed_approvals(
        [
            asks("prod", ("team:maintainer", 1), ("group:platform", 1)),
            asks("cost", ("team:payments:maintainer", 2)),
            asks("other", ("team:search:maintainer", 1)),
        ],
        "payments",
    )
    assert [(need.source, need.count, need.policy, need.reason) for need in needs] == [
        ("team:payments:maintainer", 2, "prod, cost", "Because of prod. Because of cost."),
        ("group:platform", 1, "prod", "Because of prod."),
        ("team:search:maintainer", 1, "other", "Because of other."),
    ]


@pytest.mark.parametrize("outcome", ["passes", "observes", "warns", "denies", "errors"])
def test_it_needs_nobody_for_other_verdicts(outcome: str) -> None:
    assert needed_approvals([asks("prod", ("team:maintainer", 1), outcome=outcome)], "payments") == ()


def test_it_fits_the_columns_however_many_policies_speak() -> None:
    (need,) = needed_approvals([asks(f"policy-number-{n}", ("team:maintainer", 1)) for n in range(60)], "payments")
    assert len(need.policy) <= 60
    assert len(need.reason) <= 400


@pytest.mark.parametrize(
    ("source", "count", "label"),
    [
        ("team:payments:maintainer", 1, "a maintainer of payments"),
        ("team:payments:maintainer", 2, "2 maintainers of payments"),
        ("group:platform", 1, "someone of group platform"),
        ("group:platform", 3, "3 people of group platform"),
    ],
)
def test_it_names_a_source_for_people(source: str, count: int, label: str) -> None:
    assert source_label(source, count) == label

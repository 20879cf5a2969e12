"""How a run advances: what is ready, what is blocked, when it ends, how long it waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp.kernel.errors import Conflict
from provisioning.domain.run import (
    LONGEST_BACKOFF,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    StepView,
    backoff,
    blocked_steps,
    next_due,
    next_run_state,
    next_step_state,
    ready_steps,
    verdict,
)

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LATER = NOW + timedelta(seconds=5)


def step(key: str, state: str = "next", *needs: str, due: datetime | None = None) -> StepView:
    return StepView(key, state, needs, due)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([step("a"), step("b", "next", "a")], ["a"], id="what-is-needed-comes-first"),
        pytest.param(
            [step("a", "done"), step("b", "next", "a"), step("c", "next", "a")], ["b", "c"], id="side-by-side"
        ),
        pytest.param([step("a", "running")], ["a"], id="an-interrupted-one-again"),
        pytest.param([step("a", "waiting", due=LATER)], [], id="not-before-its-time"),
        pytest.param([step("a", "waiting", due=NOW)], ["a"], id="when-its-time-has-come"),
        pytest.param([step("a", "failed"), step("b", "next", "a")], [], id="not-behind-a-failure"),
        pytest.param([step("a", "skipped"), step("b", "next", "a")], ["b"], id="behind-a-skipped-one"),
        pytest.param([step("a", "done"), step("b", "done", "a")], [], id="nothing-finished-runs-again"),
    ],
)
def test_it_finds_what_may_be_executed(steps, expected):
    assert ready_steps(steps, NOW) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param([step("a", "done"), step("b", "skipped")], "succeed", id="all-settled"),
        pytest.param([step("a", "failed"), step("b", "waiting")], None, id="others-go-on"),
        pytest.param(
            [step("a", "failed"), step("b", "next", "a"), step("c", "next", "b")], "fail", id="rest-is-blocked"
        ),
        pytest.param([step("a", "failed"), step("b", "done")], "fail", id="one-failed"),
        pytest.param([step("a")], None, id="not-begun"),
        pytest.param([], "succeed", id="nothing-to-do"),
    ],
)
def test_it_knows_when_a_run_is_over(steps, expected):
    assert verdict(steps) == expected


def test_it_blocks_all_behind_a_failure_however_far():
    steps = [step("a", "failed"), step("b", "next", "a"), step("c", "next", "b"), step("d")]
    assert blocked_steps(steps) == {"a", "b", "c"}


def test_it_wakes_for_the_earliest_waiting_step():
    steps = [step("a", "waiting", due=LATER), step("b", "waiting", due=NOW), step("c", "done")]
    assert next_due(steps, NOW) == NOW
    assert next_due([step("a", "done")], NOW) == NOW


@given(failures=st.integers(0, 10_000), jitter=st.floats(0, 1))
def test_it_backs_off_within_bounds(failures, jitter):
    assert 0.5 <= backoff(failures, jitter) <= LONGEST_BACKOFF


def test_it_backs_off_longer_each_time_until_the_cap():
    delays = [backoff(failures, 1) for failures in range(8)]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_BACKOFF


def test_it_refuses_moves_that_are_not_in_the_tables():
    with pytest.raises(Conflict):
        next_run_state("succeeded", "resume")
    with pytest.raises(Conflict):
        next_step_state("done", "start")
    assert all(next_run_state(*key) == value for key, value in RUN_TRANSITIONS.items())
    assert all(next_step_state(*key) == value for key, value in STEP_TRANSITIONS.items())

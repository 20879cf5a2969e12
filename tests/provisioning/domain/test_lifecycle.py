"""States of changes: what may follow what, and nothing else."""

from __future__ import annotations

import pytest

from idp.kernel.errors import Conflict
from provisioning.domain.lifecycle import (
    CHANGE_STATES,
    CHANGE_TRANSITIONS,
    ENVIRONMENT_STATES,
    environment_state_after_run,
    next_change_state,
)


@pytest.mark.parametrize(("state", "event"), list(CHANGE_TRANSITIONS), ids=lambda value: value)
def test_it_moves_along_the_table_to_known_states(state, event):
    assert state in CHANGE_STATES
    assert next_change_state(state, event) in CHANGE_STATES


@pytest.mark.parametrize(
    ("state", "event"),
    [
        pytest.param("rejected", "approve", id="a-decision-is-final"),
        pytest.param("succeeded", "start", id="nothing-runs-twice"),
        pytest.param("running", "cancel", id="a-running-one-is-stopped-by-its-run"),
        pytest.param("pending", "start", id="nothing-starts-unapproved"),
        pytest.param("denied", "approve", id="denied-stays-denied"),
        pytest.param("failed", "succeed", id="failed-must-be-resumed-first"),
    ],
)
def test_it_refuses_what_the_table_does_not_have(state, event):
    with pytest.raises(Conflict) as refusal:
        next_change_state(state, event)
    assert refusal.value.code == "illegal-state"
    assert state in refusal.value.message


def test_it_reaches_every_state_but_those_a_change_begins_in():
    reached = set(CHANGE_TRANSITIONS.values())
    assert set(CHANGE_STATES) - reached <= {"pending", "denied"}


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [
        ("apply", "succeeded", "ready"),
        ("delete", "succeeded", "gone"),
        ("apply", "failed", "failed"),
        ("delete", "failed", "failed"),
        ("apply", "cancelled", "degraded"),
    ],
)
def test_it_says_what_a_run_leaves_behind(kind, outcome, expected):
    assert environment_state_after_run(kind, outcome) == expected
    assert expected in ENVIRONMENT_STATES

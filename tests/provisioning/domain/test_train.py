"""What the members of a train mean for the train: it leaves with all of them, or not at all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from idp.kernel.errors import Conflict
from provisioning.domain.train import TRAIN_STATES, TRAIN_TRANSITIONS, Member, next_train_state, verdict
from tests.personas import NOW

LATER = NOW + timedelta(hours=3)


def members(*states: str, **more: object) -> list[Member]:
    return [Member(f"m{place}", state, **more) for place, state in enumerate(states)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "found", "step", "why"),
    [
        pytest.param("waiting", members("approved", "approved"), "depart", "", id="all-agreed"),
        pytest.param("waiting", members("approved", "pending"), "", "1 of 2 wait", id="one-undecided"),
        pytest.param("waiting", members("approved", "rejected"), "cancel", "m1 was rejected", id="one-rejected"),
        pytest.param("waiting", members("pending", "denied"), "cancel", "m1 was stopped", id="one-denied"),
        pytest.param("waiting", members("approved", "cancelled"), "cancel", "m1 was cancelled", id="one-withdrawn"),
        pytest.param("waiting", members("approved", "superseded"), "cancel", "no longer", id="one-needless"),
        pytest.param("waiting", members("approved", "approved", busy=True), "", "m0, m1", id="busy"),
        pytest.param("waiting", members("approved", opens_at=LATER), "", "waits for its time", id="too-early"),
        pytest.param("waiting", members("approved", opens_at=NOW), "depart", "", id="its-moment"),
        pytest.param("running", members("succeeded", "running"), "", "", id="on-its-way"),
        pytest.param("running", members("failed", "running"), "", "", id="failed-and-others-run"),
        pytest.param("running", members("succeeded", "succeeded"), "arrive", "", id="arrived"),
        pytest.param("running", members("succeeded", "superseded"), "arrive", "", id="a-newer-change-went-on"),
        pytest.param("running", members("succeeded", "failed"), "fail", "m1 did not arrive", id="one-failed"),
        pytest.param("running", members("succeeded", "cancelled"), "fail", "m1", id="one-stopped"),
        pytest.param("failed", members("succeeded", "running"), "resume", "", id="resumed"),
        pytest.param("failed", members("succeeded", "failed"), "", "", id="still-failed"),
        pytest.param("cancelled", members("cancelled"), "", "", id="over"),
    ],
)
def test_it_says_what_is_due(state, found, step, why):
    said = verdict(state, found, NOW)
    assert said.step == step
    assert why in said.why


def test_it_looks_again_when_the_latest_window_opens():
    found = [Member("a", "approved", NOW), Member("b", "approved", LATER)]
    assert verdict("waiting", found, NOW).look_at == LATER


@pytest.mark.parametrize("state", TRAIN_STATES)
@pytest.mark.parametrize("event", sorted({event for _, event in TRAIN_TRANSITIONS}))
def test_it_moves_along_its_table_only(state, event):
    if (state, event) in TRAIN_TRANSITIONS:
        assert next_train_state(state, event) in TRAIN_STATES
        return
    with pytest.raises(Conflict, match=state):
        next_train_state(state, event)

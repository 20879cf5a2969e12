"""Draining in waves: the next begins when nothing is under way, and what failed stops it."""

from __future__ import annotations

import pytest

from provisioning.domain.drain import ItemView, Next, item_state, next_of
from provisioning.domain.lifecycle import CHANGE_STATES


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        pytest.param("", Next(over=True), id="nothing lives there"),
        pytest.param("www", Next(start=(0, 1)), id="the first wave"),
        pytest.param("mgw", Next(), id="one of the wave is under way"),
        pytest.param("mmw", Next(start=(2,)), id="the last wave"),
        pytest.param("mhm", Next(over=True), id="what has data is left"),
        pytest.param("mfw", Next(pause="1 move did not end well."), id="one failed"),
        pytest.param("ffg", Next(pause="2 moves did not end well."), id="two failed while one is under way"),
    ],
)
def test_it_says_what_is_next(states: str, wanted: Next) -> None:
    words = {"w": "waiting", "g": "moving", "m": "moved", "h": "held", "f": "failed"}
    items = [ItemView(key, words[letter]) for key, letter in enumerate(states)]
    assert next_of(items, at_once=2) == wanted


@pytest.mark.parametrize("state", CHANGE_STATES)
def test_what_is_gone_from_the_cluster_is_moved_once_its_change_is_over(state: str) -> None:
    under_way = state in ("pending", "approved", "running")
    assert item_state(state, is_there=False) == ("moving" if under_way else "moved")
    assert item_state(state, is_there=True) == (
        "moving" if under_way else "moved" if state == "succeeded" else "failed"
    )

"""The table of states is whole: every state of every machine has a word, a tone and a shape of its own kind."""

from __future__ import annotations

from typing import get_args

import pytest

from governance.domain.policy import Outcome
from governance.models.approval import APPROVAL_STATES
from portal.drawing.icons import MARKS
from portal.drawing.states import STATES, TONES, state_of
from provisioning.domain.campaign import CAMPAIGN_STATES, ITEM_STATES, WAVE_STATES
from provisioning.domain.lifecycle import CHANGE_STATES, ENVIRONMENT_STATES, RESOURCE_STATES
from provisioning.domain.run import RUN_STATES, STEP_STATES
from provisioning.models.capability import CONTRACT_STATES

ROWS = [(kind, key, look) for kind, table in STATES.items() for key, look in table.items()]

EXPECTED = {
    "change": CHANGE_STATES,
    "environment": ENVIRONMENT_STATES,
    "resource": RESOURCE_STATES,
    "run": RUN_STATES,
    "step": STEP_STATES,
    "contract": CONTRACT_STATES,
    "approval": APPROVAL_STATES,
    "campaign": CAMPAIGN_STATES,
    "wave": WAVE_STATES,
    "campaign-item": ITEM_STATES,
    "policy": get_args(Outcome),
}


@pytest.mark.parametrize(("kind", "keys"), EXPECTED.items(), ids=EXPECTED.keys())
def test_it_covers_every_state(kind, keys):
    assert set(keys) <= set(STATES[kind])


@pytest.mark.parametrize(("kind", "key", "look"), ROWS, ids=[f"{kind}-{key}" for kind, key, _ in ROWS])
def test_it_has_a_word_a_tone_and_a_mark(kind, key, look):
    assert look.word
    assert look.tone in TONES
    assert look.mark in MARKS


@pytest.mark.parametrize("kind", EXPECTED, ids=EXPECTED.keys())
def test_it_never_relies_on_colour_alone(kind):
    """Two tones never share a mark, so that a grey print still tells them apart."""
    tones: dict[str, set[str]] = {}
    for look in STATES[kind].values():
        tones.setdefault(look.mark, set()).add(look.tone)
    assert all(len(found) == 1 for found in tones.values()), tones


CASES = {
    "the kind decides": ("pending", "resource", "Not started", "off"),
    "without a kind a change is meant": ("pending", "", "Pending approval", "wait"),
    "a kind that lacks the key falls back": ("asks", "change", "Asks", "wait"),
    "an unknown key keeps its word": ("half_done", "run", "Half done", "off"),
    "nothing is unknown": ("", "run", "Unknown", "off"),
}


@pytest.mark.parametrize(("key", "kind", "word", "tone"), CASES.values(), ids=CASES.keys())
def test_it_finds_a_state(key, kind, word, tone):
    look = state_of(key, kind)
    assert (look.word, look.tone) == (word, tone)


def test_it_refuses_a_kind_it_does_not_know():
    with pytest.raises(KeyError):
        state_of("ready", "planet")

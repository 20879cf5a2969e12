"""The table of states is whole: every state of every machine has a word, a tone and a shape of its own kind."""

from __future__ import annotations

import pytest

from portal.drawing.icons import MARKS
from portal.drawing.states import STATES, TONES, state_of

ROWS = [(kind, key, look) for kind, table in STATES.items() for key, look in table.items()]

EXPECTED = {
    "change": "denied pending approved running succeeded failed rejected cancelled expired superseded",
    "environment": "requested progressing ready degraded failed deleting gone asleep unknown",
    "resource": "pending applying progressing ready failed deleting gone",
    "run": "queued running waiting succeeded failed cancelled",
    "step": "next running waiting done failed skipped cancelled",
    "contract": "preview stable deprecated defective retired",
    "policy": "passes warns denies asks observes errors",
    "approval": "waits approved rejected dismissed",
}


@pytest.mark.parametrize(("kind", "keys"), EXPECTED.items(), ids=EXPECTED.keys())
def test_it_covers_every_state(kind, keys):
    assert set(keys.split()) <= set(STATES[kind])


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

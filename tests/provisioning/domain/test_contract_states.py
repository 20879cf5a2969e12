"""Which state may follow which, what must be said, and who may still begin to use a version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from provisioning.domain.contract_states import (
    TRANSITIONS,
    StateNote,
    may_become,
    new_uses_refused,
    note_problems,
    transition_refused,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=90)
ALLOWED = {
    ("preview", "stable"),
    ("preview", "retired"),
    ("stable", "deprecated"),
    ("stable", "defective"),
    ("deprecated", "deprecated"),
    ("deprecated", "stable"),
    ("deprecated", "defective"),
    ("deprecated", "retired"),
    ("defective", "defective"),
    ("defective", "deprecated"),
    ("defective", "retired"),
}


@pytest.mark.parametrize("after", TRANSITIONS)
@pytest.mark.parametrize("before", TRANSITIONS)
def test_it_allows_these_moves_and_no_other(before: str, after: str) -> None:
    refusal = transition_refused(before, after, in_use=0)
    assert (refusal == "") == ((before, after) in ALLOWED)
    assert (after in may_become(before)) == ((before, after) in ALLOWED)


@pytest.mark.parametrize("before", ["preview", "deprecated", "defective"])
@pytest.mark.parametrize(("in_use", "told"), [(0, ""), (1, "1 living resource uses"), (3, "3 living resources use")])
def test_it_retires_only_what_nothing_uses(before: str, in_use: int, told: str) -> None:
    assert transition_refused(before, "retired", in_use=in_use)[: len(told) or None] == told


GOOD: dict[str, Any] = {"reason": "Loses data.", "sunset": LATER, "replacement": "2.0.0"}
NOTES = {
    "whole": ("deprecated", {}, set()),
    "defective needs no end": ("defective", {"sunset": None, "replacement": ""}, set()),
    "deprecated needs an end": ("deprecated", {"sunset": None}, {"sunset"}),
    "a reason is needed": ("defective", {"reason": ""}, {"reason"}),
    "a reason is short": ("deprecated", {"reason": "x" * 401}, {"reason"}),
    "an end lies ahead": ("deprecated", {"sunset": NOW}, {"sunset"}),
    "not itself": ("deprecated", {"replacement": "1.0.0"}, {"replacement"}),
    "not one that is to go": ("deprecated", {"replacement": "1.5.0"}, {"replacement"}),
    "not one that is not there": ("deprecated", {"replacement": "9.0.0"}, {"replacement"}),
    "stable ends nowhere": ("stable", {"replacement": ""}, {"sunset"}),
    "stable is not replaced": ("stable", {"sunset": None}, {"replacement"}),
    "stable needs nothing": ("stable", {"reason": "", "sunset": None, "replacement": ""}, set()),
}


@pytest.mark.parametrize(("state", "changed", "wrong"), NOTES.values(), ids=NOTES.keys())
def test_it_names_what_the_note_lacks(state: str, changed: dict[str, Any], wrong: set[str]) -> None:
    usable = {"1.0.0": "stable", "1.5.0": "deprecated", "2.0.0": "stable"}
    found = list(note_problems(state, version="1.0.0", usable=usable, now=NOW, **{**GOOD, **changed}))
    assert {one.path for one in found} == wrong


def document(**resources: str) -> dict[str, Any]:
    """``db="store@1.0.0"`` as a revision's document has it."""
    keys = ("capability", "contract")
    return {"resources": {name: dict(zip(keys, text.split("@"), strict=True)) for name, text in resources.items()}}


STATES = {"1.0.0": "stable", "1.1.0": "deprecated", "1.2.0": "defective", "2.0.0": "preview"}
USES = {
    "stable": ("store@1.0.0", None, False, False),
    "deprecated goes on": ("store@1.1.0", None, False, False),
    "defective is refused": ("store@1.2.0", None, False, True),
    "defective may stay": ("store@1.2.0", {"db": "store@1.2.0"}, False, False),
    "defective may stay where it is only": ("store@1.2.0", {"other": "store@1.2.0"}, False, True),
    "nobody moves to a defective one": ("store@1.2.0", {"db": "store@1.1.0"}, False, True),
    "a preview for others": ("store@2.0.0", None, False, True),
    "a preview for those who joined": ("store@2.0.0", None, True, False),
    "a preview may stay": ("store@2.0.0", {"db": "store@2.0.0"}, False, False),
}


@pytest.mark.parametrize(("wanted", "base", "joined", "refused"), USES.values(), ids=USES.keys())
def test_it_refuses_new_uses(wanted: str, base: dict[str, str] | None, joined: bool, refused: bool) -> None:
    before = document(**base) if base else None
    found = list(
        new_uses_refused(
            document(db=wanted), before, state_of=lambda _, version: STATES[version], joined=lambda _: joined
        )
    )
    assert [one.path for one in found] == (["spec.resources.db.capability"] if refused else [])


def test_a_note_is_one_sentence() -> None:
    note = StateNote("store", "1.0.0", "deprecated", reason="Slow.", sunset=LATER, replacement="2.0.0")
    assert note.sentence == "store 1.0.0 is deprecated and ends on 31 May 2026: Slow. Use 2.0.0 instead."
    assert StateNote("store", "1.0.0", "defective").sentence == "store 1.0.0 is defective."

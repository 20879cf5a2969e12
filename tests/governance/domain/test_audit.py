"""The chain's arithmetic and what may be kept in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from governance.domain.audit import HIDDEN, LATER, Entry, broken_links, public_data

START = Entry(
    sequence=1,
    at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    actor_id=1,
    actor_name="developer",
    via="api",
    action="team.create",
    object_type="team",
    object_id="1",
    object_label="payments",
    team_slug="payments",
    data={"a": [1, 2.5]},
    request_id="r",
    previous_hash="",
)


def chain(length: int) -> list[tuple[Entry, str]]:
    links: list[tuple[Entry, str]] = []
    for number in range(length):
        before = links[-1][1] if links else ""
        entry = replace(START, sequence=number + 1, object_id=str(number), previous_hash=before)
        links.append((entry, entry.hash()))
    return links


def test_it_finds_a_whole_chain_whole() -> None:
    assert list(broken_links(chain(5))) == []


@pytest.mark.parametrize(
    "change",
    [
        {"at": START.at + timedelta(microseconds=1)},
        {"actor_id": 2},
        {"actor_name": "x"},
        {"via": "portal"},
        {"action": "x"},
        {"object_type": "x"},
        {"object_id": "x"},
        {"object_label": "x"},
        {"team_slug": "x"},
        {"data": {"a": [1, 2.6]}},
        {"request_id": "x"},
        {"previous_hash": "x"},
        {"token_id": 7},
        {"behalf": "x"},
        {"address": "192.0.2.7"},
        {"system_slug": "x"},
        {"environment_name": "x"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_it_names_an_altered_entry(change: dict[str, object]) -> None:
    links = chain(5)
    links[2] = (replace(links[2][0], **change), links[2][1])  # type: ignore[arg-type]
    assert [fault.sequence for fault in broken_links(links)] == [3]


def test_it_names_an_entry_that_was_written_anew_with_its_own_hash() -> None:
    links = chain(5)
    forged = replace(links[2][0], actor_name="x")
    links[2] = (forged, forged.hash())
    assert [fault.sequence for fault in broken_links(links)] == [4]


def test_it_names_removed_and_moved_entries() -> None:
    links = chain(6)
    assert [fault.sequence for fault in broken_links(links[:2] + links[4:])] == [3, 4]
    first, second = links[1], links[2]
    moved = [
        links[0],
        (replace(second[0], sequence=2), second[1]),
        (replace(first[0], sequence=3), first[1]),
        *links[3:],
    ]
    faults = [fault.sequence for fault in broken_links(moved)]
    assert {2, 3} <= set(faults)


def test_it_counts_time_in_utc() -> None:
    elsewhere = START.at.astimezone(timezone(timedelta(hours=2)))
    assert replace(START, at=elsewhere).hash() == START.hash()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"password": "x"}, {"password": HIDDEN}),
        ({"new_kubeconfig": {"a": 1}}, {"new_kubeconfig": HIDDEN}),
        ({"nested": [{"api_key": "x", "name": "y"}]}, {"nested": [{"api_key": HIDDEN, "name": "y"}]}),
        ({"text": "sent slw_abc123_" + "x" * 30 + " by mail"}, {"text": f"sent {HIDDEN} by mail"}),
        ({"amount": Decimal("1.500"), "at": START.at}, {"amount": "1.5", "at": "2026-03-02T09:30:00+00:00"}),
        ({"words": {"b", "a"}, "zero": "a\x00b"}, {"words": ["a", "b"], "zero": "ab"}),
    ],
    ids=["password", "kubeconfig", "nested", "token in text", "types", "sets and nul"],
)
def test_it_keeps_no_secret(given: dict[str, object], kept: dict[str, object]) -> None:
    assert public_data(given) == kept


def test_it_refuses_what_json_does_not_have() -> None:
    with pytest.raises(TypeError):
        public_data({"x": object()})


def test_an_entry_from_before_a_field_keeps_its_hash() -> None:
    fields = set(START.fields())
    assert fields == {name for name in Entry.__dataclass_fields__ if name not in LATER}
    assert START.hash() == "9623d5a26d370687a4fc4379a9bea3ecd739d67855d4211064aa00ec94690e85"

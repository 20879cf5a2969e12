"""Every kind of notice reaches chats in exactly one way, or is kept away with a reason."""

from __future__ import annotations

import pytest

from governance.domain.chat import NOTICE_TONES
from governance.domain.event import EVENT_TYPES, NOTICE
from governance.domain.notice import KINDS
from governance.domain.notice_ways import KEPT, OWN, TOLD


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_one_way(kind: str) -> None:
    ways = [kind in OWN, kind in TOLD, kind in KEPT]
    assert ways.count(True) == 1, "Add the kind to one of the tables of governance.domain.notice_ways."


@pytest.mark.parametrize("kind", [*OWN, *TOLD, *KEPT])
def test_it_tells_of_kinds_that_are_there(kind: str) -> None:
    assert kind in KINDS


@pytest.mark.parametrize(("kind", "types"), OWN.items(), ids=list(OWN))
def test_events_of_its_own_are_there_and_come_without_being_ticked(kind: str, types: tuple[str, ...]) -> None:
    assert types
    assert all(not EVENT_TYPES[one].explicit for one in types)


def test_a_reason_stands_by_each_that_is_kept_away() -> None:
    assert all(reason.endswith(".") and len(reason) > 20 for reason in KEPT.values())


def test_the_schema_names_the_kinds_that_go_by_it() -> None:
    assert EVENT_TYPES[NOTICE].schema["properties"]["kind"]["enum"] == list(TOLD)
    assert set(NOTICE_TONES) <= set(TOLD)

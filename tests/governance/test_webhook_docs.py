"""docs/webhooks.md tells of every type of event and of every pause there is, and of none besides."""

from __future__ import annotations

import re

from django.conf import settings

from governance.domain.event import EVENT_TYPES
from governance.domain.notice_ways import TOLD
from governance.domain.webhook import PAUSES

TEXT = (settings.BASE_DIR / "docs" / "webhooks.md").read_text(encoding="utf-8")


def test_every_type_of_event_is_in_the_table() -> None:
    assert re.findall(r"^\| `([a-z]+\.[a-z]+)` \|", TEXT, re.MULTILINE) == list(EVENT_TYPES)


def test_every_kind_of_notice_is_in_the_table() -> None:
    rows = re.findall(r"^\| `([a-z]+-[a-z]+)` \| (.+) \|", TEXT, re.MULTILINE)
    assert rows == [(kind, words[0].lower() + words[1:]) for kind, words in TOLD.items()]


def test_the_pauses_are_those_that_are_made() -> None:
    said = re.search(r"after 5 seconds, 5 minutes, 30 minutes, 2, 5, 10, 14, 20\s+and 24 hours", TEXT)
    assert said
    assert [int(one.total_seconds()) for one in PAUSES] == [
        *(0, 5, 300, 1800),
        *(hours * 3600 for hours in (2, 5, 10, 14, 20, 24)),
    ]

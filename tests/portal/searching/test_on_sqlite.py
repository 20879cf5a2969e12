"""What search shows to whom, with FTS5."""

from __future__ import annotations

from tests.portal.searching.cases import SightCases


class TestSight(SightCases):
    pass

"""What search shows to whom, with full text and trigrams of PostgreSQL."""

from __future__ import annotations

import pytest

from tests.portal.searching.cases import SightCases

pytestmark = pytest.mark.postgres


class TestSight(SightCases):
    pass

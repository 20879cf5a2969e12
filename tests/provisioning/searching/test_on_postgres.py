"""The search index with full text and trigrams of PostgreSQL."""

from __future__ import annotations

import pytest

from tests.provisioning.searching.cases import IndexCases

pytestmark = pytest.mark.postgres


class TestIndex(IndexCases):
    pass

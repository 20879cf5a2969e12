"""The search index with FTS5."""

from __future__ import annotations

from tests.provisioning.searching.cases import IndexCases
from tests.provisioning.searching.lives import LifeCases


class TestIndex(IndexCases):
    pass


class TestLives(LifeCases):
    pass

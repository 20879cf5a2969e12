"""The search index with FTS5."""

from __future__ import annotations

from tests.provisioning.searching.cases import IndexCases


class TestIndex(IndexCases):
    pass

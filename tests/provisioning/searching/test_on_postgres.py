"""The search index with full text and trigrams of PostgreSQL."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection

from idp.catalog.models import Team
from provisioning.models import SearchWordMark
from provisioning.services.search_words import search_words_gather
from tests.personas import NOW, Organisation
from tests.provisioning.searching.cases import IndexCases
from tests.provisioning.searching.lives import LifeCases

pytestmark = pytest.mark.postgres


class TestIndex(IndexCases):
    def test_the_mark_waits_for_what_may_come_in_behind_it(self, organisation: Organisation) -> None:
        search_words_gather()
        before = SearchWordMark.objects.get().entry
        Team.objects.create(slug="okapi", name="Okapi", created_at=NOW)
        other = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor})
        with other, other.cursor() as cursor:
            cursor.execute("UPDATE provisioning_searchentry SET words = words WHERE false")
            assert search_words_gather() == 1
            assert SearchWordMark.objects.get().entry == before
        assert search_words_gather() == 0
        assert SearchWordMark.objects.get().entry > before


class TestLives(LifeCases):
    pass

"""A search of a long audit log costs what one of a short log costs: asked of PostgreSQL itself, and of the page.

200,000 entries are there; the statistics say that they are 5,000,000, so that the plans looked at are those of a log of
that length. Nothing is switched off for the planner, and what a plan really reads is counted, not estimated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from governance.models import AuditEntry
from governance.selectors.audit import Search, audit_list
from tests.personas import NOW, Organisation

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]
FEW, MANY, BELIEVED = 1_000, 200_000, 5_000_000
PAGE = 51
MOST_LEFT_OUT = 40 * PAGE
"""Entries that a page may look at and leave out: those between two that are shown, where several filters meet."""
MOST_SORTED = 2_000
"""Where two indexes leave so few that reading and sorting them is cheaper than walking one, the planner may."""
INSERT = """
    INSERT INTO governance_auditentry (
        sequence, at, actor_name, via, action, object_type, object_id, object_label, team_slug, data, request_id,
        behalf, address, system_slug, environment_name, previous_hash, hash
    )
    SELECT
        1000000 + n, %s::timestamptz - n * interval '1 minute', 'person-' || n %% 200, 'api',
        'kind-' || n %% 20 || '.verb-' || n %% 60,
        'kind-' || n %% 20, n %% 5000, 'thing ' || n %% 5000, 'team-' || n %% 40, '{}', 'request-' || n / 3,
        CASE WHEN n %% 5 = 0 THEN 'other-' || n %% 50 ELSE '' END, '192.0.2.' || n %% 200, 'system-' || n %% 300,
        'live-' || n %% 4, '', md5(n::text)
    FROM generate_series(%s, %s) AS n
"""
SEARCHES = {
    "everything": Search(),
    "who": Search(actor="person-7"),
    "who, before a moment": Search(actor="person-7", until=NOW - timedelta(days=30)),
    "whom it was for": Search(behalf="other-10"),
    "verb": Search(action="kind-7.verb-7"),
    "beginning of a verb": Search(action="kind-7"),
    "kind": Search(object_type="kind-7"),
    "object": Search(object_type="kind-7", object_id="47"),
    "name": Search(name="thing 47"),
    "system": Search(place="system-7"),
    "environment": Search(place="system-7/live-3"),
    "team": Search(team="team-7"),
    "request": Search(request="request-4711"),
    "time": Search(since=NOW - timedelta(days=20), until=NOW - timedelta(days=19)),
    "who and verb": Search(actor="person-7", action="kind-7.verb-7"),
    "who, verb, object and time": Search(
        actor="person-7", action="kind-7.verb-7", object_type="kind-7", since=NOW - timedelta(days=100)
    ),
    "nothing": Search(actor="nobody"),
}
ASKED = {
    "everything": "",
    "who": "?actor=person-7",
    "verb": "?action=kind-7.verb-7",
    "object": "?object_type=kind-7&object_id=47",
    "time": "?since=2026-10-01&until=2026-10-02",
    "all of them": "?actor=person-7&action=kind-7.verb-7&object_type=kind-7&since=2026-01-01",
}


def append(first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [NOW, first, last])


def believe(number: int) -> None:
    """Let the planner take the log, and each of its indexes, for ``number`` entries long."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE governance_auditentry")
        cursor.execute(
            "UPDATE pg_class SET reltuples = %s WHERE oid = 'governance_auditentry'::regclass"
            " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'governance_auditentry'::regclass)",
            [number],
        )


@pytest.fixture(scope="module")
def short_then_long(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Organisation, dict[str, int]]]:
    """The long log, and how many queries each page took while it was short."""
    with django_db_blocker.unblock(), transaction.atomic():
        organisation = Organisation.found()
        append(1, FEW)
        counts = {name: queries(organisation, address) for name, address in ASKED.items()}
        append(FEW + 1, MANY)
        believe(BELIEVED)
        yield organisation, counts
        transaction.set_rollback(True)


@pytest.fixture
def log(short_then_long: tuple[Organisation, dict[str, int]]) -> Organisation:
    return short_then_long[0]


def queries(organisation: Organisation, address: str) -> int:
    client = Client()
    client.force_login(organisation.auditor)
    cache.clear()
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse("audit") + address).status_code == 200
    return len(asked)


def test_the_planner_takes_the_log_for_as_long_as_it_is_to_be(log: Organisation) -> None:
    assert AuditEntry.objects.filter(sequence__gt=1_000_000).count() == MANY
    told = re.search(r"rows=(\d+)", AuditEntry.objects.order_by().explain())
    assert told is not None
    assert BELIEVED * 0.9 < int(told[1]) < BELIEVED * 1.1


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES.keys())
def test_a_page_is_read_through_an_index(log: Organisation, search: Search) -> None:
    found = audit_list(log.rights("auditor"), search)[:PAGE].explain(analyze=True)
    assert re.search(r"Index (Only )?Scan (using|on) audit_by_", found), found
    assert "Seq Scan" not in found, found
    believed = [int(number) for number in re.findall(r"Sort  \(cost=\S+ rows=(\d+)", found)]
    assert ("Sort Key" in found) == bool(believed), found
    assert all(number <= MOST_SORTED for number in believed), found
    left_out = sum(int(number) for number in re.findall(r"Rows Removed by Filter: (\d+)", found))
    assert left_out <= MOST_LEFT_OUT, found


def test_a_search_without_an_index_is_told(log: Organisation) -> None:
    found = AuditEntry.objects.filter(address="192.0.2.7").order_by("hash")[:PAGE].explain(analyze=True)
    assert "Seq Scan" in found
    assert "Sort Key" in found


@pytest.mark.parametrize("name", ASKED)
def test_the_page_asks_the_database_as_often_as_of_a_short_log(
    short_then_long: tuple[Organisation, dict[str, int]], name: str
) -> None:
    organisation, short = short_then_long
    assert queries(organisation, ASKED[name]) == short[name] <= 12

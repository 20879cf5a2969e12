"""Each filter of the search walks its own index in the order of the search: no table is read whole, nothing sorted.

Looked up in the plans of the database, so that it holds whatever the size: a page of millions reads fifty rows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q

from governance.models import AuditEntry
from governance.selectors.audit import ORDER, Search, audit_list, known_actions, known_kinds
from governance.services.audit import audit_append
from idp.kernel import keyset
from idp.kernel.actor import Actor
from tests.personas import NOW, Organisation

pytestmark = pytest.mark.django_db

FILTERS = [
    pytest.param(Search(), "audit_by_time", id="everything"),
    pytest.param(Search(since=NOW - timedelta(days=1), until=NOW), "audit_by_time", id="time"),
    pytest.param(Search(actor="developer"), "audit_by_actor", id="who"),
    pytest.param(Search(actor="developer", until=NOW), "audit_by_actor", id="who, before a moment"),
    pytest.param(Search(behalf="developer"), "audit_by_behalf", id="on whose behalf"),
    pytest.param(Search(action="change.approve"), "audit_by_action", id="action"),
    pytest.param(Search(object_type="change"), "audit_by_kind", id="kind"),
    pytest.param(Search(object_type="change", object_id="7"), "audit_by_object", id="object"),
    pytest.param(Search(name="checkout/live"), "audit_by_name", id="name"),
    pytest.param(Search(object_type="run", name="checkout/live"), "audit_by_name", id="kind and name"),
    pytest.param(Search(place="checkout"), "audit_by_system", id="system"),
    pytest.param(Search(place="checkout/live"), "audit_by_place", id="environment"),
    pytest.param(Search(team="payments"), "audit_by_team", id="team"),
    pytest.param(Search(request="request-1"), "audit_by_request", id="request"),
    pytest.param(Search(actor="developer", action="change.approve", team="payments"), "audit_by_actor", id="several"),
]


@pytest.fixture
def log(organisation: Organisation) -> Organisation:
    for number in range(60):
        actor = Actor(1, f"person-{number}", via="api", request_id=f"request-{number}", behalf=f"other-{number}")
        audit_append(
            actor, action=f"change.verb-{number}", object_type=f"kind-{number}", object_id=number,
            object_label=f"thing {number}", team_slug=f"team-{number}", place=f"system-{number}/live",
            now=NOW - timedelta(minutes=number),
        )  # fmt: skip
    return organisation


def plan(rows: Any) -> str:
    """What the database would do; PostgreSQL is told that the table is large, for it knows how small it is."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{way} = off")
    return str(rows[:51].explain())


@pytest.mark.parametrize("persona", ["auditor", "developer"])
@pytest.mark.parametrize(("search", "index"), FILTERS)
def test_a_page_is_read_off_an_index(log: Organisation, persona: str, search: Search, index: str) -> None:
    rows = audit_list(log.rights(persona), search)
    last = AuditEntry.objects.earliest("sequence")
    further = rows.filter(Q(at__lte=last.at) & (Q(at__lt=last.at) | Q(at=last.at, sequence__lt=last.sequence)))
    for part in (rows, further):
        found = plan(part)
        if connection.vendor == "sqlite":
            expected = (
                "audit_by_team" if persona == "developer" and index in ("audit_by_time", "audit_by_kind") else index
            )
            assert expected in found
        assert "TEMP B-TREE" not in found, found
        assert "Sort" not in found, found
        assert "Seq Scan" not in found, found


def test_the_plan_tells_a_search_without_an_index(log: Organisation) -> None:
    found = plan(AuditEntry.objects.filter(address="192.0.2.7").order_by("address", "hash"))
    assert "TEMP B-TREE" in found or "Sort" in found


def test_the_next_page_is_found_by_where_the_last_one_ended(log: Organisation, django_assert_num_queries: Any) -> None:
    rows = audit_list(log.rights("auditor"), Search())
    first = keyset.page(rows, order=ORDER, cursor=None, limit=20)
    with django_assert_num_queries(1):
        second = keyset.page(rows, order=ORDER, cursor=first.next, limit=20)
    both = [entry.sequence for entry in (*first.items, *second.items)]
    assert both == [entry.sequence for entry in rows[:40]]


def test_what_occurs_is_known_without_reading_each_entry(log: Organisation, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        actions, kinds = known_actions(), known_kinds()
    assert set(actions) == set(AuditEntry.objects.values_list("action", flat=True))
    assert set(kinds) == set(AuditEntry.objects.values_list("object_type", flat=True))
    assert actions == sorted(actions)


def test_nobody_widens_their_search(log: Organisation) -> None:
    for search in (Search(), Search(actor="person-3"), Search(request="request-3"), Search(place="system-3")):
        assert not audit_list(log.rights("developer"), search).exclude(team_slug="payments").exists()

"""The audit chain in the database: appended with what happened, and found out when it was touched."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from governance.domain.audit import Entry
from governance.models import AuditEntry, AuditHead
from governance.selectors.audit import Search, audit_list
from governance.services import audit as audit_service
from governance.services.audit import audit_append, audit_verify
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Forbidden, PlatformFault
from tests.governance.tampering import unguarded
from tests.personas import NOW, Organisation


@pytest.fixture
def entries(db: None, monkeypatch: pytest.MonkeyPatch) -> list[AuditEntry]:
    monkeypatch.setattr(audit_service, "CHUNK", 3)
    return [
        audit_append(
            Actor(user_id=5, username="developer", via="api", request_id="req-1"),
            action="test.write",
            object_type="test",
            object_id=number,
            object_label=f"number {number}",
            team_slug="payments",
            data={"number": number, "share": 0.1, "token": "slw_x_y"},
            now=NOW,
        )
        for number in range(8)
    ]


def broken() -> list[int]:
    return [fault.sequence for fault in audit_verify()]


def test_it_keeps_who_did_what(entries: list[AuditEntry]) -> None:
    entry = AuditEntry.objects.get(sequence=3)
    assert (entry.actor_name, entry.actor_id, entry.via, entry.request_id) == ("developer", 5, "api", "req-1")
    assert entry.data == {"number": 2, "share": 0.1, "token": "[hidden]"}
    assert entry.previous_hash == AuditEntry.objects.get(sequence=2).hash
    assert broken() == []


@pytest.mark.parametrize("sequence", [1, 4, 8], ids=["first", "middle", "last"])
@pytest.mark.parametrize("field", ["actor_name", "data", "at", "object_label"])
def test_it_names_an_altered_row(entries: list[AuditEntry], sequence: int, field: str) -> None:
    other = {"actor_name": "x", "data": {"number": 99}, "at": NOW.replace(year=2025), "object_label": "x"}[field]
    with unguarded():
        AuditEntry.objects.filter(sequence=sequence).update(**{field: other})
    assert broken() == [sequence]


@pytest.mark.parametrize("sequence", [1, 4, 8], ids=["first", "middle", "last"])
def test_it_names_a_removed_row(entries: list[AuditEntry], sequence: int) -> None:
    with unguarded():
        AuditEntry.objects.filter(sequence=sequence).delete()
    assert broken() == [sequence]


def test_it_names_rows_that_changed_places(entries: list[AuditEntry]) -> None:
    with unguarded():
        AuditEntry.objects.filter(sequence=3).update(sequence=100)
        AuditEntry.objects.filter(sequence=4).update(sequence=3)
        AuditEntry.objects.filter(sequence=100).update(sequence=4)
    assert {3, 4} <= set(broken())


def test_it_notices_a_log_that_was_emptied(entries: list[AuditEntry]) -> None:
    with unguarded():
        AuditEntry.objects.all().delete()
    assert broken() == [8]


def test_it_notices_a_last_entry_that_was_forged_with_its_own_hash(entries: list[AuditEntry]) -> None:
    last = entries[-1]
    fields = {name: getattr(last, name) for name in Entry.__dataclass_fields__} | {"actor_name": "somebody else"}
    with unguarded():
        AuditEntry.objects.filter(pk=last.pk).update(actor_name="somebody else", hash=Entry(**fields).hash())
    assert [(fault.sequence, fault.reason) for fault in audit_verify()] == [(8, "is not the entry that the head names")]


def test_it_names_an_inserted_row(entries: list[AuditEntry]) -> None:
    forged = {name: getattr(entries[-1], name) for name in Entry.__dataclass_fields__} | {"sequence": 9}
    AuditEntry.objects.create(**forged, hash="0" * 64)
    assert [(fault.sequence, fault.reason) for fault in audit_verify()] == [(9, "was inserted")]


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda rows: rows.update(actor_name="x"), id="update"),
        pytest.param(lambda rows: rows.delete(), id="delete"),
    ],
)
def test_the_database_refuses_to_change_what_was_written(entries: list[AuditEntry], tamper: Any) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        tamper(AuditEntry.objects.filter(sequence=3))
    assert broken() == []


def test_it_notices_a_lost_head(entries: list[AuditEntry]) -> None:
    AuditHead.objects.all().delete()
    assert broken() == [1]


def test_it_goes_away_with_what_did_not_happen(db: None) -> None:
    def fail() -> None:
        with transaction.atomic():
            audit_append(PLATFORM, action="x", object_type="x", object_id=1, object_label="x", now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not AuditEntry.objects.exists()


def test_it_cuts_what_a_column_cannot_hold(db: None) -> None:
    long = Actor(user_id=1, username="u" * 500, via="api", request_id="r" * 500)
    entry = audit_append(long, action="x", object_type="x", object_id="i" * 500, object_label="l" * 500, now=NOW)
    entry.clean_fields(exclude=["data"])
    assert broken() == []


def test_it_costs_three_queries(entries: list[AuditEntry], django_assert_num_queries: object) -> None:
    with django_assert_num_queries(3):  # type: ignore[operator]
        audit_append(PLATFORM, action="x", object_type="x", object_id=1, object_label="x", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_it_insists_on_a_transaction() -> None:
    with pytest.raises(PlatformFault):
        audit_append(PLATFORM, action="x", object_type="x", object_id=1, object_label="x", now=NOW)


def test_the_command_says_that_the_log_is_whole_or_names_the_rows(entries: list[AuditEntry]) -> None:
    said = StringIO()
    call_command("audit", "verify", stdout=said)
    assert said.getvalue() == "The audit log is whole.\n"
    with unguarded():
        AuditEntry.objects.filter(sequence=4).update(actor_name="x")
    complaint = StringIO()
    with pytest.raises(CommandError, match="1 place"):
        call_command("audit", "verify", stderr=complaint)
    assert complaint.getvalue() == "Entry 4 was altered or moved.\n"


@pytest.mark.parametrize(
    ("persona", "teams"),
    [
        ("admin", {"", "payments", "storefront"}),
        ("auditor", {"", "payments", "storefront"}),
        ("developer", {"payments"}),
        ("stranger", {"storefront"}),
    ],
)
def test_it_shows_people_their_part(organisation: Organisation, persona: str, teams: set[str]) -> None:
    audit_append(PLATFORM, action="policy.save", object_type="policy", object_id=1, object_label="x", now=NOW)
    assert set(audit_list(organisation.rights(persona), Search()).values_list("team_slug", flat=True)) == teams


@pytest.mark.parametrize(("persona", "team"), [("viewer", ""), ("platform_engineer", ""), ("developer", "storefront")])
def test_it_shows_others_nothing(organisation: Organisation, persona: str, team: str) -> None:
    with pytest.raises(Forbidden):
        audit_list(organisation.rights(persona), Search(team=team))


def test_it_filters(organisation: Organisation) -> None:
    rights = organisation.rights("admin")
    assert {row.action for row in audit_list(rights, Search(action="membership."))} == {"membership.set"}
    assert {row.team_slug for row in audit_list(rights, Search(team="payments", object_type="team"))} == {"payments"}

"""Whatever somebody with the database in their hands does to one entry, both verifiers name it.

One verifier reads the database, the other an export of it and none of our code.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from governance.access import rights_of
from governance.models import AuditEntry
from governance.selectors.audit import link_of
from governance.services.audit import audit_append, audit_verify
from governance.services.audit_export import audit_export
from idp.kernel.actor import PLATFORM, Actor
from tests.governance.tampering import unguarded
from tests.personas import NOW

ENTRIES = 9
SCRIPT = runpy.run_path(str(settings.BASE_DIR / "deploy" / "audit" / "verify_export.py"))
FIELDS = {
    "actor_name": "somebody", "via": "cli", "action": "x.y", "object_type": "other", "object_id": "other",
    "object_label": "other", "team_slug": "other", "data": {"other": 1}, "request_id": "other", "behalf": "other",
    "address": "203.0.113.1", "system_slug": "other", "environment_name": "other", "token_id": 99, "actor_id": 99,
    "previous_hash": "0" * 64, "hash": "0" * 64,
}  # fmt: skip
"""Each field of an entry with something that it does not say."""

Tamper = tuple[Callable[[], None], set[int]]


@pytest.fixture
def log(db: None) -> None:
    for number in range(ENTRIES):
        actor = Actor(
            7, "developer", via="api", request_id="request-1", address="192.0.2.7", token_id=3, behalf="team x"
        )
        audit_append(
            actor, action="test.write", object_type="test", object_id=number, object_label=f"ü {number}",
            team_slug="payments", place="checkout/live", data={"share": 0.5, "list": [1, None, "x"]}, now=NOW,
        )  # fmt: skip


def rows(*numbers: int) -> Any:
    return AuditEntry.objects.filter(sequence__in=numbers)


def altered(draw: Any) -> Tamper:
    number, field = draw(st.integers(1, ENTRIES)), draw(st.sampled_from(sorted(FIELDS)))
    return lambda: rows(number).update(**{field: FIELDS[field]}) and None, {number, number + 1}


def removed(draw: Any) -> Tamper:
    number = draw(st.integers(1, ENTRIES))
    return lambda: rows(number).delete() and None, {number, number - 1 if number == ENTRIES else number}


def reordered(draw: Any) -> Tamper:
    one, other = draw(st.lists(st.integers(1, ENTRIES), min_size=2, max_size=2, unique=True))

    def tamper() -> None:
        rows(one).update(sequence=1_000)
        rows(other).update(sequence=one)
        rows(1_000).update(sequence=other)

    return tamper, {one, other}


def inserted(draw: Any) -> Tamper:
    """A forged entry whose own hash is right; those behind it move on by one."""
    number = draw(st.integers(2, ENTRIES))

    def tamper() -> None:
        for later in range(ENTRIES, number - 1, -1):
            rows(later).update(sequence=later + 1)
        forged = AuditEntry.objects.get(sequence=number - 1)
        forged.sequence, forged.previous_hash, forged.object_label = number, forged.hash, "forged"
        forged.hash = link_of(forged).hash()
        forged.save(force_insert=True)

    return tamper, {number, number + 1}


@st.composite
def tampers(draw: Any) -> Tamper:
    return draw(st.sampled_from([altered, removed, reordered, inserted]))(draw)


@given(tamper=tampers())
@hypothesis_settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
def test_both_verifiers_name_what_was_touched(log: None, tmp_path_factory: Any, tamper: Tamper) -> None:
    touch, numbers = tamper
    path: Path = tmp_path_factory.mktemp("export") / "audit.jsonl"
    with transaction.atomic():
        with unguarded():
            touch()
        ours = {fault.sequence for fault in audit_verify()}
        path.write_text("".join(audit_export(rights_of(PLATFORM), now=NOW)), encoding="utf-8")
        transaction.set_rollback(True)
    _, theirs = SCRIPT["check"](path, "")
    assert ours & numbers, f"ours named {ours}, not one of {numbers}"
    assert any(f"Entry {number}:" in fault for fault in theirs for number in numbers), theirs


def test_an_untouched_log_is_whole_for_both(log: None, tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(audit_export(rights_of(PLATFORM), now=NOW)), encoding="utf-8")
    assert audit_verify() == []
    assert SCRIPT["check"](path, "") == (ENTRIES, [])

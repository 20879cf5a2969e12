"""Many writers, one chain. The first test proves that there is a race to win."""

from __future__ import annotations

import time

import pytest
from django.db import IntegrityError, transaction

from governance.models import AuditEntry, AuditHead
from governance.services.audit import HEAD, audit_append, audit_verify
from idp.kernel.actor import PLATFORM
from tests.concurrency.threads import side_by_side
from tests.personas import NOW

THREADS = 8
EACH = 10

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def append(number: int) -> None:
    with transaction.atomic():
        audit_append(
            PLATFORM, action="test.write", object_type="test", object_id=number, object_label=str(number), now=NOW
        )


def test_the_race_happens_without_the_lock() -> None:
    append(0)

    def careless(number: int) -> None:
        with transaction.atomic():
            head = AuditHead.objects.get(pk=HEAD)
            time.sleep(0.05)
            AuditEntry.objects.create(
                sequence=head.sequence + 1, at=NOW, actor_name="x", via="system", action="x", object_type="x",
                object_id="x", object_label="x", previous_hash=head.hash, hash="x",
            )  # fmt: skip

    outcomes = side_by_side(THREADS, careless)
    assert any(isinstance(outcome, IntegrityError) for outcome in outcomes)


@pytest.mark.parametrize("first", [True, False], ids=["on an empty log", "on a log that began"])
def test_it_keeps_one_chain(first: bool) -> None:
    if not first:
        append(0)
    before = AuditEntry.objects.count()
    outcomes = side_by_side(THREADS, lambda number: [append(number * EACH + turn) for turn in range(EACH)])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert AuditEntry.objects.count() == before + THREADS * EACH
    assert audit_verify() == []

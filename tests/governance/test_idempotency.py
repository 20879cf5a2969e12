"""Idempotency keys: the same answer for the same request, for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import IdempotencyRecord
from governance.services.idempotency import Replay, abandon, begin, finish, idempotency_purge
from idp.kernel.errors import Conflict, InvalidInput
from tests.personas import NOW

pytestmark = pytest.mark.django_db
BODY = "f" * 64


def answer(key: str = "key") -> None:
    finish("user:1", key, status=202, headers={"Location": "/api/v1/changes/1/"}, body="{}")


def test_it_repeats_the_first_answer() -> None:
    assert begin("user:1", "key", BODY, NOW) is None
    answer()
    first = Replay(202, {"Location": "/api/v1/changes/1/"}, "{}")
    assert begin("user:1", "key", BODY, NOW + timedelta(hours=23)) == first
    finish("user:1", "key", status=500, headers={}, body="other")
    assert begin("user:1", "key", BODY, NOW) == first


def test_it_refuses_another_request_with_the_same_key() -> None:
    begin("user:1", "key", BODY, NOW)
    for _ in range(2):
        with pytest.raises(InvalidInput) as caught:
            begin("user:1", "key", "0" * 64, NOW)
        assert caught.value.code == "idempotency-key-reused"
        answer()


def test_it_says_that_the_first_is_running() -> None:
    begin("user:1", "key", BODY, NOW)
    with pytest.raises(Conflict) as caught:
        begin("user:1", "key", BODY, NOW + timedelta(seconds=59))
    assert caught.value.code == "request-in-progress"


def test_it_takes_over_a_request_that_died() -> None:
    begin("user:1", "key", BODY, NOW)
    later = NOW + timedelta(seconds=61)
    assert begin("user:1", "key", BODY, later) is None
    with pytest.raises(Conflict):
        begin("user:1", "key", BODY, later)


def test_it_starts_anew_after_a_fault_of_ours() -> None:
    begin("user:1", "key", BODY, NOW)
    abandon("user:1", "key")
    assert begin("user:1", "key", "0" * 64, NOW) is None
    answer()
    abandon("user:1", "key")
    assert begin("user:1", "key", "0" * 64, NOW) is not None


def test_it_keeps_people_and_keys_apart() -> None:
    for principal, key in (("user:1", "a"), ("user:2", "a"), ("user:1", "b")):
        assert begin(principal, key, BODY, NOW) is None


def test_it_forgets_after_a_day() -> None:
    begin("user:1", "key", BODY, NOW)
    answer()
    begin("user:1", "young", BODY, NOW + timedelta(hours=2))
    tomorrow = NOW + timedelta(hours=24)
    assert idempotency_purge(tomorrow) == 1
    assert [record.key for record in IdempotencyRecord.objects.all()] == ["young"]
    assert begin("user:1", "key", "0" * 64, tomorrow) is None


@pytest.mark.parametrize("key", ["", "x" * 201, "a\nb", "a\x00"], ids=["empty", "too long", "line break", "nul"])
def test_it_refuses_a_key_that_is_none(key: str) -> None:
    with pytest.raises(InvalidInput):
        begin("user:1", key, BODY, NOW)

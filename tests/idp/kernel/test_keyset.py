"""Pages by keyset: every row once, whatever the order, and no cursor that is not ours."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Count, QuerySet

from governance.models import AuditEntry
from idp.catalog.models import System, Team
from idp.kernel.errors import InvalidInput
from idp.kernel.keyset import page
from tests.personas import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def systems() -> QuerySet[System]:
    """Twelve systems of three teams, created at four different times, so that every order but the slug's has ties."""
    teams = [Team.objects.create(slug=f"team-{n}", name="T", created_at=NOW) for n in range(3)]
    System.objects.bulk_create(
        System(
            slug=f"system-{n:02}",
            name=f"S{n % 2}",
            team=teams[n % 3],
            restricted=bool(n % 2),
            created_at=NOW + timedelta(microseconds=n % 4),
        )
        for n in range(12)
    )
    return System.objects.select_related("team")


def walk(rows: QuerySet[Any], order: tuple[str, ...], limit: int) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(50):
        got = page(rows, order=order, cursor=cursor, limit=limit)
        assert len(got.items) <= limit
        found += got.items
        cursor = got.next
        if cursor is None:
            return found
    raise AssertionError("the pages do not end")


ORDERS = [
    ("id",),
    ("-id",),
    ("slug",),
    ("-created_at", "-id"),
    ("created_at", "-id"),
    ("-restricted", "name", "id"),
    ("team__slug", "-created_at", "id"),
    ("name", "pk"),
]


@pytest.mark.parametrize("limit", [1, 5, 12, 200])
@pytest.mark.parametrize("order", ORDERS, ids=",".join)
def test_it_shows_every_row_once_in_order(systems: QuerySet[System], order: tuple[str, ...], limit: int) -> None:
    assert walk(systems, order, limit) == list(systems.order_by(*order))


def test_it_orders_by_an_annotation(systems: QuerySet[System]) -> None:
    rows = Team.objects.annotate(owned=Count("systems"))
    assert walk(rows, ("-owned", "id"), 2) == list(rows.order_by("-owned", "id"))


def test_it_says_when_there_is_no_more(systems: QuerySet[System]) -> None:
    assert page(systems, order=("id",), cursor=None, limit=12).next is None
    assert page(systems.none(), order=("id",), cursor=None, limit=12).items == []
    assert page(systems, order=("id",), cursor="", limit=11).next is not None


def test_it_does_not_repeat_a_row_when_others_are_added(systems: QuerySet[System]) -> None:
    first = page(systems, order=("-id",), cursor=None, limit=4)
    System.objects.create(slug="new", name="N", team=Team.objects.get(slug="team-0"), created_at=NOW)
    second = page(systems, order=("-id",), cursor=first.next, limit=4)
    assert not {row.pk for row in first.items} & {row.pk for row in second.items}
    assert "new" not in {row.slug for row in second.items}


def test_it_never_counts(systems: QuerySet[System], django_assert_num_queries: Any) -> None:
    cursor = page(systems, order=("-created_at", "-id"), cursor=None, limit=4).next
    with django_assert_num_queries(1) as captured:
        page(systems, order=("-created_at", "-id"), cursor=cursor, limit=4)
    assert "COUNT" not in captured.captured_queries[0]["sql"]


def crafted(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(parts)).encode()).decode().rstrip("=")


BAD = {
    "not base64": "!!!",
    "not ASCII": "é",
    "not JSON": base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    "not a list": base64.urlsafe_b64encode(b'{"a": 1}').decode(),
    "a number": base64.urlsafe_b64encode(b"1").decode(),
    "nothing": crafted(),
    "of another order": crafted("id", "5"),
    "too few values": crafted("-created_at,-id", "2026-03-02T09:30:00+00:00"),
    "not a time": crafted("-created_at,-id", "yesterday", "5"),
    "a time without a zone": crafted("-created_at,-id", "2026-03-02T09:30:00", "5"),
    "not a number": crafted("-created_at,-id", "2026-03-02T09:30:00+00:00", "five"),
    "a huge number": crafted("-created_at,-id", "2026-03-02T09:30:00+00:00", "9" * 30),
    "a map as value": crafted("-created_at,-id", {"$gt": ""}, "5"),
    "too long": "A" * 2000,
    "deep": base64.urlsafe_b64encode(b"[" * 700).decode(),
}


@pytest.mark.parametrize("cursor", BAD.values(), ids=BAD)
def test_it_refuses_a_cursor_that_is_not_of_this_list(systems: QuerySet[System], cursor: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        page(systems, order=("-created_at", "-id"), cursor=cursor, limit=5)
    assert caught.value.code == "bad-cursor"


@pytest.mark.parametrize("text", ["a\x00b", "'; DROP TABLE", "x" * 300])
def test_it_takes_any_text_for_text_but_nul(systems: QuerySet[System], text: str) -> None:
    cursor = crafted("slug", text)
    if "\x00" in text:
        with pytest.raises(InvalidInput):
            page(systems, order=("slug",), cursor=cursor, limit=5)
    else:
        page(systems, order=("slug",), cursor=cursor, limit=5)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_it_refuses_a_limit_out_of_range(systems: QuerySet[System], limit: int) -> None:
    with pytest.raises(InvalidInput):
        page(systems, order=("id",), cursor=None, limit=limit)


def test_it_refuses_to_order_by_what_may_be_null() -> None:
    for number in (1, 2):
        AuditEntry.objects.create(sequence=number, at=NOW, actor_name="x", via="x", action="x", object_type="x",
                                  object_id="x", object_label="x", hash="x")  # fmt: skip
    with pytest.raises(RuntimeError):
        page(AuditEntry.objects.all(), order=("actor_id", "sequence"), cursor=None, limit=1)

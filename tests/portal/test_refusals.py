"""Who came in, who did not, and who was refused what: all of it is in the audit log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError
from django.test import Client
from django.urls import reverse

from governance.models import AuditEntry
from governance.services import sign_ins
from governance.services.sign_ins import MOST, refusal_note
from idp.kernel.actor import Actor
from portal import middleware
from tests.personas import NOW, PASSWORD, Organisation
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db
FROM = {"REMOTE_ADDR": "192.0.2.7"}


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    cache.clear()


@pytest.fixture
def organisation() -> Organisation:
    return Organisation.found()


def entries(*actions: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action__in=actions).order_by("sequence"))


def signed_in(organisation: Organisation, persona: str) -> Client:
    client = Client()
    client.force_login(organisation.people[persona])
    return client


def test_coming_and_going_is_noted(organisation: Organisation) -> None:
    client = Client()
    for password in ("wrong", PASSWORD):
        client.post(reverse("login"), {"username": "developer", "password": password}, **FROM)
    client.post(reverse("logout"), **FROM)
    found = entries("session.sign-in-failed", "session.sign-in", "session.sign-out")
    assert [(one.action, one.actor_name, one.object_label, one.address) for one in found] == [
        ("session.sign-in-failed", "", "developer", "192.0.2.7"),
        ("session.sign-in", "developer", "developer", "192.0.2.7"),
        ("session.sign-out", "developer", "developer", "192.0.2.7"),
    ]
    assert all(one.request_id for one in found)


def test_a_password_in_the_wrong_field_is_not_kept(organisation: Organisation) -> None:
    Client().post(reverse("login"), {"username": PASSWORD, "password": "developer"})
    (entry,) = entries("session.sign-in-failed")
    assert (entry.object_label, entry.object_id) == ("unknown name", "")
    assert PASSWORD not in str(entry.data)


def test_nobody_signs_out_unnoticed_and_nobody_at_all_leaves_nothing(organisation: Organisation) -> None:
    Client().post(reverse("logout"))
    assert entries("session.sign-out") == []


def refused_page(organisation: Organisation) -> Any:
    for _ in range(3):
        answer = signed_in(organisation, "viewer").post(reverse("team-new"), {"slug": "x", "name": "X"}, **FROM)
    return answer


def refused_by_api(organisation: Organisation) -> Any:
    headers = {"Authorization": f"Bearer {token_for(organisation.viewer, 'read')}"}
    for _ in range(3):
        answer = Client().post("/api/v1/teams/", {}, "application/json", headers=headers, **FROM)
    return answer


def refused_by_csrf(organisation: Organisation) -> Any:
    client = Client(enforce_csrf_checks=True)
    client.force_login(organisation.viewer)
    for _ in range(3):
        answer = client.post(reverse("team-new"), {"slug": "x"}, **FROM)
    return answer


@pytest.mark.parametrize(
    ("attempt", "what", "code"),
    [
        pytest.param(refused_page, "POST /teams/new", "forbidden", id="a page"),
        pytest.param(refused_by_api, "POST /api/v1/teams/", "token-scope", id="the API"),
        pytest.param(refused_by_csrf, "POST /teams/new", "csrf", id="a form without its secret"),
    ],
)
def test_every_refusal_is_noted_once(organisation: Organisation, attempt: Any, what: str, code: str) -> None:
    assert attempt(organisation).status_code == 403
    (entry,) = entries("access.denied")
    assert (entry.object_label, entry.data["code"], entry.actor_name) == (what, code, "viewer")
    assert (entry.address, entry.object_type) == ("192.0.2.7", "address")
    assert entry.request_id


@pytest.mark.parametrize(
    ("trusted", "address"), [(False, "192.0.2.7"), (True, "203.0.113.9")], ids=["no proxy", "a trusted proxy"]
)
def test_only_a_trusted_proxy_says_where_from(organisation, settings, trusted, address):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if trusted else None
    signed_in(organisation, "viewer").get(reverse("audit"), HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.9", **FROM)
    assert [one.address for one in entries("access.denied")] == [address]


def test_a_flood_of_refusals_ends_in_a_word_about_the_rest() -> None:
    viewer = Actor(7, "viewer", via="portal")
    for number in range(MOST + 20):
        refusal_note(viewer, what=f"GET /secret/{number}", code="forbidden", why="No.", now=NOW)
    found = entries("access.denied")
    assert len(found) == MOST
    assert "not listed" in found[-1].data["rest"]
    cache.clear()
    refusal_note(viewer, what="GET /secret/1", code="forbidden", why="No.", now=NOW + timedelta(hours=1))
    assert len(entries("access.denied")) == MOST + 1


def test_nobodys_refusals_are_one_for_each_address() -> None:
    for number in range(5):
        nobody = Actor(None, "", via="portal", address=f"192.0.2.{number % 2}")
        refusal_note(nobody, what=f"POST /x/{number}", code="csrf", why="", now=NOW)
    assert len(entries("access.denied")) == 2


def test_a_refusal_stands_when_the_log_cannot_be_written(organisation, monkeypatch):
    def away(*arguments: Any, **named: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(sign_ins, "audit_append", away)
    monkeypatch.setattr(middleware, "refusal_note", away)
    assert refused_page(organisation).status_code == 403

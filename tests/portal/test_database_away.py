"""Wherever in a request the database goes away, the answer is 503 with the request's id, never a defect."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError
from django.test import Client
from django.urls import reverse

from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db

PLACES = {
    "when the session is read": "django.contrib.sessions.backends.db.SessionStore.load",
    "when rights are asked": "governance.access._held",
    "in a selector": "provisioning.selectors.environments.visible",
    "while a template draws": "portal.pages.shell.banners",
}
FAULTS = {"refused": OperationalError, "closed": InterfaceError}


def away(fault: type[Exception]):
    def call(*_: object, **__: object) -> None:
        raise fault("connection to server at 10.0.0.9 failed: password=hush")

    return call


@pytest.fixture
def browser(organisation: Organisation) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(organisation.developer)
    return client


def require_503(answer) -> None:
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    text = answer.content.decode()
    assert answer["X-Request-Id"] in text
    assert "The database does not answer at the moment" in text
    assert "hush" not in text


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_page_says_so(browser, monkeypatch, place, fault):
    monkeypatch.setattr(place, away(fault))
    require_503(browser.get("/environments/"))


@pytest.mark.parametrize("place", list(PLACES.values())[:3], ids=list(PLACES)[:3])
def test_the_api_says_so(browser, monkeypatch, place):
    monkeypatch.setattr(place, away(OperationalError))
    answer = browser.get("/api/v1/environments/")
    require_503(answer)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "database-unavailable"


class Told(Exception):
    sqlstate = "42P01"


def missing(kind: type[Exception], told: str, cause: Exception | None = None):
    def call(*_: object, **__: object) -> None:
        raise kind(told) from cause

    return call


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(missing(OperationalError, "no such column: catalog_user.hush"), id="SQLite"),
        pytest.param(missing(ProgrammingError, 'relation "hush" does not exist', Told()), id="PostgreSQL"),
    ],
)
@pytest.mark.parametrize("path", ["/environments/", "/api/v1/environments/"], ids=["page", "API"])
def test_a_database_without_its_migrations_is_told_apart(browser, monkeypatch, fault, path):
    monkeypatch.setattr("provisioning.selectors.environments.visible", fault)
    answer = browser.get(path)
    text = answer.content.decode()
    assert (answer.status_code, "hush" in text) == (503, False)
    assert "is not ready for this version" in text
    assert "manage.py migrate" in text


def test_a_query_that_is_wrong_stays_a_defect(browser, monkeypatch):
    monkeypatch.setattr("provisioning.selectors.environments.visible", missing(ProgrammingError, "syntax error"))
    assert browser.get("/environments/").status_code == 500


def test_signing_in_says_so_when_the_session_cannot_be_kept(organisation, monkeypatch):
    client = Client(raise_request_exception=False)
    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.save", away(OperationalError))
    require_503(client.post(reverse("login"), {"username": "developer", "password": PASSWORD}))


def test_a_session_that_cannot_be_kept_at_the_end_of_a_request(browser, monkeypatch):
    """Outside every view, where Django would call it a defect."""
    monkeypatch.setattr("django.contrib.sessions.middleware.SessionMiddleware.process_response", away(OperationalError))
    require_503(browser.get("/"))

"""Wrong tokens by the hundred from one address are not looked up any more; a right one from elsewhere is."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from tests.personas import Organisation
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()
    yield
    cache.clear()


@pytest.mark.parametrize("path", ["/api/v1/teams/", "/scim/v2/Users"], ids=["API", "SCIM"])
def test_a_flood_is_not_looked_up(organisation: Organisation, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr("portal.api.wrong_tokens.MOST_IN_A_MINUTE", 3)

    def ask(token: str, address: str = "192.0.2.7") -> int:
        return Client().get(path, HTTP_AUTHORIZATION=f"Bearer {token}", REMOTE_ADDR=address).status_code

    assert [ask(f"slw_abcd{turn}_wrong") for turn in range(5)] == [401, 401, 401, 429, 429]
    assert ask("slw_abcd_wrong", "192.0.2.8") == 401


def test_right_tokens_never_count(organisation: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.api.wrong_tokens.MOST_IN_A_MINUTE", 2)
    head = {"HTTP_AUTHORIZATION": f"Bearer {token_for(organisation.developer, 'read')}"}
    assert {Client().get("/api/v1/teams/", **head).status_code for _ in range(4)} == {200}

"""Search over the API."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("wanted", "kind", "name"),
    [
        pytest.param("checkout", "system", "checkout", id="system"),
        pytest.param("checkout-a", "component", "checkout-api", id="component"),
        pytest.param("TRY", "environment", "checkout/try", id="environment"),
        pytest.param("postg", "capability", "postgres", id="capability"),
        pytest.param("payments", "team", "payments", id="team"),
        pytest.param("Create checkout", "change", "#", id="change"),
    ],
)
def test_it_finds_each_kind_and_its_address_answers(api, living, wanted, kind, name):
    caller = api("viewer")
    hits = [hit for hit in caller.get(f"search/?q={wanted}").json()["items"] if hit["kind"] == kind]
    assert hits
    assert hits[0]["name"].startswith(name)
    assert caller.get(hits[0]["url"]).status_code == 200


def test_it_finds_nothing_restricted(api, organisation):
    assert api("stranger").get("search/?q=vault").json()["items"] == []
    assert api("viewer").get("search/?q=vault").json()["items"]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=" + "x" * 101, "?q=%00"])
def test_it_asks_what_to_look_for(api, organisation, query):
    assert api("viewer").get(f"search/{query}").status_code == 400


def test_it_takes_marks_of_patterns_as_letters(api, organisation):
    assert api("viewer").get("search/?q=%25").json()["items"] == []

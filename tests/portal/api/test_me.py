"""The index, and who one is."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db


def test_it_lists_areas_that_all_answer(api):
    links = api().get("").json()["links"]
    caller = api("admin")
    for name, url in links.items():
        if name in ("docs", "search", "plans"):
            continue
        assert caller.get(url).status_code == 200, name


def test_it_says_who_one_is_and_may(api, waiting):
    me = api("maintainer").get("me").json()
    assert (me["username"], me["via"], me["is_admin"], me["waiting_on_me"]) == ("maintainer", "token", False, 1)
    [team] = me["teams"]
    assert (team["slug"], team["role"]) == ("payments", "maintainer")
    assert "approve_change" in team["may"]
    assert team["quota"]["held"]["environments"] == 1


@pytest.mark.parametrize("scope", ["read", "change", "approve", "admin"])
def test_it_answers_a_token_of_any_scope(api, scope):
    assert api("developer", scope).get("me").json()["scopes"] == [scope]

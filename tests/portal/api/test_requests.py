"""What every request meets, whatever it asks: identity, rate, method, format, hostile bodies, faults of ours."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client

from governance.models import ApiToken
from idp.catalog.models import Team, User
from idp.kernel import clock
from tests.portal.api.client import Api, require_problem, token_for

pytestmark = pytest.mark.django_db

TEAM = {"slug": "search", "name": "Search"}


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="nothing"),
        pytest.param("Basic YWRtaW46YWRtaW4=", id="basic"),
        pytest.param("Bearer", id="no-token"),
        pytest.param("Bearer slw_abc_def", id="unknown"),
        pytest.param("Bearer nonsense", id="nonsense"),
        pytest.param("Bearer slw_" + "x" * 5000, id="long"),
        pytest.param("Token abc", id="other-scheme"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_it_asks_for_an_identity(organisation, header, method):
    headers = {"Authorization": header} if header else {}
    response = Client().generic(method, "/api/v1/teams/", b"{}", content_type="application/json", headers=headers)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")
    require_problem(response)


@pytest.mark.parametrize("fate", ["expired", "revoked", "switched-off"])
def test_it_refuses_a_token_whose_time_is_over(organisation, fate):
    caller = Api(token=token_for(organisation.developer))
    assert caller.get("me").status_code == 200
    before = clock.now() - timedelta(seconds=1)
    if fate == "switched-off":
        User.objects.filter(pk=organisation.developer.pk).update(is_active=False)
    else:
        ApiToken.objects.update(**{"expires_at" if fate == "expired" else "revoked_at": before})
    assert caller.get("me").status_code == 401


def test_a_wrong_token_is_not_covered_by_a_session(organisation):
    caller = Api(token="slw_wrong_token", user=organisation.admin)
    assert caller.get("me").status_code == 401


def test_a_session_reads_freely_and_writes_with_its_csrf_token(organisation):
    caller = Api(user=organisation.admin, checks_csrf=True)
    assert caller.get("me").json()["via"] == "session"
    refused = caller.post("teams/", TEAM)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert not Team.objects.filter(slug="search").exists()
    caller.client.cookies["csrftoken"] = "a" * 32
    assert caller.post("teams/", TEAM, X_CSRFToken="a" * 32).status_code == 201


def test_a_session_with_a_form_is_refused_and_not_a_fault(organisation):
    caller = Api(user=organisation.admin, checks_csrf=True)
    form = b"--x\r\nContent-Disposition: form-data; name=slug\r\n\r\nsearch\r\n--x--\r\n"
    refused = caller.call("POST", "teams/", form, media="multipart/form-data; boundary=x")
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        pytest.param("read", "GET", "teams/", 200, id="read-reads"),
        pytest.param("change", "GET", "teams/", 403, id="change-does-not-read"),
        pytest.param("read", "POST", "teams/", 403, id="read-does-not-administer"),
        pytest.param("admin", "POST", "teams/", 422, id="admin-administers"),
        pytest.param("read", "POST", "changes/", 403, id="read-does-not-ask"),
        pytest.param("read", "POST", "plans/", 403, id="read-does-not-plan"),
        pytest.param("change", "POST", "changes/1/approve/", 403, id="change-does-not-decide"),
    ],
)
def test_a_token_does_only_what_its_scope_says(api, organisation, scope, method, path, status):
    response = api("admin", scope).call(method, path, {} if method == "POST" else None)
    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "token-scope"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "nothing/", 404, id="unknown"),
        pytest.param("POST", "nothing/", 404, id="unknown-post"),
        pytest.param("GET", "teams", 404, id="no-slash"),
        pytest.param("GET", "changes/" + "9" * 5000 + "/", 404, id="huge-number"),
        pytest.param("GET", "changes/99999999999999999999/", 404, id="number-beyond-64-bit"),
        pytest.param("GET", "changes/0/", 404, id="zero"),
        pytest.param("GET", "teams/%00/", 404, id="nul"),
        pytest.param("GET", "teams/payments/members/%00/", 404, id="nul-in-text"),
        pytest.param("GET", "teams/..%2f..%2fetc/", 404, id="traversal"),
        pytest.param("DELETE", "teams/", 405, id="method"),
        pytest.param("OPTIONS", "teams/", 405, id="options"),
        pytest.param("PUT", "changes/", 405, id="put"),
        pytest.param("TRACE", "me", 405, id="trace"),
    ],
)
def test_it_says_when_there_is_nothing_to_do_that_to(api, organisation, method, path, status):
    response = api("admin").call(method, path)
    assert response.status_code == status
    require_problem(response)
    if status == 405:
        assert "GET" in response["Allow"]


def test_it_says_that_the_slash_is_missing(api, organisation):
    assert "/api/v1/teams/" in api("viewer").get("teams").json()["remedy"]


NESTED = b'{"a":' * 50_000 + b"1" + b"}" * 50_000


@pytest.mark.parametrize(
    ("raw", "status", "words"),
    [
        pytest.param(b"", 422, "is not as it must be", id="empty"),
        pytest.param(b"{", 400, "line 1", id="cut-off"),
        pytest.param(b"[]", 422, "must be an object", id="list"),
        pytest.param(b'"text"', 422, "must be an object", id="text"),
        pytest.param(b"null", 422, "must be an object", id="null"),
        pytest.param(b'{"slug": NaN}', 400, "NaN", id="nan"),
        pytest.param(b'{"slug": -Infinity}', 400, "Infinity", id="infinity"),
        pytest.param(b'{"slug": 1e999}', 400, "too large", id="overflow"),
        pytest.param(b'{"slug": ' + b"9" * 5000 + b"}", 400, "not JSON", id="endless-integer"),
        pytest.param(b'{"slug": "a", "slug": "b"}', 400, "twice", id="repeated-key"),
        pytest.param(NESTED, 400, "deeper", id="depth-bomb"),
        pytest.param(b"[" * 65 + b"]" * 65, 400, "deeper", id="just-too-deep"),
        pytest.param(b'{"slug": "\\u0000"}', 400, "NUL", id="nul"),
        pytest.param(b'{"slug": "\\ud800"}', 400, "half a character", id="half-a-character"),
        pytest.param(b'{"\\ud800": 1}', 400, "half a character", id="half-a-character-as-key"),
        pytest.param(b'{"slug": "\xff"}', 400, "UTF-8", id="not-utf-8"),
        pytest.param(b"\x00\x01\x02", 400, "not JSON", id="bytes"),
    ],
)
def test_it_refuses_hostile_json(api, organisation, raw, status, words):
    response = api("admin").call("POST", "teams/", raw)
    assert response.status_code == status
    assert words in response.json()["detail"]
    assert Team.objects.count() == 2


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join('*' + chr(97 + n) for _ in range(9))}]\n" for n in range(8)
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BOMB, id="bomb"),
        pytest.param("!!python/object/apply:os.system ['true']", id="tag"),
        pytest.param("slug: a\nslug: b", id="repeated-key"),
        pytest.param("a: " + "[" * 5000, id="depth"),
        pytest.param("slug: [", id="cut-off"),
        pytest.param("slug: .nan", id="nan"),
        pytest.param("a: 1\n---\nb: 2", id="two"),
        pytest.param("\x00", id="nul"),
    ],
)
def test_it_refuses_hostile_yaml(api, organisation, text):
    response = api("admin").call("POST", "teams/", text.encode(), media="application/yaml")
    assert response.status_code == 400
    assert Team.objects.count() == 2


def test_it_takes_yaml_wherever_it_takes_json(api, organisation):
    made = api("admin").call("POST", "teams/", b"slug: search\nname: Search\n", media="application/yaml; charset=utf-8")
    assert made.status_code == 201


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_it_reads_no_other_format(api, organisation, media):
    response = api("admin").call("POST", "teams/", json.dumps(TEAM).encode(), media=media)
    assert response.status_code == 415
    assert Team.objects.count() == 2


@pytest.mark.parametrize("media", ["application/json", "application/yaml", "text/plain"])
def test_it_refuses_ten_megabytes_before_reading_them(api, organisation, media):
    response = api("admin").call("POST", "teams/", b"x" * 10_000_000, media=media)
    assert (response.status_code, response.json()["code"]) == (413, "too-large")


def test_it_slows_down_one_who_asks_too_often(api, organisation, settings):
    from rest_framework.settings import api_settings

    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"principal": "5/min"}}
    assert api_settings.DEFAULT_THROTTLE_RATES["principal"] == "5/min"
    caller = api("viewer")
    statuses = [caller.get("me").status_code for _ in range(7)]
    assert statuses == [200] * 5 + [429] * 2
    refused = caller.get("me")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert api("developer").get("me").status_code == 200


def test_a_fault_of_ours_says_nothing_of_the_inside(api, organisation, monkeypatch, caplog):
    def explode(*args: object, **kwargs: object) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr("idp.catalog.selectors.team_list", explode)
    caller = api("viewer")
    caller.client.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        response = caller.get("teams/")
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    assert "hunter2" not in response.content.decode()
    assert response.json()["request_id"] in caplog.text


def test_a_database_that_is_away_is_503(api, organisation, monkeypatch):
    def away(*args: object, **kwargs: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("idp.catalog.selectors.team_list", away)
    response = api("viewer").get("teams/")
    assert (response.status_code, response.json()["code"]) == (503, "database-unavailable")
    assert int(response["Retry-After"]) > 0


def test_it_answers_json_whatever_accept_says(api, organisation):
    response = api("viewer").get("me", Accept="text/html,application/xhtml+xml")
    assert response["Content-Type"] == "application/json"

"""Passwords cannot be tried by the thousand, and nobody is locked out by a stranger."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import RequestFactory
from django.urls import reverse

from portal.pages import attempts
from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db
HERE, ELSEWHERE = "192.0.2.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def nothing_counted():
    cache.clear()
    yield
    cache.clear()


def sign_in(client, name, password, address=HERE):
    return client.post(reverse("login"), {"username": name, "password": password}, REMOTE_ADDR=address)


@pytest.fixture
def tired(client, organisation: Organisation, monkeypatch):
    monkeypatch.setattr("django.contrib.auth.models.AbstractBaseUser.check_password", lambda self, raw: raw == PASSWORD)
    for _ in range(attempts.MOST_FOR_A_NAME):
        assert sign_in(client, "developer", "wrong").status_code == 422
    return client


def test_it_looks_at_no_further_password(tired):
    answer = sign_in(tired, "developer", PASSWORD)
    assert answer.status_code == 429
    assert "Too many wrong passwords were typed from here." in answer.content.decode()
    assert "Wait 15 minutes" in answer.content.decode()
    assert "_auth_user_id" not in tired.session


def test_capitals_are_not_another_name(tired):
    assert sign_in(tired, " DEVELOPER ", PASSWORD).status_code == 429


def test_the_person_signs_in_from_elsewhere(tired):
    assert sign_in(tired, "developer", PASSWORD, ELSEWHERE).status_code == 302


def test_others_sign_in_from_there(tired):
    assert sign_in(tired, "maintainer", PASSWORD).status_code == 302


def test_it_ends_with_time(tired, monkeypatch):
    now = attempts.time.time()
    monkeypatch.setattr(attempts.time, "time", lambda: now + attempts.WINDOW_SECONDS + 1)
    assert sign_in(tired, "developer", PASSWORD).status_code == 302


def test_the_right_password_forgives_slips(client, organisation):
    for _ in range(3):
        for _ in range(attempts.MOST_FOR_A_NAME // 2):
            sign_in(client, "developer", "wrong")
        assert sign_in(client, "developer", PASSWORD).status_code == 302
        client.post(reverse("logout"))


def test_one_password_is_not_tried_on_many_names(client, organisation):
    request = RequestFactory().post("/login/", REMOTE_ADDR=HERE)
    for number in range(attempts.MOST_FROM_AN_ADDRESS):
        attempts.note(request, f"person{number}")
    assert sign_in(client, "maintainer", PASSWORD).status_code == 429


def test_a_session_left_open_is_not_used_to_guess(client, organisation):
    client.force_login(organisation.developer)
    url = reverse("account-sessions")
    codes = [client.post(url, {"password": "wrong"}).status_code for _ in range(attempts.MOST_FOR_A_NAME + 1)]
    assert codes == [422] * attempts.MOST_FOR_A_NAME + [429]


ADDRESSES = {
    "as it is": (None, {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "6.6.6.6"}, "192.0.2.7"),
    "what the proxy wrote": (
        ("HTTP_X_FORWARDED_PROTO", "https"),
        {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 192.0.2.7"},
        "192.0.2.7",
    ),
    "the proxy when it wrote nothing": (("HTTP_X_FORWARDED_PROTO", "https"), {"REMOTE_ADDR": "10.0.0.1"}, "10.0.0.1"),
    "the network of IPv6": (None, {"REMOTE_ADDR": "2001:db8::17"}, "2001:db8::/64"),
    "no address": (None, {"REMOTE_ADDR": ""}, ""),
}


@pytest.mark.parametrize(("header", "meta", "expected"), ADDRESSES.values(), ids=ADDRESSES.keys())
def test_it_knows_where_one_comes_from(settings, header, meta, expected):
    settings.SECURE_PROXY_SSL_HEADER = header
    assert attempts.address_of(RequestFactory().get("/", **meta)) == expected

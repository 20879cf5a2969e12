"""Signing in, and who is let in where."""

from __future__ import annotations

import pytest
from django.urls import reverse

from idp.catalog.models import User
from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return Organisation.found()


def post(client, **data):
    return client.post(reverse("login"), data)


def test_it_signs_in_and_goes_where_one_wanted(client, organisation):
    answer = post(client, username="developer", password=PASSWORD, next="/teams/")
    assert answer.headers["Location"] == "/teams/"


def test_it_does_not_send_people_to_another_site(client, organisation):
    answer = post(client, username="developer", password=PASSWORD, next="https://evil.example/")
    assert answer.headers["Location"] == "/"


REFUSED = {
    "a wrong password": ("developer", "wrong"),
    "an unknown name": ("nobody", "wrong"),
    "an account that is switched off": ("viewer", PASSWORD),
}


@pytest.mark.parametrize(("username", "password"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses_with_the_same_sentence(client, organisation, username, password):
    User.objects.filter(username="viewer").update(is_active=False)
    answer = post(client, username=username, password=password)
    assert answer.status_code == 422
    assert "That name and password do not fit together." in answer.content.decode()
    assert password not in answer.content.decode()


PAGES = [
    ("home", []),
    ("systems", []),
    ("system", ["checkout"]),
    ("system-edit", ["checkout"]),
    ("component", ["checkout", "checkout-api"]),
    ("capabilities", []),
    ("team", ["payments"]),
    ("account", []),
    ("search", []),
]


@pytest.mark.parametrize(("name", "arguments"), PAGES, ids=[name for name, _ in PAGES])
def test_nobody_sees_a_page_before_signing_in(client, organisation, name, arguments):
    url = reverse(name, args=arguments)
    assert client.get(url).headers["Location"] == f"/login/?next={url}"
    assert client.post(url).headers["Location"] == f"/login/?next={url}"


def test_nobody_is_led_back_to_an_address_that_only_takes_forms(client, organisation):
    url, page = reverse("system-delete", args=["checkout"]), "http://testserver/systems/checkout/edit"
    for answer in (client.get(url), client.post(url)):
        assert answer.headers["Location"] == "/login/?next=/"
    assert client.post(url, HTTP_REFERER=page).headers["Location"] == "/login/?next=/systems/checkout/edit"


def test_a_fragment_takes_the_whole_page_to_sign_in(client, organisation):
    headers = {"hx-request": "true", "hx-current-url": "http://testserver/systems/?q=a"}
    answer = client.get(reverse("search"), {"q": "x"}, headers=headers)
    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/login/?next=%2Fsystems%2F%3Fq%3Da"


def test_signing_out_takes_a_post(client, organisation):
    client.force_login(organisation.developer)
    assert client.get(reverse("logout")).status_code == 405
    assert client.post(reverse("logout")).status_code == 302
    assert client.get(reverse("home")).headers["Location"] == "/login/?next=/"


def test_the_demo_names_are_shown_in_a_demo_only(client, organisation, settings):
    settings.DEMO = False
    assert b"This is a demo" not in client.get(reverse("login")).content
    settings.DEMO = True
    text = client.get(reverse("login")).content.decode()
    assert "This is a demo" in text
    assert "maintainer" in text

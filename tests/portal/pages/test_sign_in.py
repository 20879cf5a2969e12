"""Signing in, and who is let in where."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import URLResolver, get_resolver, reverse

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


def routes(resolver: URLResolver, above: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        route = f"{above}{one.pattern}"
        if isinstance(one, URLResolver):
            yield from routes(one, route)
        else:
            yield route


SIGN_UPS = (
    *("/signup", "/signup/", "/sign-up", "/sign-up/", "/register", "/register/", "/registration/", "/join", "/join/"),
    *("/accounts/signup/", "/accounts/register/", "/accounts/social/signup/", "/account/signup", "/account/register"),
    *("/login/signup", "/login/register", "/login/new", "/users/new", "/api/v1/signup/", "/api/v1/register/"),
)


def test_nobody_signs_up(client, organisation):
    people = User.objects.count()
    body = {"username": "stranger", "email": "s@example.com", "password": PASSWORD}
    both = {"password1": PASSWORD, "password2": PASSWORD}
    told = {}
    for url in SIGN_UPS:
        for answer in (client.get(url), client.post(url, {**body, **both})):
            away = answer.headers.get("Location", "").startswith(("/login/?next=", f"{url}/"))
            if answer.status_code not in (401, 404) and not away:
                told[url] = answer.status_code
    assert (told, User.objects.count()) == ({}, people)


def test_no_address_is_one_of_signing_up():
    names = list(routes(get_resolver()))
    assert reverse("login").lstrip("/") in names
    assert not [one for one in names if re.search(r"sign-?up|regist(er|ration)\b|enrol", one, re.IGNORECASE)]


def test_signing_in_offers_no_signing_up(client, organisation):
    page = client.get(reverse("login")).content.decode()
    words = ("sign up", "sign-up", "signup", "register", "create an account", "create account", "new here")
    assert not [one for one in words if one in page.lower()]
    leads = {url for url in re.findall(r'(?:href|action)="(/[^"]*)"', page) if not url.startswith("/static/")}
    assert leads <= {"/", "/login/", "/login/passkey", "/account/theme"}, leads


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

"""Errors for people: in the shell where one is signed in, with what to do, never a trace."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from django import forms
from django.test import Client, RequestFactory
from django.urls import reverse

from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, PolicyDenied, QuotaExceeded
from portal.pages import problems
from tests.personas import PASSWORD, Organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation():
    return Organisation.found()


ANSWERS = {
    "not found": (NotFound("There is no system x."), 404, "There is no system x."),
    "forbidden": (Forbidden("Only maintainers may.", remedy="Ask one."), 403, "Ask one."),
    "conflict": (Conflict("It moved on."), 409, "It changed while you were reading"),
    "own change": (Forbidden("Not yours.", code="own-change"), 403, "You may not approve your own change"),
    "quota": (QuotaExceeded("2 GiB short."), 422, "There is not enough quota left"),
    "policy": (PolicyDenied("Previews are small."), 422, "A policy refuses this"),
    "fields": (InvalidInput("Wrong.", errors=[FieldError("a.b", "must be 3")]), 422, "must be 3"),
}


@pytest.mark.parametrize(("error", "status", "words"), ANSWERS.values(), ids=ANSWERS.keys())
def test_it_says_what_happened_and_what_to_do(error, status, words):
    request = RequestFactory().get("/")
    request.request_id = "01JD4R7Q2M"
    answer = problems.answer(request, error)
    text = answer.content.decode()
    assert answer.status_code == status
    assert words in text
    assert "request 01JD4R7Q2M" in text
    assert f"{status} {error.code}" in text


def test_a_fragment_gets_a_fragment_with_its_title_in_a_header():
    request = RequestFactory().get("/")
    request.htmx = True
    answer = problems.answer(request, NotFound("Gone."))
    assert b"<html" not in answer.content
    assert answer["X-Slipway-Problem"] == "There is nothing here for you"


def test_an_address_that_does_not_exist_keeps_people_in_the_portal(client, organisation):
    client.force_login(organisation.developer)
    inside = client.get("/no/such/page")
    assert inside.status_code == 404
    assert b'class="sidebar"' in inside.content
    outside = Client().get("/no/such/page")
    assert outside.status_code == 404
    assert b'class="sidebar"' not in outside.content


def test_a_form_without_its_token_is_refused_in_words(organisation):
    answer = Client(enforce_csrf_checks=True).post(reverse("login"), {"username": "developer", "password": PASSWORD})
    assert answer.status_code == 403
    assert "no longer valid" in answer.content.decode()


def test_a_failure_of_ours_shows_no_trace(client, organisation, monkeypatch):
    def broken(*_args, **_options):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("portal.reading.teams.team_list", broken)
    client.raise_request_exception = False
    client.force_login(organisation.developer)
    answer = client.get(reverse("teams"))
    assert answer.status_code == 500
    assert b"secret detail" not in answer.content
    assert b"request " in answer.content


class Form(forms.Form):
    name = forms.CharField(required=False)
    cpu = forms.CharField(required=False)


PLACED = {
    "at its field": (InvalidInput("x", errors=[FieldError("spec.limits.cpu", "must be 1")]), {"cpu": ["must be 1"]}),
    "at the innermost field": (InvalidInput("x", errors=[FieldError("name.cpu", "no")]), {"cpu": ["no"]}),
    "above the form": (InvalidInput("x", errors=[FieldError("other", "no")]), {"__all__": ["no"]}),
    "the sentence where no field is named": (InvalidInput("Bad.", remedy="Do."), {"__all__": ["Bad. Do."]}),
}


@pytest.mark.parametrize(("error", "expected"), PLACED.values(), ids=PLACED.keys())
def test_it_puts_errors_where_they_belong(error, expected):
    form = Form({"name": "a", "cpu": "b"})
    assert form.is_valid()
    problems.add_errors(form, error)
    assert dict(form.errors) == expected


VERBS = [("home", "post"), ("systems", "post"), ("system-new", "put"), ("account", "delete"), ("search", "post")]


@pytest.mark.parametrize(("name", "verb"), VERBS)
def test_other_verbs_are_refused(client, organisation, name, verb):
    client.force_login(organisation.developer)
    assert getattr(client, verb)(reverse(name)).status_code == 405


POSTS_ONLY = ["account-theme", "account-sessions", "token-new"]


@pytest.mark.parametrize("name", POSTS_ONLY)
def test_reading_never_changes_anything(client, organisation, name):
    client.force_login(organisation.developer)
    answer = client.get(reverse(name))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Go back to the page with the form" in answer.content.decode()


SENT_FROM = [
    pytest.param("http://testserver/account/?tab=tokens", "/account/?tab=tokens", id="page-of-the-form"),
    pytest.param("https://elsewhere.example/account/", "/", id="elsewhere"),
    pytest.param("", "/", id="unknown"),
]


@pytest.mark.parametrize(("referrer", "back"), SENT_FROM)
def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(client, referrer, back):
    answer = client.post(reverse("token-new"), headers={"Referer": referrer})
    assert answer.status_code == 302
    assert parse_qs(urlsplit(answer["Location"]).query) == {"next": [back]}

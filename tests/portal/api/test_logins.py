"""Signing in from a command line, over HTTP; the client holds every answer against the OpenAPI document."""

from __future__ import annotations

import json

from django.test import Client
from django.urls import reverse

from governance.models import IdempotencyRecord
from tests.personas import Organisation
from tests.portal.api.client import Api


def begin(wish: list[str]) -> dict[str, str]:
    answer = Api().post("login/", {"client": "ann's laptop", "scopes": wish})
    assert answer.status_code == 201
    return json.loads(answer.content)


def test_a_person_allows_and_the_program_is_them(api, organisation: Organisation) -> None:
    begun = begin(["read", "change"])
    program = Api()
    assert program.post("login/token/", {"device_code": begun["device_code"]}).status_code == 202
    person = Client()
    person.force_login(organisation.developer)
    page = person.get(begun["page_with_code"])
    assert page.status_code == 200
    assert begun["code"] in page.content.decode()
    assert "ann&#x27;s laptop" in page.content.decode()
    sent = {"code": begun["code"], "scopes": ["read"], "days": "7", "systems": "", "do": "allow"}
    assert person.post(begun["page"], sent).status_code == 302
    taken = program.post("login/token/", {"device_code": begun["device_code"]}, Idempotency_Key="once")
    assert taken["Cache-Control"] == "no-store"
    held = json.loads(taken.content)
    assert (held["username"], held["scopes"]) == ("developer", ["read"])
    assert json.loads(Api(token=held["token"]).get("me").content)["username"] == "developer"
    assert not IdempotencyRecord.objects.exists(), "an answer with a token is kept"
    again = program.post("login/token/", {"device_code": begun["device_code"]})
    assert (again.status_code, json.loads(again.content)["code"]) == (404, "login-over")


def test_a_refusal_reaches_the_program(api, organisation: Organisation) -> None:
    begun = begin(["read"])
    person = Client()
    person.force_login(organisation.developer)
    person.post(reverse("command-line"), {"code": begun["code"], "do": "refuse"})
    answer = Api().post("login/token/", {"device_code": begun["device_code"]})
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "login-refused")


def test_what_is_wrong_with_the_answer_is_shown_and_the_question_stays(api, organisation: Organisation) -> None:
    begun = begin(["read"])
    person = Client()
    person.force_login(organisation.developer)
    sent = {"code": begun["code"], "scopes": ["read"], "days": "7", "systems": "nowhere", "do": "allow"}
    answer = person.post(begun["page"], sent)
    assert answer.status_code == 422
    assert "There is no system “nowhere”" in answer.content.decode()
    assert Api().post("login/token/", {"device_code": begun["device_code"]}).status_code == 202


def test_who_is_not_signed_in_comes_back_to_the_code(api, organisation: Organisation) -> None:
    begun = begin(["read"])
    answer = Client().get(begun["page_with_code"])
    assert answer.status_code == 302
    assert begun["code"] in answer["Location"]


def test_a_token_ends_itself(api, organisation: Organisation) -> None:
    program = api("developer", "read")
    assert program.post("login/end/").status_code == 204
    assert program.get("me").status_code == 401

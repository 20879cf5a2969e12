"""Signing in from a command line: asked without identity, answered by a person, taken once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from governance.domain.login_code import LETTERS, code_shown, code_typed, new_code
from governance.models import ApiToken, AuditEntry, DeviceLogin
from governance.services.device_logins import (
    GUESSES,
    LIFE,
    MOST_FROM_AN_ADDRESS,
    login_allow,
    login_ask,
    login_read,
    login_refuse,
    login_take,
)
from governance.services.tokens import token_authenticate, token_create, token_end
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, NotSignedIn, RateLimited
from tests.personas import NOW, Organisation

ASKER = Actor(None, "", via="api", request_id="request-1", address="192.0.2.7")


@pytest.fixture(autouse=True)
def no_guesses() -> None:
    cache.clear()


def ask(**given: Any) -> tuple[DeviceLogin, str]:
    return login_ask(**{"client": "laptop", "scopes": ["read"], "address": "192.0.2.7", "now": NOW} | given)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        pytest.param("BCDF-GHJK", "BCDFGHJK", id="as shown"),
        pytest.param(" bcdf ghjk ", "BCDFGHJK", id="as people type"),
        pytest.param("bcdfghjk", "BCDFGHJK", id="without the dash"),
        pytest.param("BCDF-GHJ", "", id="too short"),
        pytest.param("BCDF-GHJA", "", id="a vowel"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_a_typed_code_is_read_as_people_write_it(typed: str, kept: str) -> None:
    assert code_typed(typed) == kept


def test_a_code_is_eight_consonants_that_come_back_as_shown() -> None:
    code = new_code()
    assert len(code) == 8
    assert set(code) <= set(LETTERS)
    assert code_typed(code_shown(code)) == code


def test_it_gives_what_the_person_allowed_and_only_once(organisation: Organisation) -> None:
    login, device = ask(scopes=["read", "admin"])
    actor = organisation.actor("developer")
    assert login_take(device, now=NOW, asker=ASKER) is None
    login_allow(actor, code=code_shown(login.code), scopes=["read"], systems=["checkout"], days=7, now=NOW)
    taken = login_take(device, now=NOW, asker=ASKER)
    assert taken is not None
    token, plaintext = taken
    held = token_authenticate(plaintext, NOW)
    assert (held.username, held.scopes, held.systems) == ("developer", {"read"}, {"checkout"})
    assert (token.name, token.expires_at) == ("slipway on laptop", NOW + timedelta(days=7))
    with pytest.raises(NotFound) as over:
        login_take(device, now=NOW, asker=ASKER)
    assert over.value.code == "login-over"


def test_it_keeps_neither_secret(organisation: Organisation) -> None:
    login, device = ask()
    login_allow(organisation.actor("developer"), code=login.code, scopes=["read"], days=7, now=NOW)
    taken = login_take(device, now=NOW, asker=ASKER)
    assert taken is not None
    kept = str(list(DeviceLogin.objects.values())) + str(list(AuditEntry.objects.values_list("data", flat=True)))
    assert device not in kept
    assert taken[1].split("_", 2)[2] not in kept


def test_the_log_says_who_allowed_what_to_whom_and_where_the_token_went(organisation: Organisation) -> None:
    login, device = ask(address="198.51.100.4")
    login_allow(organisation.actor("developer"), code=login.code, scopes=["read"], days=7, now=NOW)
    login_take(device, now=NOW, asker=ASKER)
    allowed, made = AuditEntry.objects.filter(action__in=("login.allow", "token.create")).order_by("sequence")
    assert (allowed.actor_name, allowed.data["asked_from"], allowed.data["scopes"]) == (
        "developer",
        "198.51.100.4",
        ["read"],
    )
    assert (made.actor_name, made.via, made.address, made.request_id) == ("developer", "cli", "192.0.2.7", "request-1")


def test_a_refusal_is_told_and_audited_and_gives_nothing(organisation: Organisation) -> None:
    login, device = ask()
    login_refuse(organisation.actor("developer"), code=login.code, now=NOW)
    with pytest.raises(Forbidden) as refused:
        login_take(device, now=NOW, asker=ASKER)
    assert refused.value.code == "login-refused"
    assert not ApiToken.objects.exists()
    assert AuditEntry.objects.get(action="login.refuse").actor_name == "developer"


def test_it_is_over_after_ten_minutes_answered_or_not(organisation: Organisation) -> None:
    login, device = ask()
    login_allow(organisation.actor("developer"), code=login.code, scopes=["read"], days=7, now=NOW)
    late, _ = ask()
    after = NOW + LIFE
    with pytest.raises(NotFound):
        login_take(device, now=after, asker=ASKER)
    with pytest.raises(NotFound):
        login_read(organisation.actor("developer"), code=late.code, now=after)
    ask(now=after + timedelta(days=2))
    assert DeviceLogin.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "path"),
    [
        pytest.param({"scopes": []}, "scopes", id="no scope"),
        pytest.param({"scopes": ["everything"]}, "scopes", id="an unknown scope"),
        pytest.param({"systems": ["nowhere"]}, "systems", id="an unknown system"),
        pytest.param({"days": 4000}, "expires_at", id="too long"),
    ],
)
def test_what_no_token_may_be_is_refused_while_the_person_looks(
    organisation: Organisation, given: dict[str, Any], path: str
) -> None:
    login, _ = ask()
    wanted: dict[str, Any] = {"scopes": ["read"], "days": 7} | given
    with pytest.raises(InvalidInput) as refused:
        login_allow(organisation.actor("developer"), code=login.code, now=NOW, **wanted)
    assert [one.path for one in refused.value.errors] == [path]
    assert DeviceLogin.objects.get().state == "waiting"


def test_a_token_cannot_answer(organisation: Organisation) -> None:
    login, _ = ask()
    with pytest.raises(Forbidden):
        login_allow(
            organisation.actor("developer", scopes=["admin"]), code=login.code, scopes=["read"], days=7, now=NOW
        )


def test_the_second_answer_comes_too_late(organisation: Organisation) -> None:
    login, _ = ask()
    login_refuse(organisation.actor("viewer"), code=login.code, now=NOW)
    with pytest.raises(NotFound):
        login_allow(organisation.actor("developer"), code=login.code, scopes=["read"], days=7, now=NOW)


def test_codes_cannot_be_tried_out(organisation: Organisation) -> None:
    login, _ = ask()
    for _ in range(GUESSES):
        with pytest.raises(NotFound):
            login_read(organisation.actor("developer"), code="BCDF-BCDF", now=NOW)
    with pytest.raises(RateLimited):
        login_read(organisation.actor("developer"), code=login.code, now=NOW)
    assert login_read(organisation.actor("viewer"), code=login.code, now=NOW) == login


def test_one_address_does_not_fill_the_table(organisation: Organisation) -> None:
    for _ in range(MOST_FROM_AN_ADDRESS):
        ask()
    with pytest.raises(RateLimited):
        ask()
    ask(address="198.51.100.9")
    ask(now=NOW + LIFE)


def test_an_account_that_was_switched_off_meanwhile_gets_nothing(organisation: Organisation) -> None:
    login, device = ask()
    login_allow(organisation.actor("developer"), code=login.code, scopes=["read"], days=7, now=NOW)
    organisation.developer.is_active = False
    organisation.developer.save()
    with pytest.raises(InvalidInput):
        login_take(device, now=NOW, asker=ASKER)
    assert not ApiToken.objects.exists()


def test_a_token_ends_itself(organisation: Organisation) -> None:
    _, plaintext = token_create(PLATFORM, owner=organisation.developer, name="cli", scopes=["read"], now=NOW)
    token_end(token_authenticate(plaintext, NOW), now=NOW)
    with pytest.raises(NotSignedIn):
        token_authenticate(plaintext, NOW)
    assert AuditEntry.objects.get(action="token.revoke").actor_name == "developer"
    with pytest.raises(Conflict):
        token_end(organisation.actor("developer"), now=NOW)

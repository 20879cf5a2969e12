"""Signing in from a command line, as RFC 8628 has it: the program asks, a signed-in person compares a short code and
says what it may, the program takes its token.

Asking needs no identity, so that it is bounded by address and ends after ten minutes. The token is made when it is
taken: until then there is nothing that could leak. What a person allows or refuses is in the audit log, and so is the
token. Called by ``portal.api.logins`` and the page “Command line”.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction

from governance.access import SCOPES
from governance.domain.login_code import code_shown, code_typed, new_code, new_device_code
from governance.domain.token import hash_of
from governance.models import ApiToken, DeviceLogin
from governance.services.audit import audit_append
from governance.services.tokens import token_create, token_errors
from idp.catalog.models import User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, RateLimited

LIFE = timedelta(minutes=10)
KEPT = timedelta(days=1)
POLL_SECONDS = 2
MOST_FROM_AN_ADDRESS = 30
GUESSES = 10
GUESSES_SECONDS = 900


def login_ask(*, client: str, scopes: Iterable[str], address: str, now: datetime) -> tuple[DeviceLogin, str]:
    """A question to whoever signs in and compares its code, and the secret with which its answer is asked for.

    RateLimited after 30 within ten minutes from one address. Removes what is long over.
    """
    DeviceLogin.objects.filter(expires_at__lt=now - KEPT).delete()
    if DeviceLogin.objects.filter(address=address, created_at__gt=now - LIFE).count() >= MOST_FROM_AN_ADDRESS:
        raise RateLimited(
            "Too many sign-ins were begun from this address.",
            remedy="Wait ten minutes, or make a token on your account page.",
        )
    device_code, device_hash = new_device_code()
    login = DeviceLogin.objects.create(
        code=new_code(),
        device_hash=device_hash,
        client=client.strip() or "a command line",
        address=address,
        scopes=[one for one in SCOPES if one in set(scopes)] or ["read"],
        created_at=now,
        expires_at=now + LIFE,
    )
    return login, device_code


def login_read(actor: Actor, *, code: str, now: datetime) -> DeviceLogin:
    """The question behind a code that a person typed; NotFound for any that nobody waits for.

    RateLimited after ten wrong ones in a quarter of an hour, so that codes of others cannot be tried out.
    """
    key = f"login-code:{_person_id(actor)}"
    if cache.get(key, 0) >= GUESSES:
        raise RateLimited("Too many wrong codes were typed.", remedy="Wait a quarter of an hour, then try again.")
    typed = code_typed(code)
    login = DeviceLogin.objects.filter(code=typed, state="waiting", expires_at__gt=now).first() if typed else None
    if login is None:
        cache.set(key, cache.get(key, 0) + 1, GUESSES_SECONDS)
        raise NotFound(
            "Nothing waits for this code: it is wrong, ten minutes have passed, or it was answered.",
            remedy="Compare it with the terminal, or run “slipway login” again.",
        )
    return login


@transaction.atomic
def login_allow(
    actor: Actor, *, code: str, scopes: Iterable[str], systems: Iterable[str] = (), days: int, now: datetime
) -> DeviceLogin:
    """Let the program act for the person with these scopes, in these systems (all when empty), for so many days."""
    login = login_read(actor, code=code, now=now)
    wanted, bound = sorted(set(scopes)), sorted(set(systems))
    person = User.objects.get(pk=_person_id(actor))
    errors = token_errors(person, _name(login), wanted, bound, now + timedelta(days=days), now)
    if errors:
        raise InvalidInput(f"This is not right yet: {errors[0].message}", errors=errors)
    _answer(login, state="allowed", person=person, scopes=wanted, systems=bound, days=days)
    login.scopes, login.systems, login.days = wanted, bound, days
    _audit(actor, "login.allow", login, now)
    return login


@transaction.atomic
def login_refuse(actor: Actor, *, code: str, now: datetime) -> DeviceLogin:
    """Say no: the program is told so and gets nothing."""
    login = login_read(actor, code=code, now=now)
    _answer(login, state="refused", person=User.objects.get(pk=_person_id(actor)))
    _audit(actor, "login.refuse", login, now)
    return login


@transaction.atomic
def login_take(device_code: str, *, now: datetime, asker: Actor) -> tuple[ApiToken, str] | None:
    """The token, once and for all, with its plaintext; None while nobody has answered.

    ``asker`` says from where and in which request it is taken. NotFound (``login-over``) for a secret that is unknown,
    too old or was used, Forbidden (``login-refused``) when the person said no.
    """
    login = DeviceLogin.objects.select_related("person").filter(device_hash=hash_of(device_code)).first()
    if login is None or login.expires_at <= now or login.state == "taken":
        raise _over()
    if login.state == "refused":
        raise Forbidden("The sign-in was refused in the portal.", code="login-refused", remedy="Run it again.")
    if login.state == "waiting" or login.person is None:
        return None
    if not DeviceLogin.objects.filter(pk=login.pk, state="allowed").update(state="taken"):
        raise _over()
    actor = Actor(
        user_id=login.person.pk,
        username=login.person.username,
        via="cli",
        request_id=asker.request_id,
        address=asker.address,
    )
    token, plaintext = token_create(
        actor,
        owner=login.person,
        name=_name(login),
        scopes=login.scopes,
        systems=login.systems,
        expires_at=now + timedelta(days=login.days),
        now=now,
    )
    DeviceLogin.objects.filter(pk=login.pk).update(token=token)
    return token, plaintext


def _over() -> NotFound:
    return NotFound(
        "This sign-in is over: it was taken, or ten minutes have passed.",
        code="login-over",
        remedy="Run “slipway login” again.",
    )


def _name(login: DeviceLogin) -> str:
    return f"slipway on {login.client}"


def _person_id(actor: Actor) -> int:
    """Who answers; Forbidden for a token and for nobody."""
    if actor.user_id is None or actor.scopes is not None:
        raise Forbidden("Only a signed-in person answers this.", remedy="Sign in to the portal and do it there.")
    return actor.user_id


def _answer(login: DeviceLogin, **answer: object) -> None:
    if not DeviceLogin.objects.filter(pk=login.pk, state="waiting").update(**answer):
        raise Conflict("Somebody has answered this sign-in.", remedy="Run “slipway login” again.")


def _audit(actor: Actor, action: str, login: DeviceLogin, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="login",
        object_id=login.pk,
        object_label=f"{actor.username}: {login.client}",
        data={
            "code": code_shown(login.code),
            "asked_from": login.address,
            "scopes": login.scopes,
            "systems": login.systems,
            "days": login.days,
        },
        now=now,
    )

"""How often one may type a wrong password, so that passwords cannot be tried by the thousand.

Counted by name and address, so that nobody can lock another person out from elsewhere, and by address alone, so that
one password is not tried on many names; by all web processes together where there is a Redis. Called by the views
that ask for a password.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from collections.abc import Iterable
from typing import Final

from django.http import HttpRequest

from idp.kernel.errors import RateLimited
from idp.kernel.shared_cache import shared_cache
from portal.origin import origin_of

WINDOW_SECONDS: Final = 15 * 60
MOST_FOR_A_NAME: Final = 10
MOST_FROM_AN_ADDRESS: Final = 100
MOST_OF_A_PERSON: Final = 30
"""Codes of one person that may be wrong from everywhere together: who types them knows the password already."""


def require_room(request: HttpRequest, name: str) -> None:
    """RateLimited when too many were wrong lately; then not even a right password is looked at."""
    now = time.time()
    left = max((_wait(key, most, now) for key, most in _keys(request, name)), default=0.0)
    if left > 0:
        minutes = max(1, round(left / 60))
        raise RateLimited(
            "Too many wrong passwords were typed from here.",
            code="too-many-attempts",
            remedy=f"Wait {minutes} minute{'' if minutes == 1 else 's'}, then try again. "
            "If you forgot your password, ask a platform admin for a new one.",
        )


def require_room_for_codes(request: HttpRequest, person: int) -> None:
    """As ``require_room``, for codes of the second step of one person, by the id of the account."""
    now = time.time()
    if max((_wait(key, most, now) for key, most in _code_keys(request, person)), default=0.0) > 0:
        raise RateLimited(
            "Too many wrong codes were typed.",
            code="too-many-attempts",
            remedy="Wait a quarter of an hour, then sign in again, or use a passkey. If you lost your device, ask a "
            "platform admin to reset your second factor.",
        )


def note_code(request: HttpRequest, person: int) -> None:
    """A code, a recovery code or a passkey was wrong."""
    _note(_code_keys(request, person))


def forget_codes(request: HttpRequest, person: int) -> None:
    """The person typed the right one from here; what was wrong from everywhere still counts."""
    (key, _), *_ = _code_keys(request, person)
    shared_cache().delete(key)


def note(request: HttpRequest, name: str) -> None:
    """A password was wrong."""
    _note(_keys(request, name))


def _note(keys: Iterable[tuple[str, int]]) -> None:
    now = time.time()
    for key, most in keys:
        kept = [at for at in shared_cache().get(key, ()) if at > now - WINDOW_SECONDS]
        shared_cache().set(key, [*kept, now][-most:], timeout=WINDOW_SECONDS)


def forget(request: HttpRequest, name: str) -> None:
    """The person typed the right one: their own slips no longer count; those of the address do."""
    (key, _), *_ = _keys(request, name)
    shared_cache().delete(key)


def address_of(request: HttpRequest) -> str:
    """Where the request comes from: of IPv6 the network, for one machine has many addresses in it."""
    address = origin_of(request)
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, 64), strict=False))


def _code_keys(request: HttpRequest, person: int) -> tuple[tuple[str, int], ...]:
    return (*_keys(request, f"second step of {person}"), (f"attempts:person:{person}", MOST_OF_A_PERSON))


def _keys(request: HttpRequest, name: str) -> tuple[tuple[str, int], tuple[str, int]]:
    address = address_of(request)
    whose = hashlib.sha256(f"{name.strip().casefold()}\n{address}".encode()).hexdigest()
    where = hashlib.sha256(address.encode()).hexdigest()
    return (f"attempts:name:{whose}", MOST_FOR_A_NAME), (f"attempts:address:{where}", MOST_FROM_AN_ADDRESS)


def _wait(key: str, most: int, now: float) -> float:
    """Seconds until one of the last ``most`` wrong ones is old enough; 0 while there were fewer."""
    recent = [at for at in shared_cache().get(key, ()) if at > now - WINDOW_SECONDS]
    return recent[0] + WINDOW_SECONDS - now if len(recent) >= most else 0.0

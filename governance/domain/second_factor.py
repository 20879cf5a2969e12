"""What proves a person beside their password: codes of an authenticator app and recovery codes. Pure.

Codes of an app are those of RFC 6238 with what every app can do: SHA-1, six digits, thirty seconds. Called by
``governance.services.second_factors``, which keeps what was used; nothing here knows a person.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

PERIOD: Final = 30
DIGITS: Final = 6
DRIFT: Final = 1
"""Steps by which the clock of a phone may be off, to either side."""
SEED_BYTES: Final = 20

RECOVERY_CODES: Final = 10
RECOVERY_LENGTH: Final = 16
RECOVERY_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that is taken for something else when it is read from paper: no i, l, o, 0 or 1."""

NOBODY, ADMINS, EVERYBODY = "nobody", "admins", "everybody"
REQUIRED_OF: Final = (NOBODY, ADMINS, EVERYBODY)


def new_seed() -> bytes:
    """What app and platform share: 160 bits, as RFC 4226 asks for."""
    return secrets.token_bytes(SEED_BYTES)


def code_at(seed: bytes, step: int, *, digits: int = DIGITS, algorithm: str = "sha1") -> str:
    """The code of one step of time: RFC 4226, section 5.3, over the counter of RFC 6238."""
    mac = hmac.new(seed, step.to_bytes(8, "big"), algorithm).digest()
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_of(seconds: float) -> int:
    """The step of time in which a moment lies, given in seconds since 1970."""
    return int(seconds) // PERIOD


def step_matching(seed: bytes, typed: str, *, seconds: float, used: int) -> int | None:
    """The step whose code was typed; None when it is none of now, or of ``used``, the last accepted, or before it.

    Takes the same time whichever it is.
    """
    code = code_typed(typed)
    here = step_of(seconds)
    found = None
    for step in range(here - DRIFT, here + DRIFT + 1):
        if hmac.compare_digest(code_at(seed, step).encode(), code.encode()) and step > used:
            found = step
    return found


def code_typed(text: str) -> str:
    """Six digits as typed, spaces or not; nothing when it cannot be a code."""
    digits = "".join(text[:40].split())
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else ""


def key_of(seed: bytes) -> str:
    """The seed in base 32, as an app takes it."""
    return base64.b32encode(seed).decode().rstrip("=")


def seed_of(key: str) -> bytes:
    """What ``key_of`` wrote."""
    return base64.b32decode(key + "=" * (-len(key) % 8))


def key_shown(seed: bytes) -> str:
    """The seed in groups of four, as people type it."""
    return _in_groups(key_of(seed), " ")


def app_address(seed: bytes, *, person: str, issuer: str) -> str:
    """What the QR code says: the ``otpauth`` address that apps read."""
    query = urlencode(
        {"secret": key_of(seed), "issuer": issuer, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD},
        quote_via=quote,
    )
    return f"otpauth://totp/{quote(issuer)}:{quote(person)}?{query}"


def new_recovery_codes() -> list[str]:
    """Ten codes of 79 bits each, as ``recovery_shown`` shows them."""
    return [recovery_shown("".join(_letter() for _ in range(RECOVERY_LENGTH))) for _ in range(RECOVERY_CODES)]


def _letter() -> str:
    return secrets.choice(RECOVERY_LETTERS)


def recovery_shown(code: str) -> str:
    """``abcd-efgh-jkmn-pqrs``."""
    return _in_groups(code, "-")


def recovery_typed(text: str) -> str:
    """A code as typed, with dashes, spaces and capitals or without; nothing when it cannot be one."""
    kept = "".join(text[:60].lower().replace("-", " ").split())
    return kept if len(kept) == RECOVERY_LENGTH and set(kept) <= set(RECOVERY_LETTERS) else ""


def recovery_hash(code: str) -> str:
    """What alone is kept of a recovery code. Nobody guesses 79 bits, so that a fast hash is enough."""
    return hashlib.sha256(recovery_typed(code).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Factors:
    """What a person has beside the password. Recovery codes alone are no factor: they stand in for a lost one."""

    app: bool = False
    passkeys: int = 0
    recovery_codes: int = 0

    @property
    def any(self) -> bool:
        return self.app or self.passkeys > 0

    @property
    def count(self) -> int:
        return int(self.app) + self.passkeys

    def words(self) -> str:
        """“Authenticator app, 2 passkeys”; “None yet”."""
        keys = f"{self.passkeys} passkey{'' if self.passkeys == 1 else 's'}" if self.passkeys else ""
        said = ", ".join(one for one in ("authenticator app" if self.app else "", keys) if one)
        return said.capitalize() or "None yet"


def is_required(rule: str, *, is_admin: bool) -> bool:
    """Whether the rule of the installation asks this person for a second factor."""
    return rule == EVERYBODY or (rule == ADMINS and is_admin)


def _in_groups(text: str, between: str) -> str:
    groups: Iterable[str] = (text[at : at + 4] for at in range(0, len(text), 4))
    return between.join(groups)

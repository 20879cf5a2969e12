"""The shape of an API token: ``slw_<prefix>_<secret>``. Pure.

The prefix finds the row and may be shown; the secret has 256 bits, so one round of SHA-256 is enough to keep it.
"""

from __future__ import annotations

import hashlib
import re
import secrets

PREFIX_LENGTH = 10
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_TOKEN = re.compile(r"slw_([a-z0-9]{4,12})_([A-Za-z0-9_-]{20,100})")


def new_token() -> tuple[str, str, str]:
    """A prefix, the secret's hash, and the whole token, which is never kept."""
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(PREFIX_LENGTH))
    secret = secrets.token_urlsafe(32)
    return prefix, hash_of(secret), f"slw_{prefix}_{secret}"


def parts_of(token: str) -> tuple[str, str] | None:
    """Prefix and secret; None when it does not look like a token of ours."""
    found = _TOKEN.fullmatch(token.strip()) if len(token) <= 200 else None
    return (found[1], found[2]) if found else None


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""The two codes of a sign-in from a command line: a short one that a person compares, a long one that only the
program knows. Pure.

As RFC 8628 advises, the short one has consonants only, so that it spells no words and no letter is taken for a digit.
"""

from __future__ import annotations

import secrets
from typing import Final

from governance.domain.token import hash_of

LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8


def new_code() -> str:
    """Eight letters, one of 25,600,000,000."""
    return "".join(secrets.choice(LETTERS) for _ in range(LENGTH))


def new_device_code() -> tuple[str, str]:
    """The program's secret of 256 bits, and its hash, which alone is kept."""
    code = secrets.token_urlsafe(32)
    return code, hash_of(code)


def code_shown(code: str) -> str:
    """``BCDF-GHJK``, as people read it out."""
    return f"{code[:4]}-{code[4:]}"


def code_typed(text: str) -> str:
    """What somebody typed, as it is kept; nothing when it cannot be a code."""
    kept = "".join(text[:40].upper().replace("-", " ").split())
    return kept if len(kept) == LENGTH and set(kept) <= set(LETTERS) else ""

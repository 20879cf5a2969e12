"""Our names for theirs: a Backstage name may hold capitals, dots and underscores, ours are DNS labels.

Theirs is kept; ours is made from it and belongs to the entity from then on. Two entities that would get the same one
are told apart by a few letters of their reference, and the import says so.
"""

from __future__ import annotations

import re
from collections.abc import Container
from hashlib import sha256
from typing import Final

MOST: Final = 30
_OTHER = re.compile(r"[^a-z0-9]+")


def slug_of(name: str) -> str:
    """``name`` as a slug; the same name always gives the same one. Long names end in letters of their digest."""
    plain = _OTHER.sub("-", name.lower()).strip("-")
    if not plain or not plain[0].isalpha():
        plain = f"x-{plain}".rstrip("-")
    return plain if len(plain) <= MOST else _ended(plain, name)


def slug_free(name: str, ref: str, taken: Container[str]) -> tuple[str, bool]:
    """A slug that is not ``taken``, and whether the usual one was."""
    usual = slug_of(name)
    if usual not in taken:
        return usual, False
    for letters in range(4, 24, 4):
        other = _ended(usual, ref, letters)
        if other not in taken:
            return other, True
    raise ValueError(f"no slug is free for {ref}")


def _ended(plain: str, source: str, letters: int = 4) -> str:
    mark = sha256(source.encode("utf-8", "surrogatepass")).hexdigest()[:letters]
    return f"{plain[: MOST - letters - 1].rstrip('-')}-{mark}"

"""Remembers what a Git host told, so that the same push is not taken again, whichever process and host is told next.

Called by the endpoints that Git hosts push to. The rows go by themselves once they are old.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from governance.models import SpentIdentity

KNOWN_FOR: Final = timedelta(days=7)


def push_is_new(source: str, body: bytes, *, now: datetime) -> bool:
    """Whether ``source``, such as ``git:7``, was not told the very same before; it is known from now on."""
    SpentIdentity.objects.filter(expires_at__lt=now).delete()
    digest = sha256(b"push\n" + source.encode() + b"\n" + body).hexdigest()
    _, new = SpentIdentity.objects.get_or_create(digest=digest, defaults={"expires_at": now + KNOWN_FOR})
    return new

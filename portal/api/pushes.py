"""Pushes that a Git host tells of: believed when they are signed, and taken once.

Called by the endpoints of catalogs and of files in Git.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from django.core.cache import cache
from rest_framework.request import Request

from governance.domain.backstage.places import is_signed
from idp.kernel.errors import Forbidden
from idp.kernel.vault import decrypt

ONCE_SECONDS: Final = 7 * 24 * 3600
"""How long a push that was told is remembered, so that the same one is not taken again."""


def push_taken(request: Request, *, secret: str, key: str) -> bool:
    """Whether it is new; Forbidden when it is not signed with ``secret``, kept encrypted. ``key`` names the source."""
    body = request._request.body
    sent = {name.lower(): value for name, value in request.headers.items()}
    if not is_signed(sent, body, decrypt(secret)):
        raise Forbidden("The signature is not the one of this source's secret.")
    return bool(cache.add(f"{key}:{sha256(body).hexdigest()}", 1, ONCE_SECONDS))

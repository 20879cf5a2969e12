"""Pushes that a Git host tells of: believed when they are signed, and taken once.

Called by the endpoints of catalogs and of files in Git.
"""

from __future__ import annotations

from rest_framework.request import Request

from governance.domain.backstage.places import is_signed
from governance.services.pushes import push_is_new
from idp.kernel import clock
from idp.kernel.errors import Forbidden
from idp.kernel.vault import decrypt


def push_taken(request: Request, *, secret: str, key: str) -> bool:
    """Whether it is new; Forbidden when it is not signed with ``secret``, kept encrypted. ``key`` names the source."""
    body = request._request.body
    sent = {name.lower(): value for name, value in request.headers.items()}
    if not is_signed(sent, body, decrypt(secret)):
        raise Forbidden("The signature is not the one of this source's secret.")
    return push_is_new(key, body, now=clock.now())

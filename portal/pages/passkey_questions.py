"""What a browser was asked of its passkeys, between the page that asks and the answer that it posts.

A question is kept in the session, holds for minutes, for one purpose and one answer. Called by the pages of sign-in and
of the account; signatures are looked at by ``governance.services.passkeys``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest

from governance.services.passkeys import known_passkeys
from idp.catalog.models import User
from idp.kernel import clock, webauthn

SECONDS: Final = 300
_KEY: Final = "passkey_question"


def party() -> webauthn.RelyingParty | None:
    """For whom passkeys are made here; None where the installation's address has none."""
    return webauthn.relying_party(settings.BASE_URL)


def party_here() -> webauthn.RelyingParty:
    """As ``party``; Refused where there is none."""
    found = party()
    if found is None:
        raise webauthn.Refused(
            "This installation has no passkeys: its address is not a name that is reached over https.",
            remedy="Use an authenticator app.",
        )
    return found


def signing(request: HttpRequest, purpose: str, user: User | None) -> dict[str, Any]:
    """What the page needs to ask for a passkey of ``user``, or of anybody; see ``_context``."""
    found = party()
    if found is None or not _is_here(request, found):
        return _context(found, "")
    options, state = webauthn.assertion(found, None if user is None else known_passkeys(user))
    return _asked(request, purpose, found, options, state)


def making(request: HttpRequest, purpose: str, user: User, handle: str) -> dict[str, Any]:
    """What the page needs to ask for a new passkey; the ``handle`` is kept with the question."""
    found = party()
    if found is None or not _is_here(request, found):
        return _context(found, "")
    options, state = webauthn.registration(
        found, handle=handle, name=user.username, display_name=user.display_name, known=known_passkeys(user)
    )
    return _asked(request, purpose, found, options, {**state, "handle": handle})


def taken(request: HttpRequest, purpose: str) -> Mapping[str, Any]:
    """The question that this answer is for, which is used up by it. Refused when there is none, or not any more."""
    kept = request.session.pop(_KEY, None)
    if not kept or kept["purpose"] != purpose or kept["until"] < clock.now().timestamp():
        raise webauthn.Refused("The page was open for too long.", code="passkey-late", remedy="Try again.")
    state: Mapping[str, Any] = kept["state"]
    return state


def _asked(
    request: HttpRequest, purpose: str, found: webauthn.RelyingParty, options: Any, state: Mapping[str, Any]
) -> dict[str, Any]:
    until = clock.now().timestamp() + SECONDS
    request.session[_KEY] = {"purpose": purpose, "state": dict(state), "until": until}
    return _context(found, json.dumps(options))


def _context(found: webauthn.RelyingParty | None, options: str) -> dict[str, Any]:
    """``options`` for the browser; without them ``elsewhere``, the address that has passkeys, if any."""
    return {"options": options, "elsewhere": "" if options or found is None else found.origin}


def _is_here(request: HttpRequest, found: webauthn.RelyingParty) -> bool:
    return request.get_host().lower() == urlsplit(found.origin).netloc

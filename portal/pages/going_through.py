"""What a browser that goes to a sign-in provider keeps until it comes back. Called by the pages that send it there.

It is a signed cookie, not a session: who only looks leaves no row behind. It is good for one return, ten minutes long.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from governance.domain.oidc import Attempt
from governance.services.oidc_sign_in import LASTS

COOKIE: Final = "sign-in-through"
SALT: Final = "slipway.sign-in-through"


def address_back(provider: str) -> str:
    """Our address that the provider sends people back to, as it must be known there."""
    return f"{settings.BASE_URL}{reverse('sign-in-return', args=[provider])}"


def keep_attempt(answer: HttpResponse, attempt: Attempt) -> None:
    answer.set_cookie(
        COOKIE,
        signing.dumps(asdict(attempt), salt=SALT),
        max_age=int(LASTS.total_seconds()),
        path=reverse("login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def kept_attempt(request: HttpRequest, provider: str) -> Attempt | None:
    """What this browser went with; None when it went nowhere, elsewhere, or too long ago."""
    try:
        found = Attempt(**signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=LASTS))
    except (signing.BadSignature, TypeError):
        return None
    return found if found.provider == provider else None


def forget_attempt(answer: HttpResponse) -> HttpResponse:
    answer.delete_cookie(COOKIE, path=reverse("login"), samesite="Lax")
    return answer

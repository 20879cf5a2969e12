"""Who asks, for the API: a bearer token, or the browser's session with its CSRF token.

Both leave an ``Actor`` in ``request.actor`` and lazy ``request.rights``, as ``portal.middleware`` does for pages.
Nothing here decides what the actor may do.
"""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from governance.access import Rights, rights_of
from governance.services.tokens import token_authenticate
from idp.kernel import clock
from idp.kernel.actor import Actor
from idp.kernel.errors import Forbidden, NotSignedIn
from portal.api.wrong_tokens import wrong_tokens_counted
from portal.middleware import actor_of_session
from portal.origin import origin_of

CHALLENGE = 'Bearer realm="slipway"'
ON_BEHALF = "Slipway-On-Behalf-Of"
"""Names the person for whom a token asks that may; the rights are that person's."""


def actor_of(request: Request) -> Actor:
    """Whoever asks; anonymous when nobody says."""
    return request._request.actor  # type: ignore[attr-defined]  # set by the middleware, or here


def rights_in(request: Request) -> Rights:
    """The caller's rights, read from the database when first asked."""
    return request._request.rights  # type: ignore[attr-defined]  # set by the middleware, or here


class TokenAuthentication(BaseAuthentication):
    """``Authorization: Bearer slw_<prefix>_<secret>``. Any other ``Authorization`` is refused, never ignored.

    With ``Slipway-On-Behalf-Of`` the person named there asks, if the token may ask for people.
    """

    def authenticate(self, request: Request) -> tuple[Actor, Actor] | None:
        header = request.headers.get("Authorization", "")
        if not header:
            return None
        plain = request._request
        known = {"request_id": getattr(plain, "request_id", ""), "address": origin_of(plain)}
        on_behalf = request.headers.get(ON_BEHALF)
        with wrong_tokens_counted(known["address"]):
            actor = _adopt(plain, actor_of_bearer(header, **known))  # first, so that the note of a refusal says whose
        return (
            actor if on_behalf is None else _adopt(plain, actor_of_bearer(header, on_behalf=on_behalf or "?", **known))
        )

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


class SignedInSession(SessionAuthentication):
    """The portal's session cookie. Writing needs the CSRF token in ``X-CSRFToken``."""

    def authenticate(self, request: Request) -> tuple[Actor, Actor] | None:
        if ON_BEHALF in request.headers:
            raise Forbidden(
                f"Only a token may ask for somebody else; leave the header {ON_BEHALF} out.", code="not-on-behalf"
            )
        actor = actor_of_session(request._request)
        if actor.is_anonymous or not request._request.user.is_active:
            _adopt(request._request, replace(actor, user_id=None, via="api"))
            return None
        adopted = _adopt(request._request, replace(actor, via="api"))  # first, so that the note of a refusal says whose
        self.enforce_csrf(request._request)  # type: ignore[arg-type]  # as Django's own check takes it
        return adopted


class SignedIn(BasePermission):
    """Anybody with an identity; what they may do is the services' business."""

    def has_permission(self, request: Request, view: object) -> bool:
        return not actor_of(request).is_anonymous


def actor_of_bearer(header: str, *, on_behalf: str = "", request_id: str = "", address: str = "") -> Actor:
    """The actor behind an ``Authorization`` header; NotSignedIn when it is not a valid bearer token.

    ``on_behalf`` as ``token_authenticate`` takes it.
    """
    scheme, _, credentials = header.partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        raise NotSignedIn("The Authorization header is not a bearer token.")
    return token_authenticate(
        credentials.strip(), now=clock.now(), on_behalf=on_behalf, request_id=request_id, address=address
    )


def _adopt(request: HttpRequest, actor: Actor) -> tuple[Actor, Actor]:
    request.actor = actor  # type: ignore[attr-defined]  # as portal.middleware does
    request.rights = SimpleLazyObject(lambda: rights_of(actor))  # type: ignore[attr-defined]
    return actor, actor

"""Signing in through a provider (OpenID Connect): what is asked, what its claims say, what an admin may set. Pure.

Called by ``services.oidc_sign_in``, ``services.sign_in_providers`` and the pages. A claim that is missing is not an
empty one: groups that a token leaves out are unknown, and unknown groups change nothing.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from idp.kernel.errors import FieldError

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that are believed: with a private key. One with a shared secret (HS256), or none, never is."""

KINDS: Final[Mapping[str, str]] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
LONGEST_TOKEN: Final = 50_000
LONGEST_NAME: Final = 30
MOST_SESSION_HOURS: Final = 336
FORBIDDEN_LINKS: Final = ("email", "email_verified", "name", "given_name", "family_name", "nickname")
_NAME: Final = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")
_SCOPE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,80}")
_CLAIM: Final = re.compile(r"[A-Za-z_][^\s\x00-\x1f]{0,119}")
_USERNAME: Final = re.compile(r"[^\w.@+-]+", re.ASCII)
_ANEW: Final = {"prompt": "login", "max_age": "0"}
"""The provider is to ask for its password although the person is signed in there, and to say when it did."""
_SAID: Final[Mapping[str, str]] = {
    "access_denied": "You, or a rule there, did not allow it.",
    "login_required": "You are not signed in there.",
    "consent_required": "Your consent is needed there.",
    "interaction_required": "It wants to ask you something first.",
    "temporarily_unavailable": "It has no time at the moment; try again.",
    "server_error": "It has a fault; try again.",
    "unauthorized_client": "It does not know Slipway under this client ID.",
    "invalid_scope": "It does not give one of the scopes that are asked for.",
}


@dataclass(frozen=True, slots=True)
class ProviderWish:
    """A provider as an admin wants it. ``secret`` None keeps the one that is stored, "" is a client without one.

    ``group_claim`` may lead into objects (``realm_access.roles``); empty reads no groups. ``link_claim`` names the
    claim by which a person that SCIM made is found; empty links nobody. ``missing_is_none``: who comes without the
    claim is in no group. After ``session_hours`` one is to sign in there again; 0 is as long as any session.
    """

    title: str
    issuer: str
    client_id: str
    secret: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    group_claim: str = ""
    link_claim: str = ""
    missing_is_none: bool = False
    may_create: bool = False
    session_hours: int = 0
    active: bool = True


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that was begun and has not come back: what only this browser and we know of it.

    ``connects`` and ``proves`` name who is signed in already and wants a further way, or to prove anew who they are;
    ``begun`` is in seconds since 1970.
    """

    provider: str
    state: str
    nonce: str
    verifier: str
    following: str
    connects: int = 0
    proves: int = 0
    begun: int = 0


def provider_errors(name: str, wish: ProviderWish) -> list[FieldError]:
    """What is right at each place where a provider is not."""
    errors = []
    if not _NAME.fullmatch(name):
        errors.append(FieldError("name", f"Write 1 to {LONGEST_NAME} lower-case letters, digits and dashes."))
    if not 0 < len(wish.title.strip()) <= 60:
        errors.append(FieldError("title", "Write what the button says after “Sign in with”, such as Corp."))
    if told := issuer_problem(wish.issuer):
        errors.append(FieldError("issuer", told))
    if not 0 < len(wish.client_id) <= 255 or re.search(r"\s", wish.client_id):
        errors.append(FieldError("client_id", "Write the client ID that the provider gave, without spaces."))
    if wish.secret is not None and len(wish.secret) > 1_000:
        errors.append(FieldError("secret", "A client secret has at most 1,000 characters."))
    if "openid" not in wish.scopes or len(wish.scopes) > 20 or not all(map(_SCOPE.fullmatch, wish.scopes)):
        errors.append(FieldError("scopes", "Write openid and further scopes, with spaces between."))
    if wish.group_claim and not _CLAIM.fullmatch(wish.group_claim):
        errors.append(FieldError("group_claim", "Write the name of a claim, such as groups or realm_access.roles."))
    if wish.link_claim and (not _CLAIM.fullmatch(wish.link_claim) or wish.link_claim in FORBIDDEN_LINKS):
        told = (
            "Write a claim that people cannot choose themselves, such as sub, oid or preferred_username; never email."
        )
        errors.append(FieldError("link_claim", told))
    if not 0 <= wish.session_hours <= MOST_SESSION_HOURS:
        errors.append(
            FieldError("session_hours", f"Write 1 to {MOST_SESSION_HOURS} hours; 0 for as long as any session.")
        )
    return errors


def issuer_problem(issuer: str) -> str:
    """Why this cannot be an issuer; "" when it can. Without TLS only this very machine is, for trying it out."""
    try:
        parts = urlsplit(issuer)
        host = parts.hostname or ""
    except ValueError:
        return "Write the address as the provider names it, such as https://login.example.com/realms/corp."
    if parts.query or parts.fragment or len(issuer) > 300 or not host:
        return "Write the address as the provider names it, without ? and #, such as https://login.example.com."
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)):
        return ""
    return "An issuer begins with https://."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def discovery_url(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def challenge_of(verifier: str) -> str:
    """What PKCE sends of the verifier: its digest (S256, RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def authorization_url(endpoint: str, attempt: Attempt, *, client_id: str, scopes: str, back: str) -> str:
    """Where the browser goes to sign in; ``back`` is our address that it comes back to."""
    asked = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": back,
        "scope": scopes,
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": challenge_of(attempt.verifier),
        "code_challenge_method": "S256",
    } | (_ANEW if attempt.proves else {})
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"


def said(error: str) -> str:
    """An error code of a provider in words; its own description is never shown, for anybody can write one."""
    return _SAID.get(error, "It gave no reason that Slipway knows.")


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that very name, else the one that the dotted path leads to; None when there is none."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for step in path.split("."):
        if not isinstance(found, Mapping) or step not in found:
            return None
        found = found[step]
    return found


def groups_of(claims: Mapping[str, Any], path: str) -> frozenset[str] | None:
    """The groups that these claims name; None when they are unknown.

    Unknown are those of no claim, of one that is missing or no list of words, and those of which the provider says that
    there are too many to send (Entra ID: ``_claim_names``, ``hasgroups``).
    """
    if not path or overage(claims, path):
        return None
    found = claim(claims, path)
    if isinstance(found, str):
        return frozenset({found})
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return None
    return frozenset(found)


def none_told(claims: Mapping[str, Any], path: str) -> bool:
    """Whether these claims leave groups out altogether, as Keycloak, Entra ID and Okta do of who is in none."""
    return claim(claims, path) is None and not overage(claims, path)


def overage(claims: Mapping[str, Any], path: str) -> bool:
    """Whether the provider says that the claim is elsewhere because it is too large."""
    top = path.partition(".")[0]
    elsewhere = claims.get("_claim_names")
    if isinstance(elsewhere, Mapping) and (path in elsewhere or top in elsewhere):
        return True
    return top == "groups" and claims.get("hasgroups") in (True, "true")


def names_for(claims: Mapping[str, Any]) -> list[str]:
    """Usernames to propose for a person who is made from these claims, best first; never empty."""
    given = [claims.get(name) for name in ("preferred_username", "nickname", "upn", "email")]
    words = [one for one in given if isinstance(one, str) and one][:1]
    tried = [part for one in words for part in (one.partition("@")[0], one)]
    clean = [_USERNAME.sub("-", one).strip("-.@+")[:100].lower() for one in tried]
    return list(dict.fromkeys(one for one in clean if one)) or ["person"]


def token_problem(claims: Mapping[str, Any], *, client_id: str, nonce: str) -> str:
    """Why verified claims are not an answer to this sign-in; "" when they are."""
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        return "its subject is not one"
    if claims.get("nonce") != nonce:
        return "it answers another sign-in"
    audience = claims.get("aud")
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") is None:
        return "it is made for several clients and names none as its own"
    if claims.get("azp", client_id) != client_id:
        return "it was asked for by another client"
    return ""


def asked_at(claims: Mapping[str, Any]) -> int | None:
    """When the provider asked the person who they are, in seconds since 1970; None when it does not say so."""
    at = claims.get("auth_time")
    if isinstance(at, bool) or not isinstance(at, (int, float)) or not 0 <= at < 2**40:
        return None
    return int(at)


def anew_problem(claims: Mapping[str, Any], *, begun: int, now: int, leeway: int) -> str:
    """Why verified claims do not show that the person was asked since ``begun``; "" when they do. All in seconds."""
    at = asked_at(claims)
    if at is None:
        return "It does not say when it asked you, so it cannot prove that it is you."
    if not begun - leeway <= at <= now + leeway:
        return "It did not ask you anew, so it proves nothing."
    return ""

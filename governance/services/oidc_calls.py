"""What is asked of a sign-in provider: where it is, its keys, tokens for a code, more about a person.

Every call goes through ``idp.kernel.outbound``, also those to addresses that the provider's own document names. Called
by ``services.oidc_sign_in`` and the check of ``services.sign_in_providers``. Nothing here believes a token.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import jwt
from django.core.cache import cache

from governance.domain.oidc import KINDS, discovery_url
from idp.kernel import clock, outbound
from idp.kernel.errors import UserFault

KNOWN_FOR: Final = 600
KEYS_ASKED_EVERY: Final = 10
AWAY_FOR: Final = 10
"""Seconds for which a provider that does not answer is not asked again, so that no thread waits for it in vain."""

TIMEOUT: Final = 10.0
MOST_BYTES: Final = 500_000
MOST_KEYS: Final = 50
LEAST_RSA_BITS: Final = 2_048
LONGEST_CODE: Final = 4_000
_FORM: Final = "application/x-www-form-urlencoded"


class SignInRefused(UserFault):
    """Nobody is signed in; the message says why, for the person and the log."""

    code = "sign-in-refused"


class ProviderAmiss(SignInRefused):
    """Nobody can come in by this provider: it, or what is set here of it, is to be put right by an admin."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked, as its document says; ``basic``: a secret goes into the header, not the form."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    basic: bool
    document: Mapping[str, Any]


def endpoints_of(issuer: str, *, anew: bool = False) -> Endpoints:
    """Where the provider is asked; known for ten minutes unless asked ``anew``.

    SignInRefused when its document is not one of this issuer, Refused for addresses that are not called, Unreachable.
    """
    found = None if anew else cache.get(f"oidc.about:{issuer}")
    if found is None:
        if not anew and cache.get(f"oidc.away:{issuer}"):
            raise outbound.Unreachable(f"“{urlsplit(issuer).hostname}” did not answer a moment ago.", delay=AWAY_FOR)
        found = _about(issuer)
        cache.set(f"oidc.about:{issuer}", found, KNOWN_FOR)
    return _endpoints(issuer, found)


def _about(issuer: str) -> dict[str, Any]:
    try:
        found = _document(discovery_url(issuer))
    except outbound.Unreachable:
        cache.set(f"oidc.away:{issuer}", True, AWAY_FOR)
        raise
    named = found.get("issuer")
    if named != issuer:
        says = f": “{named[:150]}”" if isinstance(named, str) else ""
        raise ProviderAmiss(f"The provider names itself otherwise than the issuer that is set here{says}.")
    return found


def _endpoints(issuer: str, about: Mapping[str, Any]) -> Endpoints:
    """The addresses in the document, each checked before any of them is used."""
    schemes = ("https",) if issuer.startswith("https:") else ("https", "http")
    found = {}
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        url = about.get(name)
        if url is None and name == "userinfo_endpoint":
            url = ""
        elif not isinstance(url, str) or not _is_address(url, schemes):
            raise ProviderAmiss(f"The provider's document names no usable {name}.")
        elif name != "authorization_endpoint":
            outbound.check_url(url, schemes=schemes)
        found[name] = url
    ways = about.get("token_endpoint_auth_methods_supported")
    basic = not isinstance(ways, list) or "client_secret_basic" in ways
    return Endpoints(
        authorization=found["authorization_endpoint"],
        token=found["token_endpoint"],
        keys=found["jwks_uri"],
        userinfo=found["userinfo_endpoint"],
        basic=basic,
        document=about,
    )


def _is_address(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname)


def tokens_for(
    endpoints: Endpoints, *, client_id: str, secret: str, code: str, verifier: str, back: str
) -> Mapping[str, Any]:
    """What the provider gives for a code: at least ``id_token``. SignInRefused when it does not take the code."""
    answer = _code_shown(endpoints, client_id=client_id, secret=secret, code=code, verifier=verifier, back=back)
    found = _object(answer.body)
    if answer.status >= 500:
        raise outbound.Unreachable("The provider has a fault; nobody was signed in.", delay=30)
    if _client_refused(answer, found):
        told = "The provider does not take Slipway's client ID and secret."
        raise ProviderAmiss(told, remedy="An admin can correct them.")
    if not answer.ok or not isinstance(found.get("id_token"), str):
        raise SignInRefused("The provider does not take this sign-in any more. Sign in again.")
    return found


def client_tried(endpoints: Endpoints, *, client_id: str, secret: str, back: str) -> tuple[bool | None, float | None]:
    """Whether the provider takes the client, found with a code that nobody was given; None when it does not tell.

    And by how many seconds its clock is ahead of ours, if it says its time.
    """
    made_up = f"slipway-check-{secrets.token_urlsafe(16)}"
    verifier = secrets.token_urlsafe(48)
    answer = _code_shown(endpoints, client_id=client_id, secret=secret, code=made_up, verifier=verifier, back=back)
    found = _object(answer.body)
    taken = False if _client_refused(answer, found) else True if found.get("error") == "invalid_grant" else None
    return taken, _ahead(answer.headers.get("date", ""))


def _client_refused(answer: outbound.Answer, found: Mapping[str, Any]) -> bool:
    """Keycloak names a wrong secret ``unauthorized_client``, others ``invalid_client``."""
    return answer.status == 401 or found.get("error") in ("invalid_client", "unauthorized_client")


def _ahead(date: str) -> float | None:
    try:
        return (parsedate_to_datetime(date) - clock.now()).total_seconds()
    except (ValueError, TypeError):
        return None


def _code_shown(
    endpoints: Endpoints, *, client_id: str, secret: str, code: str, verifier: str, back: str
) -> outbound.Answer:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": verifier}
    headers = {"content-type": _FORM, "accept": "application/json"}
    if secret and endpoints.basic:
        pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
        headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": client_id} | ({"client_secret": secret} if secret else {})
    return outbound.call(
        "POST",
        endpoints.token,
        headers=headers,
        body=urlencode(form).encode(),
        timeout=TIMEOUT,
        most_bytes=MOST_BYTES,
    )


def more_about(endpoints: Endpoints, access_token: Any) -> Mapping[str, Any]:
    """The claims that the provider tells besides its token; empty when it tells none, or cannot be asked."""
    if not endpoints.userinfo or not isinstance(access_token, str) or not access_token.isascii():
        return {}
    if any(ord(sign) <= 32 for sign in access_token):
        return {}
    headers = {"authorization": f"Bearer {access_token}", "accept": "application/json"}
    try:
        answer = outbound.call("GET", endpoints.userinfo, headers=headers, timeout=TIMEOUT, most_bytes=MOST_BYTES)
    except (outbound.Refused, outbound.Unreachable):
        return {}
    return _object(answer.body) if answer.ok else {}


def key_of(endpoints: Endpoints, kid: Any, algorithm: str) -> Any:
    """The public key that a token names, or the only one that fits where it names none; None when there is none.

    Keys are known for ten minutes, and asked for anew when a name is not among them, every ten seconds.
    """
    where = endpoints.keys
    keys = cache.get(f"oidc.keys:{where}")
    found = _chosen(keys, kid, algorithm) if keys is not None else None
    if found is None and (keys is None or cache.add(f"oidc.keys-asked:{where}", True, KEYS_ASKED_EVERY)):
        keys = keys_of(endpoints)
        cache.set(f"oidc.keys:{where}", keys, KNOWN_FOR)
        found = _chosen(keys, kid, algorithm)
    return found


def keys_of(endpoints: Endpoints) -> list[dict[str, Any]]:
    """The keys that the provider publishes, as they came."""
    keys = _document(endpoints.keys).get("keys")
    return [one for one in keys[:MOST_KEYS] if isinstance(one, dict)] if isinstance(keys, list) else []


def usable_keys(keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those with which signatures that are believed can be checked."""
    return [one for one in keys if one.get("kty") in KINDS.values() and one.get("use", "sig") == "sig"]


def _chosen(keys: list[dict[str, Any]], kid: Any, algorithm: str) -> Any:
    fit = [
        one
        for one in usable_keys(keys)
        if one.get("kty") == KINDS[algorithm[:2]] and one.get("alg", algorithm) == algorithm
    ]
    named = [one for one in fit if one.get("kid") == kid] if kid is not None else fit
    if len(named) != 1:
        return None
    try:
        key = jwt.PyJWK(named[0], algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    weak = named[0]["kty"] == "RSA" and key.key_size < LEAST_RSA_BITS
    return None if weak else key


def _document(url: str) -> dict[str, Any]:
    answer = outbound.call("GET", url, headers={"accept": "application/json"}, timeout=TIMEOUT, most_bytes=MOST_BYTES)
    found = _object(answer.body)
    if answer.status >= 500:
        raise outbound.Unreachable(f"“{urlsplit(url).hostname}” has a fault ({answer.status}).", delay=30)
    if answer.status != 200 or not found:
        raise ProviderAmiss(f"There is no document of a sign-in provider at {url} (it answers {answer.status}).")
    return found


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

"""A pipeline shows the identity token that its CI signed, and gets a short-lived token of ours for it.

Called by ``POST /api/v1/tokens/exchange/``, by nobody who is known yet. What a token says is believed only after its
signature was checked against the keys of an issuer that an admin trusts: the issuer in the token chooses among rules
and is never itself an address to call. Each token is exchanged once. What is refused is in the audit log, with why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

import jwt
from django.core.cache import cache
from django.db import IntegrityError, transaction

from governance.domain.token import new_token
from governance.domain.workload import ALGORITHMS, audiences
from governance.domain.workload import TrustRule as Trust
from governance.models import ApiToken, SpentIdentity, TrustRule
from governance.services.audit import audit_append
from governance.services.service_accounts import belongs_to_git
from idp.kernel import outbound
from idp.kernel.actor import Actor
from idp.kernel.errors import Forbidden, RateLimited, Transient

LEEWAY: Final = timedelta(seconds=30)
LONGEST: Final = 16_000
KEYS_KNOWN_FOR: Final = 600
KEYS_ASKED_EVERY: Final = 60
MOST_KEYS: Final = 50
ATTEMPTS: Final = 60
REFUSAL_SAME_FOR: Final = 600
KEPT: Final = timedelta(days=1)
NAME: Final = "pipeline: "
_KINDS: Final = {"RS256": "RSA", "ES256": "EC"}
_REMEDY: Final = "docs/ci.md says how a pipeline asks for its token; an admin sees what a rule trusts on its page."


def workload_exchange(
    identity: str, *, address: str = "", request_id: str = "", now: datetime
) -> tuple[ApiToken, str, TrustRule]:
    """A token for the service account of the rule that trusts ``identity``, its plaintext, and the rule.

    Forbidden, with why in words, for what is not trusted; RateLimited after 60 attempts in a minute from one address;
    Unreachable while the issuer's keys cannot be had. Of several rules the one with the longest subject counts.
    """
    _require_patience(address)
    origin = Actor(None, "", via="api", request_id=request_id, address=address)
    header, told = _opened(origin, identity, now)
    rules = list(
        TrustRule.objects.filter(issuer=str(told.get("iss")), active=True).select_related("account__service_of")
    )
    if not rules:
        _refuse(origin, "No rule trusts its issuer.", told, now)
    claims = _verified(origin, identity, header, told, rules, now)
    mine = [one for one in rules if one.account.is_active and not belongs_to_git(one.account)]
    trusting = [one for one in mine if _of(one).trusts(claims)]
    if not trusting:
        why = "; ".join(dict.fromkeys(reason for one in rules for reason in _of(one).reasons(claims))) or "it is off"
        _refuse(origin, f"No rule trusts this token: {why}.", claims, now)
    rule = max(trusting, key=lambda one: (len(one.subject), -one.pk))
    return (*_spent(origin, identity, claims, rule, now), rule)


def _of(row: TrustRule) -> Trust:
    return Trust(row.issuer, row.audience, row.subject, row.claims)


def _require_patience(address: str) -> None:
    key = f"workload-exchange:{address}"
    cache.add(key, 0, timeout=60)
    try:
        asked = cache.incr(key)
    except ValueError:
        return  # the minute ended between the two
    if asked > ATTEMPTS:
        raise RateLimited("Too many tokens were asked for from this address.", remedy="Wait a minute, then try again.")


def _opened(origin: Actor, identity: str, now: datetime) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Header and claims as the token says them, of which nothing is believed yet."""
    if len(identity) > LONGEST:
        _refuse(origin, "It is too long to be an identity token.", {}, now)
    try:
        header = jwt.get_unverified_header(identity)
        told = jwt.decode(identity, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        _refuse(origin, "It is not a JSON Web Token.", {}, now)
    if header.get("alg") not in ALGORITHMS:
        _refuse(origin, f"It is not signed with {' or '.join(ALGORITHMS)}.", told, now)
    return header, told


def _verified(
    origin: Actor,
    identity: str,
    header: Mapping[str, Any],
    told: Mapping[str, Any],
    rules: list[TrustRule],
    now: datetime,
) -> Mapping[str, Any]:
    algorithm = str(header["alg"])
    key = _key(rules[0].issuer, str(header.get("kid", "")), algorithm)
    if key is None:
        _refuse(origin, "Its issuer knows no such key.", told, now)
    wanted = {"require": ["iss", "aud", "sub", "exp", "iat"], "verify_aud": False}
    try:
        claims: Mapping[str, Any] = jwt.decode(
            identity,
            key,
            algorithms=[algorithm],
            issuer=rules[0].issuer,
            leeway=LEEWAY,
            options=wanted,  # type: ignore[arg-type]
        )
    except jwt.ExpiredSignatureError:
        _refuse(origin, "It has ended.", told, now)
    except jwt.InvalidSignatureError:
        _refuse(origin, "Its signature is wrong.", told, now)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        _refuse(origin, f"It is not valid ({type(error).__name__}).", told, now)
    if not audiences(claims):
        _refuse(origin, "It names no audience.", claims, now)
    return claims


def _key(issuer: str, kid: str, algorithm: str) -> Any:
    """The issuer's public key of that name; its keys are asked for anew when the name is not known, once a minute."""
    keys = cache.get(f"jwks:{issuer}")
    found = _chosen(keys, kid, algorithm) if keys is not None else None
    if found is None and (keys is None or cache.add(f"jwks-asked:{issuer}", True, KEYS_ASKED_EVERY)):
        keys = _asked_keys(issuer)
        cache.set(f"jwks:{issuer}", keys, KEYS_KNOWN_FOR)
        found = _chosen(keys, kid, algorithm)
    return found


def _chosen(keys: list[dict[str, Any]], kid: str, algorithm: str) -> Any:
    for one in keys:
        if one.get("kid") != kid or one.get("kty") != _KINDS[algorithm] or one.get("use", "sig") != "sig":
            continue
        if one.get("alg", algorithm) != algorithm:
            continue
        try:
            return jwt.PyJWK(one, algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError, KeyError):
            return None
    return None


def _asked_keys(issuer: str) -> list[dict[str, Any]]:
    """The keys that an issuer publishes; its own document says where, at its own host."""
    about = _document(f"{issuer}/.well-known/openid-configuration")
    where = about.get("jwks_uri")
    if about.get("issuer") != issuer or not isinstance(where, str) or _origin(where) != _origin(issuer):
        raise outbound.Unreachable("The issuer does not say where its keys are, or says it of another host.", delay=60)
    keys = _document(where).get("keys")
    found = keys[:MOST_KEYS] if isinstance(keys, list) else []
    return [one for one in found if isinstance(one, dict)]


def _origin(url: str) -> tuple[str, str]:
    """Of an address; nothing of what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _document(url: str) -> dict[str, Any]:
    try:
        answer = outbound.call("GET", url, timeout=10.0, most_bytes=500_000)
    except outbound.Refused as error:
        raise Transient(error.message, code="unreachable", remedy=error.remedy) from None
    try:
        found = json.loads(answer.body) if answer.status == 200 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise outbound.Unreachable("The issuer does not answer with its keys.", delay=30)
    return found


def _spent(
    origin: Actor, identity: str, claims: Mapping[str, Any], rule: TrustRule, now: datetime
) -> tuple[ApiToken, str]:
    """The token that the identity is good for, once."""
    named = claims["jti"] if isinstance(claims.get("jti"), str) else identity.rpartition(".")[0]
    digest = sha256(f"{rule.issuer}\n{named}".encode()).hexdigest()
    ends = datetime.fromtimestamp(min(int(claims["exp"]), 253_402_300_000), UTC) + LEEWAY
    SpentIdentity.objects.filter(expires_at__lt=now).delete()
    ApiToken.objects.filter(owner=rule.account, name__startswith=NAME, expires_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            SpentIdentity.objects.create(digest=digest, expires_at=ends)
            return _token(origin, claims, rule, now)
    except IntegrityError:
        _refuse(origin, "It was exchanged before; a pipeline asks for a new one each time.", claims, now)


def _token(origin: Actor, claims: Mapping[str, Any], rule: TrustRule, now: datetime) -> tuple[ApiToken, str]:
    prefix, secret_hash, plaintext = new_token()
    token = ApiToken.objects.create(
        name=f"{NAME}{rule.name}"[:80],
        prefix=prefix,
        secret_hash=secret_hash,
        owner=rule.account,
        scopes=rule.scopes,
        systems=rule.systems,
        created_at=now,
        expires_at=now + timedelta(minutes=rule.minutes),
    )
    team = rule.account.service_of
    audit_append(
        origin,
        action="token.exchange",
        object_type="token",
        object_id=token.pk,
        object_label=f"{rule.account.username}: {token.name}",
        team_slug=team.slug if team else "",
        data={"rule": rule.name, "subject": str(claims["sub"])[:500], "scopes": rule.scopes, "systems": rule.systems},
        now=now,
    )
    return token, plaintext


def _refuse(origin: Actor, why: str, told: Mapping[str, Any], now: datetime) -> NoReturn:
    """Say why and leave it in the audit log; the same from one address once in ten minutes."""
    seen = sha256(f"{origin.address}\n{why}\n{told.get('iss')}\n{told.get('sub')}".encode()).hexdigest()
    if cache.add(f"audit.exchange-refused:{seen}", True, REFUSAL_SAME_FOR):
        with transaction.atomic():
            audit_append(
                origin,
                action="token.exchange-refused",
                object_type="token",
                object_id=0,
                object_label=str(told.get("sub", "an identity token"))[:200],
                data={"why": why, "issuer": str(told.get("iss", ""))[:300]},
                now=now,
            )
    raise Forbidden(f"This identity is not trusted. {why}", code="workload-refused", remedy=_REMEDY)

"""Signing in through a provider: the authorization code flow with PKCE, state and nonce, to the person it is.

Called by the pages of signing in, by nobody who is known yet. What a token says is believed only after its signature
was checked with the provider's own key. A person is who the issuer's subject is, never whose mail address it is. The
session is begun by the caller. No transaction is open around a call.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import jwt
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from governance.domain import oidc
from governance.domain.group_rule import oidc_source
from governance.models import ExternalIdentity, SignInProvider, SpentIdentity
from governance.selectors.provisioned import provisioned_person
from governance.services.accounts import account_create
from governance.services.audit import audit_append
from governance.services.group_rules import memberships_follow
from governance.services.oidc_calls import (
    LONGEST_CODE,
    Endpoints,
    ProviderAmiss,
    SignInRefused,
    endpoints_of,
    key_of,
    more_about,
    tokens_for,
)
from governance.services.provider_trouble import provider_watched, provider_worked
from governance.services.sign_ins import proof_failed, proof_given
from idp.catalog.models import User
from idp.kernel import outbound, vault
from idp.kernel.actor import PLATFORM, Actor, platform_for
from idp.kernel.errors import Conflict, Forbidden, InvalidInput

LEEWAY: Final = timedelta(seconds=30)
LASTS: Final = timedelta(minutes=10)
"""How long somebody may take to sign in at the provider."""

REFUSAL_SAME_FOR: Final = 600
OFF: Final = "Your account is switched off. Ask a platform admin."


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came in, through which provider, and when it asked them who they are (seconds since 1970), if it says so."""

    person: User
    provider: str
    asked_at: int | None
    lasts: timedelta | None
    """How long they may stay until they are to sign in there again; None: as long as any session."""


def sign_in_begin(
    name: str, *, following: str, back: str, connects: int = 0, proves: int = 0, now: datetime
) -> tuple[str, oidc.Attempt]:
    """Where the browser goes, and what must be kept for its return; ``following`` is where it goes after that.

    ``connects`` is the number of the person who is signed in and wants this as a further way, ``proves`` of the one who
    is to be asked anew. SignInRefused when there is no such provider, Refused and Unreachable when it cannot be asked.
    """
    provider = _provider(name)
    attempt = oidc.Attempt(
        provider=name,
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        following=following,
        connects=connects,
        proves=proves,
        begun=int(now.timestamp()),
    )
    with provider_watched(name, now=now):
        where = endpoints_of(provider.issuer).authorization
    url = oidc.authorization_url(
        where, attempt, client_id=provider.client_id, scopes=" ".join(provider.scopes), back=back
    )
    return url, attempt


def sign_in_finish(
    attempt: oidc.Attempt, answer: Mapping[str, str], *, back: str, origin: Actor, now: datetime
) -> Arrival:
    """The person who came back with ``answer`` (the query), their memberships as their groups say.

    ``origin`` is nobody, from their address; or, when a further way is connected, who is signed in. SignInRefused with
    why in words, which the log has too; Refused and Unreachable when the provider cannot be asked.
    """
    try:
        return _finished(attempt, answer, back, origin, now)
    except (SignInRefused, outbound.Refused) as error:
        _note_refusal(origin, attempt.provider, error.message, now)
        raise


def proof_finish(attempt: oidc.Attempt, answer: Mapping[str, str], *, back: str, origin: Actor, now: datetime) -> str:
    """The provider's title, when it has asked ``origin``, who is signed in, anew who they are, and they are the same.

    Changes no role. SignInRefused as ``sign_in_finish``, also for another person and for who was not asked since the
    attempt began; the log has it either way.
    """
    way = {"way": "provider", "provider": attempt.provider}
    try:
        provider, claims, _ = _answered(attempt, answer, back, now)
        _require_same(provider, claims, attempt, origin)
        leeway = int(LEEWAY.total_seconds())
        if why := oidc.anew_problem(claims, begun=attempt.begun, now=int(now.timestamp()), leeway=leeway):
            raise SignInRefused(why, remedy="Sign out and in again, or ask an admin.")
    except (SignInRefused, outbound.Refused) as error:
        proof_failed(origin, way={**way, "why": error.message}, now=now)
        raise
    proof_given(origin, way=way, now=now)
    return provider.title


def _require_same(provider: SignInProvider, claims: Mapping[str, Any], attempt: oidc.Attempt, origin: Actor) -> None:
    if not attempt.proves or origin.user_id != attempt.proves:
        raise SignInRefused("You are signed in as somebody else by now.")
    mine = ExternalIdentity.objects.select_related("user").filter(user=attempt.proves, issuer=provider.issuer).first()
    if mine is None or mine.subject != str(claims["sub"]):
        raise SignInRefused(f"At {provider.title} you are somebody else.", remedy="Sign in there as yourself.")
    _able(mine.user)


def _finished(attempt: oidc.Attempt, answer: Mapping[str, str], back: str, origin: Actor, now: datetime) -> Arrival:
    provider, claims, groups = _answered(attempt, answer, back, now)
    try:
        with transaction.atomic():
            person = _person(provider, claims, attempt.connects, origin, now)
            memberships_follow(person, source=oidc_source(provider.name), groups=groups, now=now)
    except IntegrityError:
        raise SignInRefused("Two sign-ins met. Sign in again.") from None
    lasts = timedelta(hours=provider.session_hours) if provider.session_hours else None
    return Arrival(person, provider.name, oidc.asked_at(claims), lasts)


def _answered(
    attempt: oidc.Attempt, answer: Mapping[str, str], back: str, now: datetime
) -> tuple[SignInProvider, Mapping[str, Any], frozenset[str] | None]:
    """The provider, what it says of the person, and their groups or None; each answer counts once."""
    provider = _provider(attempt.provider)
    if not secrets.compare_digest(answer.get("state", "").encode(), attempt.state.encode()):
        raise SignInRefused("This answer belongs to another sign-in. Sign in again.")
    _spend(attempt.state, now)
    if answer.get("iss", provider.issuer) != provider.issuer:
        raise SignInRefused("Another provider answered than was asked.")
    if "error" in answer:
        raise SignInRefused(f"{provider.title} did not sign you in. {oidc.said(answer['error'])}")
    code = answer.get("code", "")
    if not 0 < len(code) <= LONGEST_CODE:
        raise SignInRefused("The provider sent no code. Sign in again.")
    with provider_watched(provider.name, now=now):
        claims, groups = _told(provider, endpoints_of(provider.issuer), attempt, code, back)
    provider_worked(provider.name, now=now)
    return provider, claims, groups


@transaction.atomic
def identity_end(actor: Actor, *, issuer: str, now: datetime) -> None:
    """Close the actor's own way in through this issuer. Conflict without a password, for then nothing would be left.

    Forbidden through a token. Locks the identity, then the audit head.
    """
    if actor.user_id is None or actor.token_id is not None:
        raise Forbidden("Only a person who is signed in may change how they sign in.")
    rows = ExternalIdentity.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(user=actor.user_id, issuer=issuer).first()
    if row is None:
        raise Conflict("There is no such way any more.", code="illegal-state")
    if not row.user.has_usable_password():
        raise Conflict(
            "It is your only one.", code="illegal-state", remedy="Ask a platform admin for a password first."
        )
    before = _identity_sides(row)
    row.delete()
    _audit_identity(actor, "account.disconnect", row.user, before, None, now)


def _identity_sides(row: ExternalIdentity) -> dict[str, str]:
    return {"issuer": row.issuer, "subject": row.subject, "how": row.how}


def _audit_identity(
    actor: Actor, action: str, person: User, before: dict[str, str] | None, after: dict[str, str] | None, now: datetime
) -> None:
    audit_append(
        actor,
        action=action,
        object_type="account",
        object_id=person.pk,
        object_label=person.username,
        data={"before": before, "after": after},
        now=now,
    )


def _provider(name: str) -> SignInProvider:
    row = SignInProvider.objects.filter(name=name, active=True).first()
    if row is None:
        raise SignInRefused("There is no such way to sign in any more.")
    return row


def _spend(state: str, now: datetime) -> None:
    """A sign-in comes back once, also when its cookie is kept and sent again."""
    digest = sha256(f"sign-in\n{state}".encode()).hexdigest()
    SpentIdentity.objects.filter(expires_at__lt=now).delete()
    try:
        with transaction.atomic():
            SpentIdentity.objects.create(digest=digest, expires_at=now + 2 * LASTS)
    except IntegrityError:
        raise SignInRefused("This sign-in was used before. Sign in again.") from None


def _told(
    provider: SignInProvider, endpoints: Endpoints, attempt: oidc.Attempt, code: str, back: str
) -> tuple[Mapping[str, Any], frozenset[str] | None]:
    """The claims that are believed, and the groups among them, or None when they are unknown."""
    secret = vault.decrypt(provider.secret) if provider.secret else ""
    tokens = tokens_for(
        endpoints, client_id=provider.client_id, secret=secret, code=code, verifier=attempt.verifier, back=back
    )
    claims = identity_verified(provider, endpoints, str(tokens["id_token"]), attempt.nonce)
    return claims, _groups(provider, endpoints, claims, tokens.get("access_token"))


def _groups(
    provider: SignInProvider, endpoints: Endpoints, claims: Mapping[str, Any], access_token: Any
) -> frozenset[str] | None:
    """The groups in the token, else in userinfo; none where both leave the claim out and that is to mean none.

    Unknown stays what userinfo was to say and did not: it was away, or told of somebody else.
    """
    path = provider.group_claim
    groups = oidc.groups_of(claims, path)
    if groups is not None or not path or oidc.overage(claims, path):
        return groups
    told = [claims]
    if endpoints.userinfo:
        more = more_about(endpoints, access_token)
        if more.get("sub") != claims["sub"]:
            return None
        groups = oidc.groups_of(more, path)
        told.append(more)
    if groups is None and provider.missing_is_none and all(oidc.none_told(one, path) for one in told):
        return frozenset()
    return groups


def identity_verified(provider: SignInProvider, endpoints: Endpoints, token: str, nonce: str) -> Mapping[str, Any]:
    """The claims of an identity token that is signed by the provider, for us, now, and for this sign-in.

    SignInRefused says what is wrong with any other. Asks the database nothing.
    """
    if len(token) > oidc.LONGEST_TOKEN:
        raise _untrusted("it is too long")
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise _untrusted("it is not a JSON Web Token") from None
    algorithm = header.get("alg")
    if algorithm not in oidc.ALGORITHMS:
        raise _untrusted("it is not signed with a private key")
    key = key_of(endpoints, header.get("kid"), algorithm)
    if key is None:
        raise _untrusted("it is signed with a key that the provider does not publish")
    wanted = {"require": ["iss", "aud", "sub", "exp", "iat"], "verify_aud": True}
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=provider.issuer,
            audience=provider.client_id,
            leeway=LEEWAY,
            options=wanted,  # type: ignore[arg-type]
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise _untrusted(_WRONG.get(type(error).__name__, "it is not valid")) from None
    if problem := oidc.token_problem(claims, client_id=provider.client_id, nonce=nonce):
        raise SignInRefused(f"{_UNTRUSTED}: {problem}.", remedy=_AGAIN)
    return claims


_WRONG: Final[Mapping[str, str]] = {
    "ExpiredSignatureError": "it has ended",
    "ImmatureSignatureError": "it is not valid yet, so its clock and ours differ",
    "InvalidSignatureError": "its signature is wrong",
    "InvalidIssuerError": "another issuer made it",
    "InvalidAudienceError": "it is made for another client",
    "MissingRequiredClaimError": "it lacks a claim that every one has",
}


_UNTRUSTED: Final = "The provider's answer is not trusted"
_AGAIN: Final = "Sign in again, or ask an admin."


def _untrusted(why: str) -> ProviderAmiss:
    return ProviderAmiss(f"{_UNTRUSTED}: {why}.", remedy=_AGAIN)


def _person(provider: SignInProvider, claims: Mapping[str, Any], connects: int, origin: Actor, now: datetime) -> User:
    """Who it is: known already, connected now, made by SCIM, or new; SignInRefused when it is nobody."""
    subject = str(claims["sub"])
    known = ExternalIdentity.objects.select_related("user").filter(issuer=provider.issuer, subject=subject).first()
    if connects:
        return _connected(provider, subject, known, connects, origin, now)
    if known is not None:
        ExternalIdentity.objects.filter(pk=known.pk).update(used_at=now)
        return _able(known.user)
    person = _provisioned(provider, claims)
    if person is not None:
        _able(person)
        _link(platform_for(person.username), provider, person, subject, "provisioned", now)
        return person
    if not provider.may_create:
        raise SignInRefused(
            f"You are known at {provider.title} but have no account here.", remedy="Ask a platform admin for one."
        )
    person = _made(claims, now)
    _link(platform_for(person.username), provider, person, subject, "made", now)
    return person


def _able(person: User) -> User:
    if not person.is_active or person.is_service:
        raise SignInRefused(OFF)
    return person


def _connected(
    provider: SignInProvider, subject: str, known: ExternalIdentity | None, connects: int, origin: Actor, now: datetime
) -> User:
    if origin.user_id != connects:
        raise SignInRefused("You are signed in as somebody else by now. Nothing was connected.")
    person = _able(User.objects.get(pk=connects))
    if known is not None and known.user_id != connects:
        raise SignInRefused(f"This account at {provider.title} belongs to another person here.")
    if known is None:
        _link(origin, provider, person, subject, "connected", now)
    return person


def _provisioned(provider: SignInProvider, claims: Mapping[str, Any]) -> User | None:
    """The person that SCIM made, found by the claim that an admin chose, unless they came as somebody else before."""
    value = oidc.claim(claims, provider.link_claim) if provider.link_claim else None
    person = provisioned_person(value) if isinstance(value, str) and value else None
    if person is None:
        return None
    if ExternalIdentity.objects.filter(user=person, issuer=provider.issuer).exists():
        raise SignInRefused(
            f"The account {person.username} belongs to another identity at {provider.title}.",
            remedy="Ask a platform admin.",
        )
    return person


def _made(claims: Mapping[str, Any], now: datetime) -> User:
    """A new account without a password."""
    username = _free_name(oidc.names_for(claims))
    name = claims.get("name")
    try:
        return account_create(
            platform_for(username),
            username=username,
            password_hash=make_password(None),
            display_name=name[:120] if isinstance(name, str) else "",
            email=_mail(claims),
            now=now,
        )
    except InvalidInput:
        raise SignInRefused("No account could be made from what the provider says of you.") from None


def _free_name(names: list[str]) -> str:
    numbered = [f"{names[0]}-{number}" for number in range(2, 1_000)]
    wanted = [*names, *numbered]
    taken = {PLATFORM.username}
    taken |= {
        one.lower() for one in User.objects.filter(username__istartswith=names[0]).values_list("username", flat=True)
    }
    taken |= {one for one in names[1:] if User.objects.filter(username__iexact=one).exists()}
    return next((one for one in wanted if one not in taken), names[0])


def _mail(claims: Mapping[str, Any]) -> str:
    """The mail address for notices, unless the provider says that nobody has checked it."""
    email = claims.get("email")
    if not isinstance(email, str) or len(email) > 254 or claims.get("email_verified") is False:
        return ""
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email


def _link(actor: Actor, provider: SignInProvider, person: User, subject: str, how: str, now: datetime) -> None:
    if ExternalIdentity.objects.filter(user=person, issuer=provider.issuer).exists():
        raise SignInRefused(f"Your account is connected with another identity at {provider.title} already.")
    made = ExternalIdentity.objects.create(
        user=person, issuer=provider.issuer, subject=subject, how=how, began_at=now, used_at=now
    )
    _audit_identity(actor, "account.connect", person, None, _identity_sides(made), now)


def _note_refusal(origin: Actor, provider: str, why: str, now: datetime) -> None:
    """The same from one address once in ten minutes."""
    seen = sha256(f"{origin.address}\n{provider}\n{why}".encode()).hexdigest()
    if not cache.add(f"audit.sign-in-refused:{seen}", True, REFUSAL_SAME_FOR):
        return
    with transaction.atomic():
        audit_append(
            origin,
            action="session.sign-in-refused",
            object_type="account",
            object_id=origin.user_id or "",
            object_label=f"through {provider}",
            data={"provider": provider, "why": why},
            now=now,
        )

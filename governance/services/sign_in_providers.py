"""Providers through which people sign in: made, edited, checked, taken back and removed by platform admins.

The client secret is encrypted and never shown again. Lock order: provider row, then audit head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from django.conf import settings
from django.db import transaction

from governance.access import rights_of
from governance.domain.group_rule import oidc_source
from governance.domain.oidc import ALGORITHMS, ProviderWish, provider_errors
from governance.models import ExternalIdentity, GroupRule, KnownGroups, SignInProvider
from governance.services.audit import audit_append
from governance.services.local_sign_in import require_way_left
from governance.services.oidc_calls import (
    Endpoints,
    SignInRefused,
    client_tried,
    endpoints_of,
    keys_of,
    usable_keys,
)
from governance.services.transactions import require_version
from idp.kernel import outbound, vault
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound

SIDES: Final = (
    "title",
    "issuer",
    "client_id",
    "scopes",
    "group_claim",
    "missing_is_none",
    "link_claim",
    "may_create",
    "session_hours",
    "active",
)
CLOCKS_APART: Final = 20
"""Seconds by which the provider's clock may differ before the check says so; a token bears a few more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; ``bad`` keeps people from signing in."""

    tone: Literal["ok", "warn", "bad"]
    text: str


def provider_checked(actor: Actor, name: str, wish: ProviderWish) -> None:
    """InvalidInput names each field of a provider that may not be saved so. Writes and calls nothing."""
    rights_of(actor).require_admin()
    errors = provider_errors(name, wish)
    if not any(error.path == "issuer" for error in errors):
        try:
            outbound.check_url(wish.issuer)
        except outbound.Refused as error:
            errors.append(FieldError("issuer", error.message))
        if SignInProvider.objects.filter(issuer=wish.issuer).exclude(name=name).exists():
            errors.append(FieldError("issuer", "There is a provider of this issuer already."))
    if errors:
        raise InvalidInput(f"This provider is not right yet: {errors[0].message}", errors=errors)


@transaction.atomic
def provider_save(
    actor: Actor, *, name: str, wish: ProviderWish, expected_version: int | None = None, now: datetime
) -> SignInProvider:
    """Make or change the provider ``name``; admins only. An equal one changes nothing."""
    provider_checked(actor, name, wish)
    row = SignInProvider.objects.select_for_update().filter(name=name).first()
    if row is not None:
        require_version(row, row.version, expected_version)
        _require_secret_again(row, wish)
    kept = row.secret if row else ""
    secret = kept if wish.secret is None or _is_same(kept, wish.secret) else _sealed(wish.secret)
    return _set(actor, row or SignInProvider(name=name), _wished(wish), secret, now)


@transaction.atomic
def provider_take_back(actor: Actor, *, name: str, now: datetime) -> SignInProvider:
    """Undo the last edit, that of the secret too; what it made becomes what can be taken back. Admins only."""
    rights_of(actor).require_admin()
    row = _locked(name)
    if not row.before:
        raise Conflict(f"The provider “{name}” was never edited.", code="illegal-state")
    other = SignInProvider.objects.filter(issuer=row.before["issuer"]).exclude(pk=row.pk).first()
    if other is not None:
        raise Conflict(f"{other.name} has the issuer that it had.", code="exists", remedy="Edit that one first.")
    return _set(actor, row, provider_sides(row) | row.before, row.secret_before, now)


@transaction.atomic
def provider_remove(actor: Actor, *, name: str, expected_version: int | None = None, now: datetime) -> None:
    """End a provider that is switched off and that no group rule names. Who came by it is kept by issuer and subject.

    So the same one made again knows them again. Admins only; Conflict otherwise.
    """
    rights_of(actor).require_admin()
    row = _locked(name)
    require_version(row, row.version, expected_version)
    if row.active:
        raise Conflict(f"People can sign in through {row.title}.", code="illegal-state", remedy="Switch it off first.")
    if GroupRule.objects.filter(source=oidc_source(name)).exists():
        raise Conflict(
            f"Group rules name {name}.",
            code="illegal-state",
            remedy="Remove those rules first: that shows who loses what.",
        )
    before, key = provider_sides(row), row.pk
    KnownGroups.objects.filter(source=oidc_source(name)).delete()
    row.delete()
    _audit(actor, row, key, "sign-in-provider.remove", before, None, now)


def provider_get(actor: Actor, name: str) -> SignInProvider:
    """For admins; NotFound when there is none."""
    rights_of(actor).require_admin()
    row = SignInProvider.objects.filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no sign-in provider “{name}”.")
    return row


def provider_check(actor: Actor, name: str, wish: ProviderWish) -> list[Finding]:
    """What signing in with this would meet, asked of the provider now; admins only. Writes nothing."""
    rights_of(actor).require_admin()
    secret = _secret_for(name, wish)
    try:
        found = endpoints_of(wish.issuer, anew=True)
        keys = keys_of(found)
        tried = client_tried(found, client_id=wish.client_id, secret=secret, back=settings.BASE_URL)
    except (SignInRefused, outbound.Refused, outbound.Unreachable) as error:
        return [Finding("bad", f"{error.message} {error.remedy}".strip())]
    head = Finding("ok", f"It answers at its issuer, {wish.issuer}.")
    return [head, *_client_findings(*tried), *_findings(wish, found, keys, bool(secret))]


def _secret_for(name: str, wish: ProviderWish) -> str:
    """The secret that signing in would use; one that is stored is told to no other issuer."""
    if wish.secret is not None:
        return wish.secret
    row = SignInProvider.objects.filter(name=name, issuer=wish.issuer).exclude(secret="").first()
    return vault.decrypt(row.secret) if row else ""


def _client_findings(taken: bool | None, ahead: float | None) -> list[Finding]:
    findings = []
    if taken is False:
        findings.append(Finding("bad", "It does not take this client ID and secret."))
    elif taken:
        findings.append(Finding("ok", "It does not object to the client ID and secret."))
    else:
        findings.append(Finding("warn", "Whether it takes the client ID and secret it tells only at a sign-in."))
    if ahead is not None and abs(ahead) > CLOCKS_APART:
        apart = f"{abs(ahead):.0f} seconds {'ahead of' if ahead > 0 else 'behind'} ours"
        findings.append(Finding("warn", f"Its clock is {apart}; set both by the same time, or its tokens are refused."))
    return findings


def _findings(wish: ProviderWish, found: Endpoints, keys: list[dict[str, Any]], has_secret: bool) -> list[Finding]:
    told, usable = found.document, usable_keys(keys)
    findings = [
        Finding("ok", f"Its keys can be had ({len(usable)} for signatures).")
        if usable
        else Finding("bad", "It publishes no key that a signature can be checked with.")
    ]
    signs = told.get("id_token_signing_alg_values_supported")
    if isinstance(signs, list) and not set(map(str, signs)) & set(ALGORITHMS):
        findings.append(Finding("bad", "It signs with shared secrets only; let it sign with RS256 or ES256."))
    ways = told.get("code_challenge_methods_supported")
    if isinstance(ways, list) and "S256" in ways:
        findings.append(Finding("ok", "It knows PKCE (S256)."))
    else:
        findings.append(Finding("warn", "It does not say that it knows PKCE; it is sent all the same."))
    scopes = told.get("scopes_supported")
    lacking = [one for one in wish.scopes if isinstance(scopes, list) and one not in scopes]
    if lacking:
        findings.append(Finding("warn", f"It does not list the scope {', '.join(lacking)}."))
    if not has_secret and not _takes_public(told):
        findings.append(
            Finding("warn", "No client secret is set here; the provider must know this as a public client.")
        )
    claims = told.get("claims_supported")
    top = wish.group_claim.partition(".")[0]
    if top and isinstance(claims, list) and top not in claims and wish.group_claim not in claims:
        findings.append(Finding("warn", f"It does not list the claim {wish.group_claim}; many send it all the same."))
    return findings


def _takes_public(told: Mapping[str, Any]) -> bool:
    ways = told.get("token_endpoint_auth_methods_supported")
    return isinstance(ways, list) and "none" in ways


def provider_people(row: SignInProvider) -> int:
    """How many people have come by it."""
    return ExternalIdentity.objects.filter(issuer=row.issuer).count()


def provider_sides(row: SignInProvider) -> dict[str, Any]:
    """A provider as the log and an undo keep it; of the secret only whether there is one is ever told."""
    return {name: getattr(row, name) for name in SIDES}


def wish_of(row: SignInProvider) -> ProviderWish:
    """The provider as it is; its secret stays as it is stored."""
    sides = provider_sides(row)
    return ProviderWish(**{**sides, "scopes": tuple(sides["scopes"])})


def _wished(wish: ProviderWish) -> dict[str, Any]:
    return {name: getattr(wish, name) for name in SIDES} | {"scopes": list(dict.fromkeys(wish.scopes))}


def _set(actor: Actor, row: SignInProvider, sides: Mapping[str, Any], secret: str, now: datetime) -> SignInProvider:
    new, before = row.pk is None, provider_sides(row)
    if not new and (before, row.secret) == (dict(sides), secret):
        return row
    if row.active and not (sides["active"] and sides["issuer"] == row.issuer):
        require_way_left(row, issuer=sides["issuer"] if sides["active"] else "")
    replaced = secret != row.secret
    row.before, row.secret_before = ({}, "") if new else (before, row.secret)
    for name, value in sides.items():
        setattr(row, name, value)
    row.secret, row.version, row.updated_at, row.updated_by = secret, row.version + 1, now, actor.username
    row.trouble, row.trouble_at = "", None
    row.save()
    after = provider_sides(row) | ({"key_replaced": True} if replaced else {})
    _audit(actor, row, row.pk, "sign-in-provider.save", None if new else before, after, now)
    return row


def _require_secret_again(row: SignInProvider, wish: ProviderWish) -> None:
    """A stored secret is not sent to another issuer than the one that it was typed for."""
    if row.secret and wish.secret is None and wish.issuer != row.issuer:
        told = "Type the client secret again: it was given by another issuer."
        raise InvalidInput(told, errors=[FieldError("secret", told)])


def _sealed(secret: str) -> str:
    return vault.encrypt(secret) if secret else ""


def _is_same(kept: str, secret: str) -> bool:
    return (vault.decrypt(kept) if kept else "") == secret


def _locked(name: str) -> SignInProvider:
    row = SignInProvider.objects.select_for_update().filter(name=name).first()
    if row is None:
        raise NotFound(f"There is no sign-in provider “{name}”.")
    return row


def _audit(actor: Actor, row: SignInProvider, key: int, action: str, before: Any, after: Any, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="sign-in-provider",
        object_id=key,
        object_label=row.title,
        data={"before": before, "after": after},
        now=now,
    )

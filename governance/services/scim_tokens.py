"""Tokens that open SCIM: made and ended by platform admins, and turned into an Actor on every request of a directory.

Such a token is no ``ApiToken``: it opens nothing but SCIM, no other token opens SCIM, and no account's end ends it.
There is one at a time; making another leaves the one before valid for a day, so that the directory can be told.
Lock order: tokens, then audit head.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction

from governance.access import rights_of
from governance.domain.token import hash_of, new_token, parts_of
from governance.models import ScimRefusal, ScimToken
from governance.selectors.provisioned import REFUSALS_SHOWN
from governance.services.audit import audit_append
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotSignedIn

SCOPE: Final = "scim"
NAME: Final = "scim"
"""What the audit log calls the directory."""
LASTS: Final = (90, 180, 365)
ROTATION: Final = timedelta(hours=24)
USE_NOTED_EVERY: Final = timedelta(minutes=1)
REFUSAL_SAME_FOR: Final = 600
_NO_HASH: Final = "0" * 64


@transaction.atomic
def scim_token_make(actor: Actor, *, days: int, now: datetime) -> tuple[ScimToken, str]:
    """A token and its plaintext, which is shown once; those before it hold for 24 hours more, or to their end.

    Platform admins who are signed in. ``days`` is one of LASTS.
    """
    _require_admin(actor)
    if days not in LASTS:
        told = f"It lasts {', '.join(map(str, LASTS[:-1]))} or {LASTS[-1]} days."
        raise InvalidInput(told, errors=[FieldError("days", told)])
    alive = list(ScimToken.objects.select_for_update().filter(revoked_at=None, expires_at__gt=now))
    before = _state(alive)
    for one in alive:
        one.expires_at = min(one.expires_at, now + ROTATION)
        one.save(update_fields=["expires_at"])
    prefix, secret_hash, plaintext = new_token()
    made = ScimToken.objects.create(
        prefix=prefix,
        secret_hash=secret_hash,
        made_by=actor.username,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    _audit(actor, "scim.open", {"before": before, "after": _state([made, *alive])}, now=now)
    return made, plaintext


@transaction.atomic
def scim_tokens_end(actor: Actor, *, now: datetime) -> int:
    """End every token at once: nothing is provisioned any more. Platform admins; Conflict when none is open."""
    _require_admin(actor)
    alive = list(ScimToken.objects.select_for_update().filter(revoked_at=None, expires_at__gt=now))
    if not alive:
        raise Conflict("No token is open.", remedy="Make one to begin.")
    ScimToken.objects.filter(pk__in=[one.pk for one in alive]).update(revoked_at=now)
    _audit(actor, "scim.close", {"before": _state(alive), "after": {}}, now=now)
    return len(alive)


def scim_authenticate(plaintext: str, now: datetime, *, request_id: str = "", address: str = "") -> Actor:
    """The directory behind a token; NotSignedIn, always with the same sentence, when it is not valid now.

    One query, and one update when its use was last noted more than a minute ago.
    """
    prefix, secret = parts_of(plaintext) or ("", "")
    token = ScimToken.objects.filter(prefix=prefix).first()
    same = hmac.compare_digest(token.secret_hash if token else _NO_HASH, hash_of(secret))
    actor = Actor(None, NAME, via="scim", scopes=frozenset({SCOPE}), request_id=request_id, address=address)
    if token is None or not same or token.revoked_at is not None or token.expires_at <= now:
        _refused(actor, token, same, now)
        raise NotSignedIn(
            "This token does not open SCIM: it is unknown, expired or revoked.",
            code="bad-token",
            remedy="A platform admin makes one on the page Provisioning.",
        )
    if token.last_used_at is None or token.last_used_at < now - USE_NOTED_EVERY:
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return actor


def require_scim(actor: Actor) -> None:
    """Only a token of SCIM provisions; not even a platform admin does by hand what the directory says."""
    if actor.scopes != frozenset({SCOPE}):
        raise Forbidden("Only a token of SCIM may do this.", remedy="Make one on the page Provisioning.")


@transaction.atomic
def scim_refusal_keep(*, request: str, status: int, detail: str, now: datetime) -> None:
    """What was refused to the directory, for the page; only the newest are kept."""
    ScimRefusal.objects.create(at=now, request=_plain(request, 200), status=status, detail=_plain(detail, 500))
    kept = ScimRefusal.objects.values_list("pk", flat=True)[REFUSALS_SHOWN : REFUSALS_SHOWN + 1]
    for oldest in list(kept):
        ScimRefusal.objects.filter(pk__lte=oldest).delete()


def _refused(actor: Actor, token: ScimToken | None, same: bool, now: datetime) -> None:
    """A token that was refused is told once in ten minutes for each address; the log names one that we know."""
    if not cache.add(f"scim.refused:{token.pk if token else 0}:{same}:{actor.address}", True, REFUSAL_SAME_FOR):
        return
    why = "It is none of ours." if token is None else "Its secret is wrong." if not same else "It has ended."
    scim_refusal_keep(request="Sign-in of the directory", status=401, detail=f"The token was refused. {why}", now=now)
    if token is not None:
        with transaction.atomic():
            _audit(actor, "token.refused", {"prefix": token.prefix, "why": why}, now=now)


def _require_admin(actor: Actor) -> None:
    if actor.token_id is not None or actor.scopes is not None:
        raise Forbidden("A token makes and ends no tokens.", remedy="Sign in to the portal and do it there.")
    rights_of(actor).require_admin()


def _state(tokens: list[ScimToken]) -> dict[str, str]:
    """When each ends, by its prefix."""
    return {one.prefix: one.expires_at.isoformat() for one in tokens}


def _plain(text: str, length: int) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:length]


def _audit(actor: Actor, action: str, data: dict[str, Any], *, now: datetime) -> None:
    audit_append(
        actor, action=action, object_type="scim", object_id="", object_label="Provisioning", data=data, now=now
    )

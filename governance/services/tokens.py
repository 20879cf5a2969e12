"""API tokens: made, revoked, and turned into an Actor on every API request.

A token never allows more than its owner may: scopes and systems only narrow. Only a person who signed in makes
tokens (a token cannot make another), for themselves or for a service account of a team they manage. A token may end
itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from django.core.cache import cache
from django.db import transaction
from django.db.models import Q, QuerySet

from governance.access import SCOPES, rights_of
from governance.domain.token import hash_of, new_token, parts_of
from governance.models import ApiToken
from governance.services.audit import audit_append
from governance.services.service_accounts import belongs_to_git
from idp.catalog.models import System, User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound, NotSignedIn
from idp.kernel.prepared import Prepared

LONGEST = timedelta(days=366)
USUAL = timedelta(days=90)
ROTATION = timedelta(hours=24)
"""How long the old secret still holds when a token is rotated, so that programs can be told the new one."""
USE_NOTED_EVERY = timedelta(minutes=1)
REFUSAL_SAME_FOR = 600
MOST_PER_OWNER = 50
FOR_PEOPLE = ("read", "change")
"""All that a token may do that acts for people: nobody decides or administers through another account."""

_NO_HASH = "0" * 64
_REVOKED: Mapping[str, object] = MappingProxyType({"before": {"revoked": False}, "after": {"revoked": True}})


@transaction.atomic
def token_create(
    actor: Actor,
    *,
    owner: User,
    name: str,
    scopes: Iterable[str],
    systems: Iterable[str] = (),
    expires_at: datetime | None = None,
    for_people: bool = False,
    now: datetime,
) -> tuple[ApiToken, str]:
    """A token and its plaintext, which is shown once and never again. Without ``expires_at`` it lasts 90 days.

    ``systems`` are slugs, empty for all that the owner may see. ``for_people``: it may ask for the people that its
    user names, with their rights; only platform admins make one, for a service account, to read and to ask for changes.
    InvalidInput names each field that is wrong.
    """
    _require_owner(actor, owner, "make")
    if for_people:
        rights_of(actor).require_admin()
    wanted, bound = sorted(set(scopes)), sorted(set(systems))
    ends = expires_at or now + USUAL
    errors = token_errors(owner, name, wanted, bound, ends, now)
    errors += _behalf_errors(owner, wanted) if for_people else []
    if errors:
        raise InvalidInput(f"This token is not right yet: {errors[0].message}", errors=errors)
    prefix, secret_hash, plaintext = new_token()
    token = ApiToken.objects.create(
        name=name.strip(),
        prefix=prefix,
        secret_hash=secret_hash,
        owner=owner,
        maker_id=actor.user_id,
        scopes=wanted,
        systems=bound,
        for_people=for_people,
        created_at=now,
        expires_at=ends,
    )
    _audit(actor, "token.create", token, now, {"before": None, "after": {"revoked": False}})
    return token, plaintext


@transaction.atomic
def token_revoke(actor: Actor, *, token: ApiToken, now: datetime) -> ApiToken:
    """End a token at once; its owner, a maintainer of a service account's team, or an admin. May be repeated."""
    _require_owner(actor, token.owner, "revoke")
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        token.revoked_at = now
        _audit(actor, "token.revoke", token, now, _REVOKED)
    return token


@transaction.atomic
def token_rotate(actor: Actor, *, token: ApiToken, now: datetime) -> tuple[ApiToken, str]:
    """A token like this one with another secret, and its plaintext; the old one holds for 24 hours more, or its end.

    The new one lasts as long as the old one was made for. Whoever may make such a token may rotate it. Conflict for one
    that has ended; InvalidInput when its owner may no longer have one like it. Locks the token, then the audit head.
    """
    old = ApiToken.objects.select_for_update(of=("self",)).select_related("owner__service_of").get(pk=token.pk)
    if not _is_alive(old, now):
        raise Conflict(f"The token “{old.name}” has ended.", code="token-ended", remedy="Make a new one instead.")
    lasting = (old.expires_at - old.created_at) if old.expires_at else USUAL
    made, plaintext = token_create(
        actor,
        owner=old.owner,
        name=old.name,
        scopes=old.scopes,
        systems=old.systems,
        for_people=old.for_people,
        expires_at=now + lasting,
        now=now,
    )
    before = old.expires_at
    old.expires_at = min(before, now + ROTATION) if before else now + ROTATION
    old.save(update_fields=["expires_at"])
    ends = {"before": {"ends": _moment(before)}, "after": {"ends": _moment(old.expires_at), "followed by": str(made)}}
    _audit(actor, "token.rotate", old, now, ends)
    return made, plaintext


def _moment(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


@transaction.atomic
def token_end(actor: Actor, *, now: datetime) -> None:
    """End the very token that asks: a program signs out. Conflict when it is no token that asks."""
    held = [] if actor.token_id is None else [actor.token_id]
    token = ApiToken.objects.select_related("owner__service_of").filter(pk__in=held).first()
    if token is None:
        raise Conflict(
            "No token came with this request, so there is none to end.",
            code="no-token",
            remedy="Send the token as a bearer token; a session ends by signing out of the portal.",
        )
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
        _audit(actor, "token.revoke", token, now, _REVOKED)


def token_authenticate(
    plaintext: str, now: datetime, *, on_behalf: str = "", request_id: str = "", address: str = ""
) -> Actor:
    """The Actor of a token; NotSignedIn, always with the same sentence, when it is not valid now.

    ``on_behalf`` names the person for whom it asks, by username or as ``user:default/<username>``: the Actor then has
    that person's rights, as far as the token's scopes and systems go. Forbidden when the token may not, or when there
    is no such person who may sign in. A token that asks for people and names none only reads: a program that has lost
    its person must not ask in its own name.

    One query, and one update when its use was last noted more than a minute ago. The first use in an hour of the clock
    is in the audit log, and so is the vain use of a token that was revoked, has ended or came with a wrong secret. The
    comparison takes as long for an unknown prefix as for a wrong secret.
    """
    prefix, secret = parts_of(plaintext) or ("", "")
    token = next(iter(_with_prefix(prefix=prefix)), None)
    same = hmac.compare_digest(token.secret_hash if token else _NO_HASH, hash_of(secret))
    if token is None or not same or not _is_alive(token, now):
        if token is not None:
            _note_refusal(token, same, now, request_id=request_id, address=address)
        raise NotSignedIn("This token is not valid: it is unknown, expired or revoked.", code="bad-token")
    team = token.owner.service_of
    withheld = frozenset(token.scopes) - {"read"} if token.for_people and not on_behalf else frozenset()
    actor = Actor(
        user_id=token.owner_id,
        username=token.owner.username,
        via="api",
        scopes=frozenset(token.scopes) - withheld,
        withheld=withheld,
        systems=frozenset(token.systems),
        token_id=token.pk,
        holder_id=token.maker_id,
        request_id=request_id,
        address=address,
        behalf=f"team {team.slug}" if team else "",
    )
    _note_use(actor, token, now)
    return _for_person(actor, token, on_behalf) if on_behalf else actor


def _for_person(actor: Actor, token: ApiToken, named: str) -> Actor:
    """The person that ``named`` names, asked for by the token's owner. The token's maker stays who holds it."""
    if not token.for_people:
        raise Forbidden(
            "This token may not ask for other people.",
            code="not-on-behalf",
            remedy="Ask a platform admin for a token of a service account that acts for people.",
        )
    person = _person_named(named.strip())
    if person is None:
        raise Forbidden(
            f"There is nobody called “{named[:80]}” who may sign in here.",
            code="not-on-behalf",
            remedy="Name somebody by the username that they have here.",
        )
    asks = replace(actor, user_id=person.pk, username=person.username, behalf="")
    return replace(asks, agent=actor.username, agent_id=actor.user_id)


def _person_named(named: str) -> User | None:
    """Whoever may sign in by that username, or by that reference of Backstage, which knows no capitals.

    Only of its namespace ``default``: ``user:partners/alice`` is somebody else than our ``alice``. Nobody where a
    reference fits two usernames.
    """
    kind, colon, name = named.partition(":")
    people = User.objects.filter(is_active=True, service_of=None)
    if not colon:
        return people.filter(username=named).first() if named else None
    if kind.lower() != "user":
        return None
    namespace, slash, rest = name.partition("/")
    if slash and namespace.lower() != "default":
        return None
    found = list(people.filter(username__iexact=rest if slash else name)[:2])
    return found[0] if len(found) == 1 else None


@Prepared
def _with_prefix(prefix: str) -> QuerySet[ApiToken]:
    return ApiToken.objects.select_related("owner__service_of").filter(prefix=prefix)


def tokens_of(owner: User) -> QuerySet[ApiToken]:
    """A person's tokens, newest first, revoked ones too. For their own account page only."""
    return ApiToken.objects.filter(owner=owner).order_by("-id")


def token_get(actor: Actor, token_id: int) -> ApiToken:
    """A token that the actor may revoke; NotFound otherwise."""
    token = ApiToken.objects.select_related("owner__service_of").filter(pk=token_id).first()
    if token is None or not _may_revoke(actor, token.owner):
        raise NotFound("There is no such token that is yours.")
    return token


def _require_owner(actor: Actor, owner: User, verb: str) -> None:
    if actor.token_id is not None or actor.scopes is not None:
        raise Forbidden(f"A token cannot {verb} tokens.", remedy="Sign in to the portal and do it there.")
    allowed = _may_revoke(actor, owner) if verb == "revoke" else _may_make(actor, owner)
    if not allowed:
        raise Forbidden(
            f"You can {verb} your own tokens, and those of service accounts of teams that you maintain.",
            remedy=f"Ask {owner.username} to do it.",
        )


def _may_make(actor: Actor, owner: User) -> bool:
    if actor.is_platform or (actor.user_id is not None and actor.user_id == owner.pk):
        return True
    return owner.service_of is not None and rights_of(actor).may_manage(owner.service_of)


def _may_revoke(actor: Actor, owner: User) -> bool:
    return _may_make(actor, owner) or rights_of(actor).may_administer()


def _is_alive(token: ApiToken, now: datetime) -> bool:
    in_time = token.expires_at is None or now < token.expires_at
    return in_time and token.revoked_at is None and token.owner.is_active


def _note_use(actor: Actor, token: ApiToken, now: datetime) -> None:
    """Once a minute when it was used; once in an hour of the clock, by whichever request is first, that it was."""
    last = token.last_used_at
    if last is not None and last >= now - USE_NOTED_EVERY:
        return
    this_hour = now.replace(minute=0, second=0, microsecond=0)
    if last is not None and last >= this_hour:
        ApiToken.objects.filter(pk=token.pk, last_used_at__lt=now - USE_NOTED_EVERY).update(last_used_at=now)
        return
    stale = Q(last_used_at=None) | Q(last_used_at__lt=this_hour)
    with transaction.atomic():
        if ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now):
            _audit(actor, "token.use", token, now)


def _note_refusal(token: ApiToken, right: bool, now: datetime, *, request_id: str, address: str) -> None:
    """A token that we know was used in vain; once in ten minutes for each address. One of nobody's leaves nothing."""
    if not cache.add(f"audit.token-refused:{token.pk}:{right}:{address}", True, REFUSAL_SAME_FOR):
        return
    why = "The secret is wrong." if not right else "It was revoked." if token.revoked_at else "It has ended."
    if right and not token.owner.is_active:
        why = "Its owner is switched off."
    with transaction.atomic():
        actor = Actor(None, "", via="api", request_id=request_id, address=address)
        _audit(actor, "token.refused", token, now, {"why": why})


def token_errors(
    owner: User, name: str, scopes: list[str], systems: list[str], ends: datetime, now: datetime
) -> list[FieldError]:
    """What stands against such a token, by field; asked also before one is promised. At most two queries."""
    errors = []
    if not 0 < len(name.strip()) <= 80:
        errors.append(FieldError("name", "Give it a name of 1 to 80 letters that says what it is for."))
    if not scopes or set(scopes) - set(SCOPES):
        errors.append(FieldError("scopes", f"Choose one or more of {', '.join(SCOPES)}."))
    if not now < ends <= now + LONGEST:
        errors.append(FieldError("expires_at", f"It must end within {LONGEST.days} days from now."))
    if not owner.is_active:
        errors.append(FieldError("owner", f"The account {owner.username} is switched off."))
    if belongs_to_git(owner):
        errors.append(FieldError("owner", f"{owner.username} applies files in Git; make another account for programs."))
    if ApiToken.objects.filter(owner=owner, revoked_at=None, expires_at__gt=now).count() >= MOST_PER_OWNER:
        errors.append(FieldError("name", f"{owner.username} has {MOST_PER_OWNER} tokens; revoke one first."))
    return [*errors, *_system_errors(owner, systems)]


def _behalf_errors(owner: User, scopes: list[str]) -> list[FieldError]:
    errors = []
    if owner.service_of is None:
        errors.append(FieldError("owner", "Make it for a service account of a team: a person acts for themselves."))
    if set(scopes) - set(FOR_PEOPLE):
        errors.append(FieldError("scopes", f"A token that acts for people has {' and '.join(FOR_PEOPLE)} only."))
    return errors


def _system_errors(owner: User, systems: list[str]) -> list[FieldError]:
    if not systems:
        return []
    sight = rights_of(Actor(user_id=owner.pk, username=owner.username))
    seen = set(System.objects.filter(sight.sees(), slug__in=systems).values_list("slug", flat=True))
    return [
        FieldError("systems", f"There is no system “{slug}” that {owner.username} may see.")
        for slug in systems
        if slug not in seen
    ]


def _audit(
    actor: Actor, action: str, token: ApiToken, now: datetime, more: Mapping[str, object] = MappingProxyType({})
) -> None:
    data: dict[str, object] = {"prefix": token.prefix, "scopes": token.scopes, "systems": token.systems}
    data |= {"ends": token.expires_at, "for_people": token.for_people}
    team = token.owner.service_of
    audit_append(
        actor,
        action=action,
        object_type="token",
        object_id=token.pk,
        object_label=f"{token.owner.username}: {token.name}",
        team_slug=team.slug if team else "",
        data={**data, **more},
        now=now,
    )

"""People as a directory provisions them through SCIM: made, changed, switched off and on, and let go.

Called by ``portal.api.scim_users``; pages of administrators hand accounts over. The directory never makes an
administrator and never manages one: a way in must remain when the directory is wrong or away. An account keeps its
name for ever, because the log, policies and tokens name it; the directory's ``userName`` stands beside it.

Lock order: SCIM row, account row, then what memberships lock, then audit head.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction

from governance.access import PLATFORM_ADMINS, admins, rights_of
from governance.domain.audit import difference
from governance.domain.scim_patch import patched
from governance.domain.scim_schema import USER, Document, account_email, account_name, clean, folded, shown_name
from governance.models import ApiToken, OpenSession, ScimEmail, ScimUser
from governance.selectors.provisioned import hand_over_problem
from governance.services.audit import audit_append
from governance.services.group_rules import memberships_follow
from governance.services.open_sessions import sessions_gone
from governance.services.people import group_member_set
from governance.services.people_edits import people_edit_keep
from governance.services.scim_tokens import NAME, require_scim
from governance.services.teams import membership_remove
from governance.services.tokens import token_revoke
from governance.services.transactions import checked
from idp.catalog.models import Membership, User
from idp.kernel.actor import PLATFORM, Actor, platform_for
from idp.kernel.errors import Conflict, NotFound, PreconditionFailed, TooLarge

SOURCE: Final = "scim"
HAND_OVER: Final = "hand-over"
MOST_HANDED_OVER: Final = 100
PASSWORD_KEPT: Final = timedelta(days=30)
"""How long the password of an account that was handed over comes back with it."""

MOST_OF_A_NAME: Final = 99
"""How many accounts of nearly the same name there may be."""


@transaction.atomic
def scim_user_create(actor: Actor, *, sent: Mapping[str, Any], now: datetime) -> ScimUser:
    """A person as ``sent`` says. Conflict (``uniqueness``) when somebody has the ``userName``.

    Somebody who was let go and comes again under the same name gets the account back, without roles and groups.
    """
    require_scim(actor)
    document = clean(USER, sent)
    document["active"] = document.get("active", True)
    row = ScimUser.objects.select_for_update().filter(user_name_key=folded(document["userName"])).first()
    if row is None:
        row = ScimUser(user=_account_made(document, now), created_at=now)
    elif row.deleted_at is not None and not row.user.is_active and not _administers(row.user):
        row.key, row.created_at, row.deleted_at = str(uuid4()), now, None
    else:
        raise _taken(document["userName"])
    _stored(actor, row, document, {}, now=now)
    _audit(actor, "account.provision", row.user, {"before": None, "after": _told(document)}, now)
    return row


@transaction.atomic
def scim_user_replace(
    actor: Actor, key: str, *, sent: Mapping[str, Any], expected: int | None = None, now: datetime
) -> ScimUser:
    """The person as ``sent`` says, whatever was said before; an ``active`` that is not sent stays as it is.

    ``expected`` is the version that was read; PreconditionFailed for another.
    """
    require_scim(actor)
    row = _locked(key, expected)
    document = clean(USER, sent)
    return _changed(actor, row, document | {"active": document.get("active", row.active)}, now=now)


@transaction.atomic
def scim_user_patch(
    actor: Actor, key: str, *, sent: Mapping[str, Any], expected: int | None = None, now: datetime
) -> ScimUser:
    """The person after the operations of ``sent``; all of them are carried out or none."""
    require_scim(actor)
    row = _locked(key, expected)
    after = patched(USER, document_of(row), sent)
    return _changed(actor, row, after | {"active": after.get("active", False)}, now=now)


@transaction.atomic
def scim_user_delete(actor: Actor, key: str, *, expected: int | None = None, now: datetime) -> None:
    """Let a person go: the account is switched off and kept, its roles and groups end, and the directory has nobody.

    What they did keeps its name, and whoever comes under the same name later begins without their roles.
    """
    require_scim(actor)
    row = _locked(key, expected)
    if row.user.is_active:
        _switched(actor, row.user, active=False, now=now)
    _belongs_nowhere(actor, row, now=now)
    before = _told(document_of(row))
    row.groups.clear()
    row.emails.all().delete()
    row.active, row.deleted_at, row.updated_at, row.password_before = False, now, now, ""
    row.save(update_fields=["active", "deleted_at", "updated_at", "password_before"])
    _audit(actor, "account.let-go", row.user, {"before": before, "after": None}, now)


@transaction.atomic
def scim_user_adopt(actor: Actor, *, username: str, now: datetime) -> ScimUser:
    """Hand an account that was made here over to the directory, whose person of that name it becomes. Admins only.

    Its local password ends. Conflict for an administrator's account, and for one that is managed already.
    """
    rights_of(actor).require_admin()
    user = User.objects.select_for_update().filter(username=username, service_of=None).first()
    if user is None or username == PLATFORM.username:
        raise NotFound(f"There is no account {username}.")
    row = ScimUser.objects.select_for_update().filter(user=user).first()
    is_managed = row is not None and row.deleted_at is None
    taken = row is None and ScimUser.objects.filter(user_name_key=username.casefold()).exists()
    if problem := hand_over_problem(username, is_managed=is_managed, administers=_administers(user), taken=taken):
        raise Conflict(problem[0], remedy=problem[1])
    row = row or ScimUser(user=user)
    row.key, row.deleted_at, row.created_at = str(uuid4()), None, now
    row.password_before = user.password
    _stored(actor, row, _document_made_here(user), {}, now=now)
    user.set_unusable_password()
    user.save(update_fields=["password"])
    _sessions_ended(user)
    _handed(actor, "account.hand-over", user, managed=True, now=now)
    return row


@transaction.atomic
def scim_users_adopt(actor: Actor, *, usernames: Collection[str], now: datetime) -> int:
    """As ``scim_user_adopt`` for each of them, or for none; how many."""
    rights_of(actor).require_admin()
    if len(usernames) > MOST_HANDED_OVER:
        raise TooLarge(f"At most {MOST_HANDED_OVER} accounts are handed over at once.")
    for username in sorted(usernames):
        scim_user_adopt(actor, username=username, now=now)
    return len(usernames)


@transaction.atomic
def scim_user_release(actor: Actor, *, username: str, now: datetime) -> User:
    """Take an account back from the directory, which then has nobody of that name. Admins only.

    It gets the password again that handing it over ended, if that was lately and the directory has not switched the
    person off since. Roles that only groups of the directory gave end. Conflict when no directory manages it.
    """
    rights_of(actor).require_admin()
    row = ScimUser.objects.select_for_update().filter(user__username=username, deleted_at=None).first()
    if row is None:
        raise Conflict(f"No directory manages {username}.", code="illegal-state")
    row.user = User.objects.select_for_update().get(pk=row.user_id)
    memberships_follow(row.user, source=SOURCE, groups=frozenset(), now=now)
    row.groups.clear()
    row.emails.all().delete()
    if row.password_before and now - row.created_at < PASSWORD_KEPT:
        row.user.password = row.password_before
        row.user.save(update_fields=["password"])
        _sessions_ended(row.user)
    row.password_before, row.deleted_at, row.updated_at = "", now, now
    row.save(update_fields=["password_before", "deleted_at", "updated_at"])
    _handed(actor, "account.hand-back", row.user, managed=False, now=now)
    return row.user


def _document_made_here(user: User) -> Document:
    """What the directory is told of an account that it did not make."""
    document: Document = {"userName": user.username, "active": user.is_active}
    if user.display_name:
        document["displayName"] = user.display_name
    if user.email:
        document["emails"] = [{"value": user.email, "primary": True}]
    return document


def _handed(actor: Actor, action: str, user: User, *, managed: bool, now: datetime) -> None:
    label = (
        f"Hand {user.username} over to the directory" if managed else f"Take {user.username} back from the directory"
    )
    sides = {"before": {"managed": not managed}, "after": {"managed": managed}}
    people_edit_keep(actor, HAND_OVER, user.username, label=label, now=now, **sides)
    _audit(actor, action, user, sides, now)


def document_of(row: ScimUser) -> Document:
    """What the directory has written, all of it and nothing else."""
    known = {"userName": row.user_name, "active": row.active}
    return {**row.document, **known, **({"externalId": row.external_id} if row.external_id else {})}


def follow(row: ScimUser, *, now: datetime) -> None:
    """Give and take memberships as the rules say of the groups the person is in: by name, and by the directory's id."""
    said: set[str] = set()
    for names in row.groups.values_list("display_name", "external_id"):
        said.update(name for name in names if name)
    memberships_follow(row.user, source=SOURCE, groups=frozenset(said), now=now)


def _locked(key: str, expected: int | None) -> ScimUser:
    row = ScimUser.objects.select_for_update().filter(key=key.lower(), deleted_at=None).first()
    if row is None:
        raise NotFound(f"There is no User {key[:40]}.")
    if expected is not None and expected != row.version:
        raise PreconditionFailed("The person was changed since you read it; nothing was stored.")
    row.user = User.objects.select_for_update().get(pk=row.user_id)
    return row


def _account_made(document: Document, now: datetime) -> User:
    """An account that nobody signs in to with a password."""
    name = _free_name(account_name(document["userName"]), document["userName"])
    user = User(username=name, date_joined=now, is_active=document["active"])
    user.set_unusable_password()
    checked(user).save(force_insert=True)
    return user


def _free_name(base: str, user_name: str) -> str:
    """``base``, or with a number behind it where the directory itself has used it for somebody else.

    A name that somebody made here has is refused: who that is, a platform admin says by handing the account over.
    """
    wanted = [base, *(f"{base}-{number}" for number in range(2, MOST_OF_A_NAME))]
    if base.lower() in (PLATFORM.username, NAME):
        wanted = wanted[1:]
    for name in wanted:
        holder = User.objects.select_related("provisioned").filter(username__iexact=name).first()
        if holder is None:
            return name
        if name == base and not hasattr(holder, "provisioned"):
            break
    raise _taken(user_name)


def _taken(user_name: str) -> Conflict:
    return Conflict(
        f"Somebody is called {user_name[:80]} already.",
        code="uniqueness",
        remedy="An account that was made here is handed over to the directory on the page of the person.",
    )


def _changed(actor: Actor, row: ScimUser, document: Document, *, now: datetime) -> ScimUser:
    """Keep ``document``; one that says what is known changes nothing, not even the version."""
    before = document_of(row)
    if document == before:
        return row
    _stored(actor, row, document, before, now=now)
    told = difference(_told(before), _told(document))
    if told["after"]:
        _audit(actor, "account.update", row.user, told, now)
    return row


def _stored(actor: Actor, row: ScimUser, document: Document, before: Document, *, now: datetime) -> None:
    """Keep ``document`` and make the account what it says; ``before`` is empty when the directory knew nobody."""
    row.user_name, row.user_name_key = document["userName"], folded(document["userName"])
    row.external_id, row.display_name = document.get("externalId", ""), document.get("displayName", "")
    row.document = {key: value for key, value in document.items() if key not in ("userName", "active", "externalId")}
    row.active, row.updated_at = document["active"], now
    row.version += 1 if row.pk else 0
    if not row.active:
        row.password_before = ""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise _taken(document["userName"]) from None
    if before.get("emails") != document.get("emails"):
        row.emails.all().delete()
        ScimEmail.objects.bulk_create([_email(row, one) for one in document.get("emails", ())])
    row.user.email, row.user.display_name = account_email(document), shown_name(document)
    row.user.save(update_fields=["email", "display_name"])
    if not row.active and row.user.is_active:
        _switched(actor, row.user, active=False, now=now)
    elif row.active and not row.user.is_active and not before.get("active", False):
        _switched(actor, row.user, active=True, now=now)
        follow(row, now=now)


def _email(row: ScimUser, email: Document) -> ScimEmail:
    kind, primary = email.get("type", "")[:100], email.get("primary", False)
    return ScimEmail(person=row, value=folded(email["value"]), type=kind, primary=primary)


def _switched(actor: Actor, user: User, *, active: bool, now: datetime) -> None:
    """Switch the account on or off. Off, sessions and tokens end at once, and what its teams own is seen to by
    ``provisioning.services.ownership`` where nobody else is in them; roles stay, for when it is on again."""
    if not active and [one.pk for one in admins()[:2]] == [user.pk]:
        raise Conflict(
            f"{user.username} is the last platform admin and is not switched off.",
            code="last-admin",
            remedy="A platform admin makes another one first.",
        )
    user.is_active = active
    user.set_unusable_password()
    user.save(update_fields=["is_active", "password"])
    if not active:
        _sessions_ended(user)
        for token in ApiToken.objects.filter(owner=user, revoked_at=None).select_related("owner").order_by("pk"):
            token_revoke(_platform(actor), token=token, now=now)
    states = {"before": {"active": not active}, "after": {"active": active}}
    _audit(actor, "account.activate" if active else "account.deactivate", user, states, now)


def _sessions_ended(user: User) -> None:
    """Those that are listed; others end too, because a session is bound to the password, which is another one now."""
    keys = list(OpenSession.objects.filter(user=user).values_list("key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    sessions_gone(user.pk)


def _belongs_nowhere(actor: Actor, row: ScimUser, *, now: datetime) -> None:
    memberships_follow(row.user, source=SOURCE, groups=frozenset(), now=now)
    for one in Membership.objects.filter(user=row.user).select_related("team").order_by("team_id"):
        membership_remove(_platform(actor), team=one.team, user=row.user, because="let go by the directory", now=now)
    for name in row.user.groups.order_by("name").values_list("name", flat=True):
        group_member_set(_platform(actor), group=name, username=row.user.username, member=False, now=now)


def _administers(user: User) -> bool:
    return user.is_superuser or user.groups.filter(name=PLATFORM_ADMINS).exists()


def _platform(actor: Actor) -> Actor:
    """The platform, doing what follows from what the directory said."""
    return replace(platform_for(NAME), request_id=actor.request_id, address=actor.address)


def _told(document: Document) -> dict[str, Any]:
    """A person as the log keeps it."""
    return {
        "user_name": document["userName"],
        "external_id": document.get("externalId", ""),
        "display_name": shown_name(document),
        "email": account_email(document),
    }


def _audit(actor: Actor, action: str, user: User, data: Mapping[str, Any], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        data=data,
        now=now,
    )

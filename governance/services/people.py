"""People's accounts and the groups that policies and routes name, as platform admins edit them.

Switching an account off ends what it may at once; its memberships stay, so that switching it on again gives them back.
Lock order: account row, then audit head.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from governance.access import AUDITORS, PLATFORM_ADMINS, admins, rights_of
from governance.domain.audit import difference
from governance.selectors.groups import group_named
from governance.selectors.provisioned import managed
from governance.services.audit import audit_append
from governance.services.people_edits import people_edit_keep
from idp.catalog.models import User
from idp.catalog.names import SLUG_RULE, is_slug
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound, PreconditionFailed

BUILT_IN: Final = (PLATFORM_ADMINS, AUDITORS)


@transaction.atomic
def account_update(
    actor: Actor,
    *,
    username: str,
    email: str | None = None,
    display_name: str | None = None,
    active: bool | None = None,
    expected: Mapping[str, Any] | None = None,
    now: datetime,
) -> User:
    """Change what is not None. Platform admins only; nobody switches themselves or the last admin off.

    ``expected`` is the ``account_state`` that was read; PreconditionFailed when it is another one by now.
    """
    rights_of(actor).require_admin()
    user = User.objects.select_for_update().filter(username=username).exclude(username=PLATFORM.username).first()
    if user is None:
        raise NotFound(f"There is no account {username}.")
    before = account_state(user)
    if expected is not None and before != expected:
        raise PreconditionFailed("The account was changed since you read it; nothing was stored.")
    asked = {"email": email, "display_name": display_name, "active": active}
    after = before | {name: value for name, value in asked.items() if value is not None}
    if after == before:
        return user
    _checked(actor, user, before, after)
    user.email, user.display_name, user.is_active = after["email"], after["display_name"], after["active"]
    user.save(update_fields=["email", "display_name", "is_active"])
    verb = "update" if before["active"] == after["active"] else "activate" if after["active"] else "deactivate"
    people_edit_keep(
        actor, "account", username, label=f"{verb.capitalize()} {username}", before=before, after=after, now=now
    )
    audit_append(
        actor,
        action=f"account.{verb}",
        object_type="account",
        object_id=user.pk,
        object_label=username,
        data=difference(before, after),
        now=now,
    )
    return user


def account_state(user: User) -> dict[str, Any]:
    return {"email": user.email, "display_name": user.display_name, "active": user.is_active}


def _checked(actor: Actor, user: User, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    errors = []
    if len(after["display_name"]) > 120:
        errors.append(FieldError("display_name", "Write at most 120 characters."))
    if after["email"]:
        try:
            validate_email(after["email"])
        except ValidationError:
            errors.append(FieldError("email", "Write an address such as ada@example.com, or nothing."))
    if before["active"] and not after["active"] and user.pk == actor.user_id:
        errors.append(FieldError("active", "Nobody switches their own account off; ask another admin."))
    elif before["active"] and not after["active"] and [one.pk for one in admins()[:2]] == [user.pk]:
        errors.append(FieldError("active", "This is the last platform admin; make another one first."))
    errors += _of_the_directory(user, before, after)
    if errors:
        raise InvalidInput(f"The account was not changed: {errors[0].message}", errors=errors)


def _of_the_directory(user: User, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldError]:
    """What only the directory changes of an account that it manages. Switching one off here stays possible."""
    row = managed(user)
    if row is None:
        return []
    told = "The directory says this and would say it again; change it there."
    errors = [FieldError(name, told) for name in ("display_name", "email") if before[name] != after[name]]
    if after["active"] and not before["active"] and not row.active:
        errors.append(FieldError("active", "The directory switched this person off; switch them on there."))
    return errors


@transaction.atomic
def group_create(actor: Actor, *, name: str, now: datetime) -> Group:
    """Make an empty group that policies and routes may name. Platform admins only."""
    rights_of(actor).require_admin()
    if not is_slug(name):
        raise InvalidInput("The group was not made.", errors=[FieldError("name", SLUG_RULE)])
    group, made = Group.objects.get_or_create(name=name)
    if not made:
        raise Conflict(f"There is a group {name} already.", code="exists", remedy="Add its members there.")
    _keep_whole(actor, f"Make group {name}", name, before=None, after=[], now=now)
    _audit(actor, "group.create", group, {"before": None, "after": []}, now=now)
    return group


@transaction.atomic
def group_delete(actor: Actor, *, name: str, expected: Collection[str] | None = None, now: datetime) -> None:
    """End a group with its members. Platform admins only; Conflict where a policy, a route or an approval names it.

    ``expected`` are the names of the members that were read; PreconditionFailed when they are others by now.
    """
    rights_of(actor).require_admin()
    row = Group.objects.select_for_update().filter(name=name).exclude(name__startswith="team:").first()
    if row is None:
        raise NotFound(f"There is no group {name}.")
    members = group_members(row.name)
    if expected is not None and sorted(expected) != members:
        raise PreconditionFailed("Its members were changed since you read them; nothing was deleted.")
    _require_unnamed(name)
    _keep_whole(actor, f"Delete group {name}", name, before=members, after=None, now=now)
    _audit(actor, "group.delete", row, {"before": members, "after": None}, now=now)
    row.delete()


def group_members(name: str) -> list[str]:
    """Names of everybody in a group, switched off or not, in order."""
    return list(User.objects.filter(groups__name=name).order_by("username").values_list("username", flat=True))


def _require_unnamed(name: str) -> None:
    if name in BUILT_IN:
        raise Conflict(f"The platform itself needs the group {name}.", code="illegal-state")
    named = group_named(name)
    if named.policies or named.routes:
        asking = ", ".join(title for _, title in (*named.policies, *named.routes))
        raise Conflict(
            f"The group {name} is asked to agree by {asking}.",
            code="illegal-state",
            remedy="Let them ask somebody else first.",
        )
    if named.waiting:
        told = f"{named.waiting} open decisions wait for the group {name}."
        raise Conflict(told, code="illegal-state", remedy="Let them be decided or cancelled first.")


def _keep_whole(
    actor: Actor, label: str, name: str, *, before: list[str] | None, after: list[str] | None, now: datetime
) -> None:
    """The making or the end of a group, with its members; None where it does not exist."""
    people_edit_keep(
        actor, "whole-group", name, label=label, before={"members": before}, after={"members": after}, now=now
    )


@transaction.atomic
def group_member_set(actor: Actor, *, group: str, username: str, member: bool, now: datetime) -> None:
    """Put an account into a group, or take it out. Platform admins only; roles of teams are set on the team."""
    rights_of(actor).require_admin()
    row = Group.objects.select_for_update().filter(name=group).exclude(name__startswith="team:").first()
    user = User.objects.filter(username=username).first()
    if row is None or user is None:
        raise NotFound(f"There is no group {group}." if row is None else f"There is no account {username}.")
    if user.is_service and member:
        raise InvalidInput("A service account is in no group: people decide.", errors=[FieldError("user", "A person.")])
    if member and not user.is_active:
        told = f"The account {username} is switched off."
        raise InvalidInput(told, errors=[FieldError("user", told)])
    before = user.groups.filter(pk=row.pk).exists()
    if before == member:
        return
    if not member and group == PLATFORM_ADMINS and [one.pk for one in admins()[:2]] == [user.pk]:
        raise Conflict(f"{username} is the last platform admin.", remedy="Add another one first.")
    (user.groups.add if member else user.groups.remove)(row)
    label = f"{'Add' if member else 'Take'} {username} {'to' if member else 'out of'} {group}"
    people_edit_keep(
        actor, "group", f"{group}/{username}", label=label, before={"member": before}, after={"member": member}, now=now
    )
    data = {"user": username, "before": {"member": before}, "after": {"member": member}}
    _audit(actor, "group.add" if member else "group.remove", row, data, now=now)


def _audit(actor: Actor, action: str, group: Group, data: Mapping[str, Any], *, now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="group",
        object_id=group.pk,
        object_label=group.name,
        data=data,
        now=now,
    )

"""Teams and who is in them.

A role is the membership of a Django group ``team:<slug>:<role>`` that holds django-guardian permissions on the team;
the groups are made with the team. The Membership row is what people read, the group is what ``governance.access``
asks, and both change here only, under the team's row lock. Lock order: team row, then audit head.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm

from governance.access import ROLE_PERMISSIONS, rights_of, role_group
from governance.domain.ownership import is_ring
from governance.services.audit import audit_append
from governance.services.people_edits import people_edit_keep
from governance.services.quota_limits import quota_open
from governance.services.transactions import checked, require_version
from idp.catalog.models import Membership, System, Team, User
from idp.catalog.names import ROLES
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput, NotFound

FIRST_LIMITS: Mapping[str, Decimal | int] = {
    "cpu": Decimal(8),
    "memory_gib": Decimal(16),
    "storage_gib": Decimal(100),
    "environments": 6,
}
"""What a new team may use until an admin sets its quota: about three small environments."""


@transaction.atomic
def team_create(actor: Actor, *, slug: str, name: str, description: str = "", now: datetime) -> Team:
    """Make a team with its roles and a first quota. Admins only; InvalidInput for a slug that is taken or wrong."""
    rights_of(actor).require_admin()
    team = checked(Team(slug=slug, name=name, description=description, created_at=now))
    team.save(force_insert=True)
    _grant_roles(team)
    quota_open(actor, team=team, limits=FIRST_LIMITS, now=now)
    _audit(actor, "team.create", team, {"before": None, "after": team_state(team)}, now)
    return team


@transaction.atomic
def team_update(
    actor: Actor,
    *,
    team: Team,
    name: str | None = None,
    description: str | None = None,
    parent: str | None = None,
    archived: bool | None = None,
    expected_version: int | None = None,
    now: datetime,
) -> Team:
    """Change what is not None. The slug never changes: it is part of names outside. Maintainers and admins.

    ``parent`` is the slug of the team above, empty for none, and ``archived`` ends the team: admins only. A team that
    owns systems is not archived; they are transferred first.
    """
    rights = rights_of(actor)
    rights.require_manage(team)
    team = Team.objects.select_for_update(of=("self",)).select_related("parent").get(pk=team.pk)
    require_version(team, team.version, expected_version)
    before = team_state(team)
    asked = {"name": name, "description": description, "parent": parent, "archived": archived}
    after = before | {field: value for field, value in asked.items() if value is not None}
    if after == before:
        return team
    if (after["parent"], after["archived"]) != (before["parent"], before["archived"]):
        rights.require_admin()
        _place(team, before, after, now=now)
    team.name, team.description = after["name"], after["description"]
    team.version += 1
    checked(team).save(update_fields=["name", "description", "parent", "archived_at", "version"])
    people_edit_keep(actor, "team", team.slug, label=f"Edit team {team.slug}", before=before, after=after, now=now)
    _audit(actor, "team.update", team, {"before": before, "after": after}, now)
    return team


def team_state(team: Team) -> dict[str, Any]:
    """What an edit of a team may change; needs ``parent`` joined."""
    return {
        "name": team.name,
        "description": team.description,
        "parent": team.parent.slug if team.parent else "",
        "archived": team.archived_at is not None,
    }


def _place(team: Team, before: Mapping[str, Any], after: Mapping[str, Any], *, now: datetime) -> None:
    """Put the team below its parent, or end it; InvalidInput and Conflict say why not."""
    if after["parent"] != before["parent"]:
        above = Team.objects.filter(slug=after["parent"]).first() if after["parent"] else None
        wrong = ""
        if after["parent"] and (above is None or above.archived_at is not None):
            wrong = f"There is no team “{after['parent']}”."
        elif above is not None and is_ring(team.pk, above.pk, dict(Team.objects.values_list("pk", "parent_id"))):
            wrong = f"{above.slug} stands below {team.slug} itself; choose another."
        if wrong:
            raise InvalidInput(wrong, errors=[FieldError("parent", wrong)])
        team.parent = above
    if after["archived"] != before["archived"]:
        owned = list(System.objects.filter(team=team).order_by("slug").values_list("slug", flat=True)[:3])
        if after["archived"] and owned:
            raise Conflict(
                f"Team {team.slug} still owns {', '.join(owned)}.", remedy="Transfer its systems to another team first."
            )
        team.archived_at = now if after["archived"] else None


@transaction.atomic
def membership_set(actor: Actor, *, team: Team, user: User, role: str, because: str = "", now: datetime) -> Membership:
    """Give ``user`` exactly this role in ``team``. Maintainers of the team and admins.

    A service account belongs to one team, and never approves: people do. ``because`` names a rule that gave it; then
    there is nothing to take back but the rule.
    """
    rights_of(actor).require_manage(team)
    role_checked(team, user, role)
    team = Team.objects.select_for_update().get(pk=team.pk)
    membership = Membership.objects.filter(team=team, user=user).first()
    before = membership.role if membership else None
    if membership is not None and before == role:
        return membership
    if membership is None:
        membership = Membership.objects.create(team=team, user=user, role=role, created_at=now)
    else:
        Membership.objects.filter(pk=membership.pk).update(role=role)
        membership.role = role
    _leave_groups(team, user)
    user.groups.add(Group.objects.get(name=role_group(team.slug, role)))
    _moved(actor, "membership.set", team, user, before, role, because, now)
    return membership


@transaction.atomic
def membership_remove(actor: Actor, *, team: Team, user: User, because: str = "", now: datetime) -> None:
    """Take ``user`` out of ``team``; what they could do there ends at once. ``because`` as when it is set."""
    rights_of(actor).require_manage(team)
    team = Team.objects.select_for_update().get(pk=team.pk)
    membership = Membership.objects.filter(team=team, user=user).first()
    if membership is None:
        raise NotFound(f"{user.username} is not a member of team {team.slug}.")
    membership.delete()
    _leave_groups(team, user)
    _moved(actor, "membership.remove", team, user, membership.role, None, because, now)


def _moved(
    actor: Actor,
    action: str,
    team: Team,
    user: User,
    before: str | None,
    after: str | None,
    because: str,
    now: datetime,
) -> None:
    """Keep what a person did for taking it back, and say in the log what was done."""
    data: dict[str, object] = {"user": user.username, "before": before, "after": after}
    if because:
        data["because"] = because
    else:
        _keep(actor, team, user, before, after, now=now)
    _audit(actor, action, team, data, now)


def _keep(actor: Actor, team: Team, user: User, before: str | None, after: str | None, *, now: datetime) -> None:
    label = f"{user.username} is {after} of {team.slug}" if after else f"Take {user.username} out of {team.slug}"
    key = f"{team.slug}/{user.username}"
    people_edit_keep(actor, "membership", key, label=label, before={"role": before}, after={"role": after}, now=now)


def role_checked(team: Team, user: User, role: str) -> None:
    """InvalidInput where nobody may give this account that role, with the field that is wrong."""
    if role not in ROLES:
        message = f"A role is one of {', '.join(ROLES)}."
    elif team.archived_at is not None:
        message = f"Team {team.slug} is archived; it takes nobody new."
    elif not user.is_active:
        message = f"The account {user.username} is switched off."
    elif user.is_service and user.service_of_id != team.pk:
        message = f"{user.username} is a service account of another team; make one for team {team.slug}."
    elif user.is_service and role == "maintainer":
        message = "A service account can be viewer or developer: people approve."
    else:
        return
    raise InvalidInput(message, errors=[FieldError("role" if user.is_active else "user", message)])


def _grant_roles(team: Team) -> None:
    for role, codenames in ROLE_PERMISSIONS.items():
        group, _ = Group.objects.get_or_create(name=role_group(team.slug, role))
        for codename in codenames:
            assign_perm(codename, group, team)


def _leave_groups(team: Team, user: User) -> None:
    user.groups.remove(*Group.objects.filter(name__in=[role_group(team.slug, role) for role in ROLES]))


def _audit(actor: Actor, action: str, team: Team, data: dict[str, object], now: datetime) -> None:
    audit_append(
        actor,
        action=action,
        object_type="team",
        object_id=team.pk,
        object_label=team.slug,
        team_slug=team.slug,
        data=data,
        now=now,
    )

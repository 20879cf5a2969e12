"""Takes an edit of teams, people or groups back, by asking their own service for what was before.

Refused when the thing was edited since: then the later edit has to be taken back first. What is taken back is itself an
edit, so that it can be done again. Locks what the service locks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db import transaction

from governance.access import rights_of
from governance.domain.group_rule import Rule
from governance.domain.local_sign_in import LocalRule
from governance.models import PeopleEdit, ScimUser
from governance.selectors.local_sign_in import local_rule
from governance.selectors.second_factors import required_of
from governance.services.audit import audit_append
from governance.services.group_rules import group_rule_remove, group_rule_role, group_rule_set
from governance.services.local_sign_in import local_sign_in_set, rule_state
from governance.services.people import (
    account_state,
    account_update,
    group_create,
    group_delete,
    group_member_set,
    group_members,
)
from governance.services.scim_users import HAND_OVER, scim_user_adopt, scim_user_release
from governance.services.second_factor_rule import second_factor_require
from governance.services.teams import membership_remove, membership_set, team_state, team_update
from idp.catalog.models import Membership, Team, User
from idp.kernel.actor import Actor
from idp.kernel.errors import Conflict, NotFound

State = Mapping[str, Any]


@transaction.atomic
def people_edit_undo(actor: Actor, edit_id: int, *, now: datetime) -> PeopleEdit:
    """Set again what was before; Conflict when it is not what the edit left any more.

    Platform admins; a role in a team also the maintainers of that team, who may give it.
    """
    rights = rights_of(actor)
    row = PeopleEdit.objects.select_for_update().filter(pk=edit_id).first()
    team = Team.objects.filter(slug=row.key.partition("/")[0]).first() if row and row.kind == "membership" else None
    if team is None:
        rights.require_admin()
    else:
        rights.require_manage(team)
    if row is None:
        raise NotFound("There is no such edit.")
    if row.undone_at is not None:
        raise Conflict(f"{row.undone_by} took it back already.", code="illegal-state")
    now_is, set_again = UNDO[row.kind]
    if now_is(row.key) != row.after:
        raise Conflict("It was edited since.", remedy="Take the later edit back first.")
    set_again(actor, row.key, row.before, now)
    row.undone_by, row.undone_at = actor.username, now
    row.save(update_fields=["undone_by", "undone_at"])
    audit_append(
        actor,
        action="edit.take-back",
        object_type=row.kind,
        object_id=row.key,
        object_label=row.label,
        data={"before": row.after, "after": row.before},
        now=now,
    )
    return row


def _account(key: str) -> State | None:
    user = User.objects.filter(username=key).first()
    return account_state(user) if user else None


def _account_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    account_update(actor, username=key, now=now, **state)


def _group(key: str) -> State:
    group, _, username = key.partition("/")
    return {"member": User.objects.filter(username=username, groups__name=group).exists()}


def _group_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    group, _, username = key.partition("/")
    group_member_set(actor, group=group, username=username, member=state["member"], now=now)


def _whole_group(key: str) -> State:
    return {"members": group_members(key) if Group.objects.filter(name=key).exists() else None}


def _whole_group_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    if state["members"] is None:
        group_delete(actor, name=key, now=now)
        return
    group_create(actor, name=key, now=now)
    able = User.objects.filter(username__in=state["members"], is_active=True, service_of=None)
    for username in able.order_by("username").values_list("username", flat=True):
        group_member_set(actor, group=key, username=username, member=True, now=now)


def _team(key: str) -> State | None:
    team = Team.objects.select_related("parent").filter(slug=key).first()
    return team_state(team) if team else None


def _team_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    team_update(actor, team=Team.objects.get(slug=key), now=now, **state)


def _membership(key: str) -> State:
    team, _, username = key.partition("/")
    rows = Membership.objects.filter(team__slug=team, user__username=username)
    return {"role": rows.values_list("role", flat=True).first()}


def _membership_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    slug, _, username = key.partition("/")
    team, user = Team.objects.get(slug=slug), User.objects.get(username=username)
    if state["role"] is None:
        membership_remove(actor, team=team, user=user, now=now)
    else:
        membership_set(actor, team=team, user=user, role=state["role"], now=now)


def _group_rule(key: str) -> State:
    return {"role": group_rule_role(Rule.named(key))}


def _group_rule_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    rule = Rule.named(key, state["role"])
    if rule.role:
        group_rule_set(actor, rule, now=now)
    else:
        group_rule_remove(actor, rule, now=now)


def _required(_: str) -> State:
    return {"required_of": required_of()}


def _required_again(actor: Actor, _: str, state: State, now: datetime) -> None:
    second_factor_require(actor, of=state["required_of"], now=now)


def _local(_: str) -> State:
    return rule_state(local_rule())


def _local_again(actor: Actor, _: str, state: State, now: datetime) -> None:
    local_sign_in_set(actor, LocalRule(state["open_to"], tuple(state["keepers"])), now=now)


def _handed_over(key: str) -> State:
    return {"managed": ScimUser.objects.filter(user__username=key, deleted_at=None).exists()}


def _handed_over_again(actor: Actor, key: str, state: State, now: datetime) -> None:
    (scim_user_adopt if state["managed"] else scim_user_release)(actor, username=key, now=now)


UNDO: Final[Mapping[str, tuple[Callable[[str], State | None], Callable[[Actor, str, State, datetime], None]]]] = {
    "account": (_account, _account_again),
    "group": (_group, _group_again),
    "whole-group": (_whole_group, _whole_group_again),
    "team": (_team, _team_again),
    "membership": (_membership, _membership_again),
    "second-factor": (_required, _required_again),
    "local-sign-in": (_local, _local_again),
    "group-rule": (_group_rule, _group_rule_again),
    HAND_OVER: (_handed_over, _handed_over_again),
}

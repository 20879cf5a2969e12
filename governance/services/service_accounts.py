"""Service accounts: what a program signs its work with. One belongs to a team, and nobody signs in with it.

Tokens are made for it by ``governance.services.tokens``. Sources of files in Git have accounts of their own, which ask
for what a commit says and for nothing else: no token and no pipeline ever acts as one of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.transactions import checked
from idp.catalog.models import Team, User
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput

FOR_GIT: Final = "git-"
"""How the names of accounts begin that belong to a source of files in Git."""


@transaction.atomic
def service_account_create(actor: Actor, *, team: Team, username: str, for_git: bool = False, now: datetime) -> User:
    """The account ``username`` of a team, made when it is not there; maintainers of the team and admins.

    Conflict when a person or another team has the name. ``for_git``: a source of files in Git asks for its own, whose
    names are nobody else's.
    """
    rights_of(actor).require_manage(team)
    if username.lower().startswith(FOR_GIT) and not for_git:
        raise _invalid(f"Names that begin with “{FOR_GIT}” belong to files in Git; choose another.")
    found = User.objects.filter(username=username).first()
    if found is not None and found.service_of_id == team.pk:
        return found
    if found is not None:
        raise Conflict(f"“{username}” is somebody else's name; choose another.", code="exists")
    if username.lower() == PLATFORM.username:
        raise _invalid(f"“{username}” is the platform's own name; choose another.")
    user = User(username=username, service_of=team, date_joined=now)
    user.set_unusable_password()
    checked(user).save(force_insert=True)
    audit_append(
        actor,
        action="account.create",
        object_type="account",
        object_id=user.pk,
        object_label=user.username,
        team_slug=team.slug,
        data={"before": None, "after": {"service_of": team.slug}},
        now=now,
    )
    return user


def belongs_to_git(account: User) -> bool:
    """Whether a source of files in Git asks as this account, so that no program may."""
    return account.is_service and account.username.lower().startswith(FOR_GIT)


def _invalid(message: str) -> InvalidInput:
    return InvalidInput(message, errors=[FieldError("username", message)])

"""Service accounts: what a program signs its work with. One belongs to a team, and nobody signs in with it.

Called by ``manage.py slipway_token --service-of``; tokens are made for it by ``governance.services.tokens``.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from governance.access import rights_of
from governance.services.audit import audit_append
from governance.services.transactions import checked
from idp.catalog.models import Team, User
from idp.kernel.actor import PLATFORM, Actor
from idp.kernel.errors import Conflict, FieldError, InvalidInput


@transaction.atomic
def service_account_create(actor: Actor, *, team: Team, username: str, now: datetime) -> User:
    """The account ``username`` of a team, made when it is not there; maintainers of the team and admins.

    Conflict when a person or another team has the name.
    """
    rights_of(actor).require_manage(team)
    found = User.objects.filter(username=username).first()
    if found is not None and found.service_of_id == team.pk:
        return found
    if found is not None:
        raise Conflict(f"“{username}” is somebody else's name; choose another.", code="exists")
    if username.lower() == PLATFORM.username:
        message = f"“{username}” is the platform's own name; choose another."
        raise InvalidInput(message, errors=[FieldError("username", message)])
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

"""Who is meant by “the team” and “whoever may decide”. For services that tell people something."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.contenttypes.models import ContentType
from django.db.models import CharField, Count, Exists, Q, QuerySet
from django.db.models.functions import Cast
from guardian.models import GroupObjectPermission

from governance.access import APPROVE_CHANGE, PLATFORM_ADMINS
from governance.models import Approval
from idp.catalog.models import Team, User


def team_people(team_id: int, *, roles: Collection[str] = ("developer", "maintainer")) -> list[int]:
    """Ids of active people who have one of ``roles`` in the team, service accounts left out. One query."""
    people = User.objects.filter(
        is_active=True, service_of=None, memberships__team_id=team_id, memberships__role__in=list(roles)
    )
    return list(people.order_by("pk").values_list("pk", flat=True))


def deciders(change_id: int, plan_digest: str) -> QuerySet[User]:
    """People who may give an approval that waits on this plan; a sub-query for ``notice_people``.

    Platform admins may decide for every team; they are among them where a team has fewer than two maintainers.
    """
    waiting = Approval.objects.filter(change_id=change_id, plan_digest=plan_digest, state="waiting")
    teams = waiting.filter(group_name="").exclude(team=None)
    approving = GroupObjectPermission.objects.filter(
        content_type=ContentType.objects.get_for_model(Team),
        permission__codename=APPROVE_CHANGE,
        object_pk__in=teams.annotate(pk_text=Cast("team_id", CharField())).order_by().values("pk_text"),
    )
    named = waiting.exclude(group_name="").values("group_name")
    admin = Q(is_superuser=True) | Q(groups__name=PLATFORM_ADMINS)
    return User.objects.filter(
        Q(groups__in=approving.order_by().values("group_id"))
        | Q(groups__name__in=named)
        | (admin & Exists(waiting.filter(team__in=_short_of_maintainers()))),
        is_active=True,
    ).distinct()


def _short_of_maintainers() -> QuerySet[Team, int]:
    alone = Count("memberships", filter=Q(memberships__role="maintainer", memberships__user__is_active=True))
    teams = Team.objects.annotate(maintainers=alone).filter(maintainers__lt=2)
    return teams.order_by().values_list("pk", flat=True)

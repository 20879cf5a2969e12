"""Who is meant by “the team” and “whoever may decide”. For services that tell people something."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import CharField, Count, Exists, Q, QuerySet
from django.db.models.functions import Cast
from guardian.models import GroupObjectPermission

from governance.access import APPROVE_CHANGE, PLATFORM_ADMINS
from governance.models import Approval, Delegation
from idp.catalog.models import Team, User


def team_people(team_id: int, *, roles: Collection[str] = ("developer", "maintainer")) -> list[int]:
    """Ids of active people who have one of ``roles`` in the team, service accounts left out. One query."""
    people = User.objects.filter(
        is_active=True, service_of=None, memberships__team_id=team_id, memberships__role__in=list(roles)
    )
    return list(people.order_by("pk").values_list("pk", flat=True))


def deciders(change_id: int, plan_digest: str, *, now: datetime) -> QuerySet[User]:
    """People who may give an approval that waits on this plan; a sub-query for ``notice_people``.

    Platform admins may decide for every team; they are among them where a team has fewer than two maintainers. Who
    stands in for one of them ``now`` is among them too, and so are those who may since it has waited too long.
    """
    waiting = Approval.objects.filter(change_id=change_id, plan_digest=plan_digest, state="waiting")
    asked = _asked(waiting)
    standing = Delegation.objects.filter(starts_at__lte=now, ends_at__gt=now, withdrawn_at=None)
    lent = standing.filter(person__in=asked.order_by().values("pk")).order_by().values("stand_in")
    return User.objects.filter(Q(pk__in=asked.order_by().values("pk")) | Q(pk__in=lent), is_active=True)


def _asked(waiting: QuerySet[Approval]) -> QuerySet[User]:
    late = waiting.exclude(escalated_at=None)
    teams = waiting.filter(group_name="").exclude(team=None)
    approving = GroupObjectPermission.objects.filter(
        _of_teams(teams, "team_id") | _of_teams(late.exclude(next_team=None), "next_team_id"),
        content_type__app_label=Team._meta.app_label,
        content_type__model=Team._meta.model_name,
        permission__codename=APPROVE_CHANGE,
    )
    admin = Q(is_superuser=True) | Q(groups__name=PLATFORM_ADMINS)
    to_admins = waiting.filter(Q(group_name=PLATFORM_ADMINS) | Q(team__in=_short_of_maintainers()))
    return User.objects.filter(
        Q(groups__in=approving.order_by().values("group_id"))
        | Q(groups__name__in=waiting.exclude(group_name="").order_by().values("group_name"))
        | Q(groups__name__in=late.exclude(next_group="").order_by().values("next_group"))
        | Q(pk__in=Approval.people.through.objects.filter(approval__in=waiting).order_by().values("user_id"))
        | (admin & Exists(to_admins)),
        is_active=True,
    ).distinct()


def _of_teams(approvals: QuerySet[Approval], field: str) -> Q:
    return Q(object_pk__in=approvals.annotate(key=Cast(field, CharField())).order_by().values("key"))


def _short_of_maintainers() -> QuerySet[Team, int]:
    alone = Count("memberships", filter=Q(memberships__role="maintainer", memberships__user__is_active=True))
    teams = Team.objects.annotate(maintainers=alone).filter(maintainers__lt=2)
    return teams.order_by().values_list("pk", flat=True)

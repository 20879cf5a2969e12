"""Who is managed by a directory through SCIM, and what its administrators look at. For services and faces."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet

from governance.access import PLATFORM_ADMINS
from governance.domain.scim_schema import folded
from governance.models import ScimGroup, ScimRefusal, ScimToken, ScimUser
from idp.catalog.models import User

WARNED: Final = timedelta(days=14)
"""How long before the end of the last token the page warns of it."""
REFUSALS_SHOWN: Final = 20


def provisioned_person(name: str) -> User | None:
    """The account whose ``userName``, or else whose only ``externalId``, is ``name``; it may be switched off.

    At most two queries.
    """
    rows = ScimUser.objects.filter(deleted_at=None).select_related("user")
    row = rows.filter(user_name_key=folded(name)).first() if name else None
    if row is None and name:
        found = list(rows.filter(external_id=name)[:2])
        row = found[0] if len(found) == 1 else None
    return row.user if row else None


def managed(user: User) -> ScimUser | None:
    """What the directory says of an account; None when no directory manages it."""
    return ScimUser.objects.filter(user=user, deleted_at=None).first()


def may_be_handed_over(user: User, now: datetime) -> bool:
    """Whether an account that was made here may become the directory's: there is one, and it is no admin's."""
    if user.is_superuser or not ScimToken.objects.filter(revoked_at=None, expires_at__gt=now).exists():
        return False
    return managed(user) is None and not user.groups.filter(name=PLATFORM_ADMINS).exists()


def managed_among(user_ids: Iterable[int]) -> frozenset[int]:
    """Which of these accounts a directory manages. One query."""
    rows = ScimUser.objects.filter(user__in=list(user_ids), deleted_at=None)
    return frozenset(rows.values_list("user_id", flat=True))


def tokens_alive(now: datetime) -> list[ScimToken]:
    """Tokens that open SCIM now, the newest first."""
    return list(ScimToken.objects.filter(revoked_at=None, expires_at__gt=now))


def last_call() -> datetime | None:
    """When the directory came last with a valid token, to the minute."""
    rows = ScimToken.objects.exclude(last_used_at=None).order_by("-last_used_at")
    return rows.values_list("last_used_at", flat=True).first()


def groups_count() -> int:
    return ScimGroup.objects.count()


def people_counts() -> tuple[int, int]:
    """How many people are managed, and how many of their accounts are switched off. One query."""
    counts = ScimUser.objects.filter(deleted_at=None).aggregate(
        all=Count("pk"), off=Count("pk", filter=Q(user__is_active=False))
    )
    return counts["all"], counts["off"]


def groups_counted() -> QuerySet[ScimGroup]:
    """The groups of the directory, by name, each with ``people``."""
    return ScimGroup.objects.annotate(people=Count("members", filter=Q(members__deleted_at=None))).order_by(
        "display_name_key"
    )


def refusals_recent() -> list[ScimRefusal]:
    return list(ScimRefusal.objects.all()[:REFUSALS_SHOWN])

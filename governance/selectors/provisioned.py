"""Who is managed by a directory through SCIM, and what its administrators look at. For services and faces."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, Exists, Q, QuerySet

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


def with_directory(rows: QuerySet[User], now: datetime) -> QuerySet[User]:
    """``rows`` with what ``managed_of`` and ``may_be_handed_over`` ask, in the same query."""
    alive = ScimToken.objects.filter(revoked_at=None, expires_at__gt=now)
    return rows.select_related("provisioned").annotate(directory_open=Exists(alive))


def managed_of(user: User) -> ScimUser | None:
    """As ``managed``, of an account that ``with_directory`` read. No query."""
    row: ScimUser | None = getattr(user, "provisioned", None)
    return row if row is not None and row.deleted_at is None else None


def may_be_handed_over(user: User, groups: Iterable[str]) -> bool:
    """Whether an account that was made here may become the directory's: there is one, and it is no admin's.

    ``groups`` are the names of its groups. No query.
    """
    is_open: bool = user.directory_open  # type: ignore[attr-defined]  # annotated by with_directory
    return is_open and managed_of(user) is None and not user.is_superuser and PLATFORM_ADMINS not in groups


def hand_over_problem(username: str, *, is_managed: bool, administers: bool, taken: bool) -> tuple[str, str] | None:
    """Why an account is not handed over to the directory, and what to do; None when it may be.

    ``taken``: the directory calls somebody else by this name.
    """
    if is_managed:
        return f"{username} is managed by the directory already.", ""
    if administers:
        told = f"{username} is a platform admin, and those keep their own account here."
        return told, "They need a way in when the directory is away. Take them out of the group first."
    if taken:
        return f"The directory has somebody else called {username}.", ""
    return None


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

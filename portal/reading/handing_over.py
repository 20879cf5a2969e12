"""What handing accounts over to the directory means for each of them, as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, QuerySet

from governance.access import PLATFORM_ADMINS, admins
from governance.models import ExternalIdentity, ScimUser, SignInProvider
from governance.selectors import provisioned
from idp.catalog.models import User
from provisioning.selectors.people import people


@dataclass(frozen=True, slots=True)
class One:
    """An account that is to be handed over. ``ways`` are providers through which the person has come."""

    username: str
    display_name: str
    why_not: str
    sessions: int
    has_password: bool
    ways: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """``able`` are the names of those who can be handed over; ``found_by`` a provider that finds people of SCIM."""

    people: list[One]
    able: list[str]
    is_open: bool
    found_by: str

    @property
    def outside(self) -> list[str]:
        """Who has come through no provider yet, among those who can be handed over."""
        return [one.username for one in self.people if not one.why_not and not one.ways]

    @property
    def sessions(self) -> int:
        return sum(one.sessions for one in self.people if not one.why_not)


def candidates(query: str) -> QuerySet[User]:
    """Accounts that may be handed over, by name."""
    managed = ScimUser.objects.filter(deleted_at=None).values("user")
    return people(query).exclude(pk__in=managed).exclude(pk__in=admins().order_by().values("pk"))


def handed_over(names: Sequence[str], now: datetime) -> Looked:
    """Seven queries, however many there are. Names of nobody are left out."""
    rows = people().filter(username__in=names).select_related("provisioned").prefetch_related("groups")
    rows = rows.annotate(sessions=Count("open_sessions", distinct=True))
    users = list(rows)
    ways = _ways(users)
    strange = set(
        ScimUser.objects.filter(user_name_key__in=[one.username.casefold() for one in users])
        .exclude(user__in=users)
        .values_list("user_name_key", flat=True)
    )
    found = [_one(user, ways.get(user.pk, ()), strange) for user in users]
    linking = SignInProvider.objects.filter(active=True).exclude(link_claim="").first()
    return Looked(
        people=found,
        able=[one.username for one in found if not one.why_not],
        is_open=bool(provisioned.tokens_alive(now)),
        found_by=linking.title if linking else "",
    )


def _one(user: User, ways: tuple[str, ...], strange: set[str]) -> One:
    names = {group.name for group in user.groups.all()}
    problem = provisioned.hand_over_problem(
        user.username,
        is_managed=provisioned.managed_of(user) is not None,
        administers=user.is_superuser or PLATFORM_ADMINS in names,
        taken=user.username.casefold() in strange,
    )
    return One(
        username=user.username,
        display_name=user.display_name,
        why_not=f"{problem[0]} {problem[1]}".strip() if problem else "",
        sessions=user.sessions,  # type: ignore[attr-defined]  # annotated by handed_over
        has_password=user.has_usable_password(),
        ways=ways,
    )


def _ways(users: Sequence[User]) -> dict[int, tuple[str, ...]]:
    titles = dict(SignInProvider.objects.filter(active=True).values_list("issuer", "title"))
    found: dict[int, tuple[str, ...]] = {}
    known = ExternalIdentity.objects.filter(user__in=users, issuer__in=titles).values_list("user_id", "issuer")
    for user, issuer in known:
        found[user] = (*found.get(user, ()), titles[issuer])
    return found

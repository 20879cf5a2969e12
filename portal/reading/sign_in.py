"""Ways to sign in besides a password, as the page of signing in and a person's account show them."""

from __future__ import annotations

from dataclasses import dataclass

from governance.models import ExternalIdentity, SignInProvider

MOST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Way:
    """A provider, and the identity there by which the person comes in, if they have one."""

    title: str
    name: str
    issuer: str
    identity: ExternalIdentity | None


def ways_in() -> list[SignInProvider]:
    """Providers that are switched on, by title. One query."""
    return list(SignInProvider.objects.filter(active=True).only("name", "title")[:MOST_SHOWN])


def own_ways(user_id: int) -> list[Way]:
    """Providers that are switched on, and any other by which the person came. Two queries."""
    own = {one.issuer: one for one in ExternalIdentity.objects.filter(user=user_id)}
    ways = [
        Way(row.title, row.name, row.issuer, own.pop(row.issuer, None))
        for row in SignInProvider.objects.filter(active=True)[:MOST_SHOWN]
    ]
    return ways + [Way(issuer, "", issuer, one) for issuer, one in own.items()]

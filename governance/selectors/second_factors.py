"""Who has a second factor, and of whom one is required. For sign-in, the account page and administration."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from governance.access import PLATFORM_ADMINS
from governance.domain.second_factor import ADMINS, EVERYBODY, NOBODY, Factors, is_required
from governance.models import AuthenticatorApp, Passkey, SecondFactorRule
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM

_UNUSABLE: Final = Q(("password__startswith", UNUSABLE_PASSWORD_PREFIX))


def factors_of(user_id: int) -> Factors:
    """What a person has. One query."""
    found = (
        User.objects.filter(pk=user_id)
        .annotate(
            app=Exists(AuthenticatorApp.objects.filter(user=OuterRef("pk"))),
            keys=Count("passkeys", distinct=True),
            codes=Count("recovery_codes", filter=Q(recovery_codes__used_at=None), distinct=True),
        )
        .values_list("app", "keys", "codes")
        .first()
    )
    return Factors(*found) if found else Factors()


def required_of() -> str:
    """The rule of the installation; nobody, when none was ever set. One query."""
    found = SecondFactorRule.objects.values_list("required_of", flat=True).first()
    return str(found or NOBODY)


def is_asked(user: User) -> bool:
    """Whether the rule asks this person for a second factor. Two queries at most."""
    rule = required_of()
    is_admin = rule == ADMINS and (user.is_superuser or user.groups.filter(name=PLATFORM_ADMINS).exists())
    return is_required(rule, is_admin=is_admin)


def passkeys_of(user_id: int) -> list[Passkey]:
    return list(Passkey.objects.filter(user=user_id).defer("public").order_by("pk"))


def with_factors(rows: QuerySet[User]) -> QuerySet[User]:
    """``rows`` with ``has_app`` and ``passkeys_count``, for lists of people."""
    keys = Passkey.objects.filter(user=OuterRef("pk")).order_by().values("user").annotate(number=Count("pk"))
    return rows.annotate(
        has_app=Exists(AuthenticatorApp.objects.filter(user=OuterRef("pk"))),
        passkeys_count=Coalesce(keys.values("number"), 0),
    )


def without_factor(rule: str) -> QuerySet[User]:
    """People with a password of their own whom ``rule`` asks for a second factor and who have none, by name.

    Those whom another provider signs in are not among them: it is the provider that asks them.
    """
    return _asked(rule).filter(
        ~Exists(AuthenticatorApp.objects.filter(user=OuterRef("pk"))),
        ~Exists(Passkey.objects.filter(user=OuterRef("pk"))),
    )


def asked_count(rule: str) -> int:
    """How many people ``rule`` asks."""
    return _asked(rule).count()


def _asked(rule: str) -> QuerySet[User]:
    rows = User.objects.filter(is_active=True, service_of=None).exclude(username=PLATFORM.username)
    local = rows.exclude(Q(password="") | _UNUSABLE).order_by("username")
    if rule == ADMINS:
        return local.filter(Q(is_superuser=True) | Q(groups__name=PLATFORM_ADMINS)).distinct()
    return local if rule == EVERYBODY else local.none()

"""Who may sign in with a password or a passkey of here, and whom a rule would leave without a way in."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Exists, OuterRef, Q, QuerySet

from governance.access import PLATFORM_ADMINS, admins
from governance.domain.local_sign_in import ADMINS, EVERYBODY, LocalRule, is_open
from governance.models import ExternalIdentity, LocalSignInRule, SignInProvider
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM

_NO_PASSWORD: Final = Q(password="") | Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)


def local_rule() -> LocalRule:
    """The rule of the installation; everybody, when none was ever set. One query."""
    found = LocalSignInRule.objects.values_list("open_to", "keepers").first()
    return LocalRule(found[0], tuple(found[1])) if found else LocalRule()


def able_admins() -> QuerySet[User]:
    """Platform admins who are switched on and have a password of their own, by name."""
    return admins().filter(service_of=None).exclude(_NO_PASSWORD)


def keepers_left(rule: LocalRule) -> bool:
    return bool(rule.keepers) and able_admins().filter(username__in=rule.keepers).exists()


def is_open_for(user: User) -> bool:
    """Whether this person may sign in locally now. One query while everybody may, three at most."""
    rule = local_rule()
    if rule.open_to == EVERYBODY:
        return True
    is_admin = user.is_superuser or user.groups.filter(name=PLATFORM_ADMINS).exists()
    return is_open(rule, username=user.username, is_admin=is_admin, keepers_left=keepers_left(rule))


def proven_providers() -> QuerySet[SignInProvider]:
    """Providers that are switched on and through which somebody has come in."""
    came = ExternalIdentity.objects.filter(issuer=OuterRef("issuer"))
    return SignInProvider.objects.filter(Exists(came), active=True)


def closed_by(rule: LocalRule) -> QuerySet[User]:
    """People with a password here who could not use it any more under ``rule``, by name."""
    local = User.objects.filter(is_active=True, service_of=None).exclude(username=PLATFORM.username)
    local = local.exclude(_NO_PASSWORD).order_by("username")
    if rule.open_to == EVERYBODY:
        return local.none()
    if rule.open_to == ADMINS or not keepers_left(rule):
        return local.exclude(pk__in=admins().order_by().values("pk"))
    return local.exclude(pk__in=admins().filter(username__in=rule.keepers).order_by().values("pk"))


def shut_out_by(rule: LocalRule) -> QuerySet[User]:
    """Those of ``closed_by`` who have never come through a provider that is switched on: no way in is known of them."""
    ways = ExternalIdentity.objects.filter(
        user=OuterRef("pk"), issuer__in=SignInProvider.objects.filter(active=True).values("issuer")
    )
    return closed_by(rule).filter(~Exists(ways))

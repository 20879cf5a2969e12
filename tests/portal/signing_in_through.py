"""Going to the provider of ``tests/oidc_provider.py`` and back, as a browser does."""

from __future__ import annotations

from django.urls import reverse

from governance.domain.oidc import ProviderWish
from governance.services.sign_in_providers import provider_save
from idp.catalog.models import User
from idp.kernel.actor import PLATFORM
from tests.oidc_provider import CLIENT, SECRET
from tests.personas import NOW


def save(provider, **change):
    told = {"title": "Corp", "issuer": provider.issuer, "client_id": CLIENT, "secret": SECRET, "group_claim": "groups"}
    wish = ProviderWish(**(told | {"may_create": True} | change))
    return provider_save(PLATFORM, name="corp", wish=wish, now=NOW)


def go(client, following: str = ""):
    return client.get(reverse("sign-in-through", args=["corp"]), {"next": following} if following else {})


def sign_in(client, provider, following: str = ""):
    """To the provider and back, with what the provider is told to say."""
    return client.get(provider.approve(go(client, following)["Location"]))


def who(client) -> str:
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""

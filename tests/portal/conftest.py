"""The provider of ``tests/oidc_provider.py`` as the sign-in provider “corp”."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from tests.oidc_provider import providing
from tests.portal.signing_in_through import save


@pytest.fixture(scope="module")
def served():
    with providing() as provider:
        yield provider


@pytest.fixture
def provider(served, settings, db):
    settings.OUTBOUND_ALLOW = ["127.0.0.0/8"]
    settings.BASE_URL = "http://testserver"
    served.claims, served.userinfo, served.about = {"preferred_username": "ada@corp.example"}, {}, {}
    served.algorithm, served.key, served.broken, served.refusal = "RS256", None, False, "invalid_client"
    served.asked.clear()
    cache.clear()
    save(served)
    yield served
    cache.clear()

"""Fixtures of the pages on which work is asked for, decided and watched: an equipped organisation, people signed in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client

from provisioning.models import Change, Run
from tests.personas import Organisation
from tests.provisioning.organisation import carry_out, create, equip

SignIn = Callable[[str], Client]


@pytest.fixture(autouse=True)
def nothing_remembered():
    """What the shell keeps for seconds in the process does not reach from one test into the next."""
    cache.clear()


@pytest.fixture
def equipped(organisation: Organisation) -> Organisation:
    """The organisation with stages on a sandbox, the built-in contracts, and a policy on production."""
    equip(organisation)
    return organisation


@pytest.fixture
def sign_in(organisation: Organisation) -> SignIn:
    """``sign_in("developer")`` is a browser in which that person is signed in."""

    def signed_in(persona: str) -> Client:
        client = Client()
        client.force_login(organisation.people[persona])
        return client

    return signed_in


@pytest.fixture
def living(equipped: Organisation) -> Change:
    """``checkout/try`` in dev, made and ready; its change."""
    change = create(equipped)
    carry_out(Run.objects.get(change=change))
    change.refresh_from_db()
    return change


@pytest.fixture
def waiting(equipped: Organisation) -> Change:
    """A create of ``checkout/live`` in prod by the developer, which waits for a maintainer."""
    return create(equipped, "live", stage="prod")


@pytest.fixture
def broken(equipped: Organisation) -> Change:
    """``checkout/broken`` in dev, whose image does not exist: its run failed."""
    change = create(equipped, "broken", api={"image": "registry.example/checkout-api:missing"})
    carry_out(Run.objects.get(change=change))
    change.refresh_from_db()
    return change

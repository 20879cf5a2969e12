"""Fixtures of the API's tests: an organisation that can work, a client per persona, and a worker by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from provisioning.models import Change, Run
from tests.personas import Organisation
from tests.portal.api.client import Api, connections_stay, token_for
from tests.provisioning.organisation import Clock, carry_out, create, equip

Caller = Callable[..., Api]


@pytest.fixture(autouse=True)
def fresh_allowance():
    """Nobody's requests of another test count here."""
    cache.clear()


@pytest.fixture(autouse=True)
def open_connections():
    with connections_stay():
        yield


@pytest.fixture
def organisation(db: None) -> Organisation:
    made = Organisation.found()
    equip(made)
    return made


@pytest.fixture
def api(organisation: Organisation) -> Caller:
    """``api("developer")`` has a token of all scopes, ``api("developer", "read")`` of some, ``api()`` none."""

    def caller(persona: str = "", *scopes: str, systems: tuple[str, ...] = ()) -> Api:
        if not persona:
            return Api()
        return Api(token=token_for(organisation.people[persona], *scopes, systems=systems))

    return caller


@pytest.fixture
def living(organisation: Organisation) -> Change:
    """``checkout/try`` in dev, made and ready; answers its change."""
    change = create(organisation)
    carry_out(Run.objects.get(change=change))
    change.refresh_from_db()
    return change


@pytest.fixture
def waiting(organisation: Organisation) -> Change:
    """A create of ``checkout/live`` in prod by the developer, which waits for a maintainer."""
    return create(organisation, "live", stage="prod")


@pytest.fixture
def work() -> Callable[[], Any]:
    """Carries out every run that is due, as workers would."""

    def until_done() -> None:
        from idp.kernel import clock

        for run in Run.objects.filter(state__in=("queued", "running")).order_by("id"):
            carry_out(run, Clock(clock.now()))

    return until_done

"""Redis is away when a change is submitted: nothing is lost, the page says so, and the run starts when it is back."""

from __future__ import annotations

import pytest
from django.test import Client

from idp.kernel import clock
from provisioning.models import Change, Run
from provisioning.orchestrator import sweep
from provisioning.selectors.runs import LATE
from tests.chaos.conftest import broker
from tests.chaos.workers import running_workers, wait_until
from tests.personas import Organisation
from tests.provisioning.organisation import create, equip

pytestmark = [pytest.mark.postgres, pytest.mark.chaos, pytest.mark.django_db(transaction=True)]


def test_it_keeps_what_is_submitted_while_redis_is_away(own_redis_server, tmp_path):
    organisation = Organisation.found()
    equip(organisation)
    with broker(own_redis_server.url), running_workers(own_redis_server.url, tmp_path) as workers:
        own_redis_server.stop()
        change = create(organisation, now=clock.now())
        assert change.state == "running"
        run = Run.objects.get(change=change)
        assert run.state == "queued"

        Run.objects.filter(pk=run.pk).update(due_at=clock.now() - LATE * 2)
        browser = Client()
        browser.force_login(organisation.people["developer"])
        assert b"delayed" in browser.get(f"/changes/{change.pk}/").content
        assert sweep() == 1
        assert Run.objects.get(pk=run.pk).state == "queued"

        own_redis_server.start()
        workers.start()
        wait_until(
            lambda: Change.objects.get(pk=change.pk).state == "succeeded",
            seconds=60,
            what="the run after Redis came back",
            meanwhile=sweep,
        )
        wait_until(
            lambda: b"delayed" not in browser.get(f"/changes/{change.pk}/").content,
            seconds=15,  # pages look for delayed work every few seconds only
            what="pages without the banner",
        )


def test_it_loses_nothing_when_redis_is_emptied_during_runs(own_redis_server, tmp_path):
    organisation = Organisation.found()
    equip(organisation)
    with broker(own_redis_server.url), running_workers(own_redis_server.url, tmp_path) as workers:
        changes = [create(organisation, f"e{number}", now=clock.now()) for number in range(6)]
        own_redis_server.stop()
        own_redis_server.start()
        workers.start()
        wait_until(
            lambda: Change.objects.filter(pk__in=[one.pk for one in changes], state="succeeded").count() == 6,
            seconds=60,
            what="the end of every run",
            meanwhile=sweep,
        )

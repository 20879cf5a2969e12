"""Runs over the API: one, its events in pages and as a stream, and stopping it."""

from __future__ import annotations

import json
import runpy

import pytest
from django.conf import settings

from portal.api import event_stream
from portal.api.event_stream import EventStream, Places
from portal.pages import live
from provisioning.models import Run, RunEvent
from provisioning.orchestrator import advance
from tests.portal.api.client import connections_stay
from tests.provisioning.organisation import Clock, create

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(living) -> Run:
    return Run.objects.get()


def frames(content: bytes) -> list[dict[str, str]]:
    """Each frame of a stream as its fields."""
    return [
        dict(line.split(": ", 1) for line in part.splitlines() if not line.startswith(":"))
        for part in content.decode().strip().split("\n\n")
    ]


def test_it_reads_a_run_with_its_steps(api, run):
    read = api("viewer").get(f"runs/{run.pk}/").json()
    assert (read["state"], read["kind"], read["revision"]) == ("succeeded", "apply", 1)
    assert read["done_count"] == len(read["steps"]) > 3
    assert read["links"]["environment"] == "/api/v1/environments/checkout/try/"
    assert (read["may_cancel"], read["may_resume"]) == (False, False)


def test_it_reads_events_oldest_first_in_pages(api, run):
    caller, seen, url = api("viewer"), [], f"runs/{run.pk}/events/?limit=3"
    while url:
        body = caller.get(url).json()
        seen += [one["id"] for one in body["items"]]
        url = body["next"]
    assert seen == list(RunEvent.objects.filter(run=run).order_by("id").values_list("pk", flat=True))


def test_it_streams_events_and_says_when_the_run_is_over(api, run):
    response = api("viewer").get(f"runs/{run.pk}/events/", Accept="text/event-stream")
    assert response["Cache-Control"] == "no-store"
    parts = frames(b"".join(response.streaming_content))
    events = [part for part in parts if part.get("event") == "event"]
    assert [int(part["id"]) for part in events] == list(
        RunEvent.objects.filter(run=run).order_by("id").values_list("pk", flat=True)
    )
    assert json.loads(events[0]["data"])["text"] == RunEvent.objects.order_by("id").first().text
    assert json.loads(parts[-1]["data"]) == {"state": "succeeded"}


def test_it_goes_on_after_the_last_event_that_was_seen(api, run):
    last = RunEvent.objects.filter(run=run).order_by("-id")[1].pk
    headers = {"Accept": "text/event-stream", "Last_Event_ID": str(last)}
    response = api("viewer").get(f"runs/{run.pk}/events/", **headers)
    events = [part for part in frames(b"".join(response.streaming_content)) if part.get("event") == "event"]
    assert len(events) == 1


@pytest.mark.parametrize("wrong", ["x", "-1", "1" * 30, "١"])
def test_it_refuses_a_last_event_that_is_none(api, run, wrong):
    headers = {"Accept": "text/event-stream", "Last_Event_ID": wrong}
    assert api("viewer").get(f"runs/{run.pk}/events/", **headers).status_code == 400


def test_it_admits_only_so_many_streams(api, run, monkeypatch):
    monkeypatch.setattr(event_stream, "places", Places(1))
    caller = api("viewer")
    first = caller.get(f"runs/{run.pk}/events/", Accept="text/event-stream")
    second = caller.get(f"runs/{run.pk}/events/", Accept="text/event-stream")
    assert (second.status_code, second["Retry-After"]) == (503, "5")
    with connections_stay():
        first.close()
    assert event_stream.places.taken == 0
    third = caller.get(f"runs/{run.pk}/events/", Accept="text/event-stream")
    assert third.status_code == 200
    with connections_stay():
        third.close()


def test_it_ends_a_stream_after_its_life_with_heartbeats(organisation):
    create(organisation)
    run = Run.objects.get()
    passed = [0.0]
    event_stream.places.take()

    def sleep(seconds: float) -> None:
        passed[0] += seconds

    stream = EventStream(run.pk, 0, life=25, sleep=sleep, clock=lambda: passed[0])
    content = b"".join(stream)
    stream.close()
    assert content.count(b": still here") == 2
    assert b"event: end" not in content
    assert 25 <= passed[0] < 26


def test_it_hides_runs_of_a_restricted_system(api, organisation, run):
    type(run.environment).objects.update(system=organisation.vault)
    for path in (f"runs/{run.pk}/", f"runs/{run.pk}/events/"):
        assert api("stranger").get(path).status_code == 404
        assert api("viewer").get(path).status_code == 200
    assert api("stranger").post(f"runs/{run.pk}/cancel/").status_code == 404


def test_it_stops_a_run_between_two_steps(api, organisation, settings):
    settings.SANDBOX_READY_SECONDS = 600
    create(organisation)
    run = Run.objects.get()
    advance(run.pk, now=Clock())
    assert api("viewer").post(f"runs/{run.pk}/cancel/").status_code == 403
    stopped = api("developer").post(f"runs/{run.pk}/cancel/")
    assert (stopped.status_code, stopped.json()["may_cancel"]) == (202, False)
    advance(run.pk, now=Clock(run.created_at.replace(year=2027)))
    assert api("developer").get(f"runs/{run.pk}/").json()["state"] == "cancelled"
    assert api("developer").post(f"runs/{run.pk}/cancel/").status_code == 409


def test_streams_leave_half_the_threads_of_the_server_to_others():
    threads = runpy.run_path(str(settings.BASE_DIR / "deploy" / "gunicorn.py"))["threads"]
    assert threads / 2 >= event_stream.MAX_STREAMS + live.MAX_STREAMS

"""Runs over HTTP: steps, failures in plain words, and the live stream that gives its place and its connection back."""

from __future__ import annotations

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from idp.kernel import clock
from portal.pages import live
from provisioning.models import Run
from tests.provisioning.organisation import Clock, carry_out, create

pytestmark = pytest.mark.django_db

CEILING = 12


def text(answer):
    return answer.content.decode()


@pytest.fixture
def running(equipped):
    return Run.objects.get(change=create(equipped))


@pytest.fixture
def quick(monkeypatch):
    """A stream that looks often and lives shortly."""
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(live, "LIFE_SECONDS", 0.2)


def stream(client, run, **headers):
    return client.get(reverse("run-events", args=[run.pk]), **headers)


def until(last, parts):
    """What is sent up to and including ``last``; all of it where that never comes."""
    for part in parts:
        yield part
        if part == last:
            return


def messages(answer):
    """The stream's events as (event, id, data), read to its end; the place is given back as a server would."""
    try:
        whole = b"".join(answer.streaming_content).decode()
    finally:
        answer.close()
    found = []
    for block in whole.split("\n\n"):
        fields = [line.partition(": ") for line in block.split("\n")]
        if any(name == "event" for name, _, _ in fields):
            event = next(value for name, _, value in fields if name == "event")
            number = next(value for name, _, value in fields if name == "id")
            found.append((event, number, "\n".join(value for name, _, value in fields if name == "data")))
    return found


def test_it_shows_steps_that_have_not_begun(running, sign_in):
    page = text(sign_in("viewer").get(reverse("run", args=[running.pk])))
    assert "6 not started" in page
    assert "sse-connect" in page
    assert "Cancel the run" not in page, "a viewer may not"
    assert "Cancel the run" in text(sign_in("developer").get(reverse("run", args=[running.pk])))


def test_it_shows_a_run_that_went_well(living, sign_in):
    page = text(sign_in("viewer").get(reverse("run", args=[living.runs.get().pk])))
    assert "6 of 6 steps done" in page
    assert "Done. The environment is as it was agreed." in page
    assert "sse-connect" not in page, "what is over is not watched"


def test_it_says_what_failed_and_what_to_do(broken, sign_in):
    page = text(sign_in("developer").get(reverse("run", args=[broken.runs.get().pk])))
    for shown in (
        "api failed",
        "The image cannot be pulled",
        "Check that the build has pushed it",
        "Then ask for a change with the right image.",
        "<code>image-not-found</code>",
        'value="resume"',
        "Ask for a change",
    ):
        assert shown in page, shown
    assert "Traceback" not in page
    assert 'value="resume"' not in text(sign_in("viewer").get(reverse("run", args=[broken.runs.get().pk])))


def test_it_hides_runs_of_a_restricted_system(living, equipped, sign_in):
    equipped.checkout.restricted = True
    equipped.checkout.save()
    number = living.runs.get().pk
    for name in ("run", "run-progress", "run-events"):
        assert sign_in("stranger").get(reverse(name, args=[number])).status_code == 404
    assert sign_in("stranger").post(reverse("run-cancel", args=[number])).status_code == 404


def test_it_is_cancelled_between_two_steps(running, sign_in):
    answer = sign_in("developer").post(reverse("run-cancel", args=[running.pk]))
    assert answer["Location"] == reverse("run", args=[running.pk])
    page = text(sign_in("developer").get(answer["Location"]))
    assert "developer asked to cancel it" in page
    assert sign_in("viewer").post(reverse("run-cancel", args=[running.pk])).status_code == 403


@pytest.mark.parametrize("method", ["run-cancel", "change-decide"])
def test_it_changes_nothing_on_get(running, sign_in, method):
    number = running.pk if method == "run-cancel" else running.change_id
    assert sign_in("developer").get(reverse(method, args=[number])).status_code == 405


def test_it_polls_until_it_is_over(running, sign_in):
    client = sign_in("developer")
    progress = reverse("run-progress", args=[running.pk])
    moving = client.get(progress)
    assert moving.status_code == 200
    assert text(moving).strip().startswith('<div id="progress">')
    carry_out(running)
    assert client.get(progress).status_code == 286


def test_it_streams_the_whole_live_part_and_then_says_that_it_is_over(running, sign_in, quick):
    carry_out(running)
    answer = stream(sign_in("developer"), running)
    assert answer["Content-Type"] == "text/event-stream"
    events = messages(answer)
    newest = str(running.events.order_by("-id").first().pk)
    assert [(event, number) for event, number, _ in events] == [("progress", newest), ("over", newest)]
    assert events[0][2].strip().startswith('<div id="progress">')
    assert "Done. The environment is as it was agreed." in events[0][2]


def test_it_streams_again_only_when_something_moved(running, sign_in, quick, monkeypatch):
    looks = iter(range(100))

    def looked(*args):
        if next(looks) == 3:
            carry_out(running)

    monkeypatch.setattr(live, "_give_back", looked)
    monkeypatch.setattr(live, "LIFE_SECONDS", 20)
    assert [event for event, _, _ in messages(stream(sign_in("developer"), running))] == [
        "progress",
        "progress",
        "over",
    ]


def test_it_does_not_repeat_what_the_browser_has(running, sign_in, quick):
    carry_out(running, Clock(), rounds=60)
    Run.objects.filter(pk=running.pk).update(state="running")
    newest = running.events.order_by("-id").first().pk
    assert messages(stream(sign_in("developer"), running, HTTP_LAST_EVENT_ID=str(newest))) == []
    assert len(messages(stream(sign_in("developer"), running, HTTP_LAST_EVENT_ID="1"))) == 1
    assert len(messages(stream(sign_in("developer"), running, HTTP_LAST_EVENT_ID="rubbish"))) == 1


def test_it_sends_a_sign_of_life(running, sign_in, quick, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(live, "LIFE_SECONDS", 60.0)  # a busy machine may draw the page longer than a short life
    answer = stream(sign_in("developer"), running)
    heard = [part.decode() for part in until(b": still here\n\n", answer.streaming_content)]
    answer.close()
    assert heard[-1] == ": still here\n\n"
    assert heard[0].startswith("retry: ")


def test_it_refuses_more_watchers_than_it_has_places_and_gives_places_back(running, sign_in, quick):
    client = sign_in("developer")
    taken = [stream(client, running) for _ in range(live.MAX_STREAMS)]
    refused = stream(client, running)
    assert refused.status_code == 503
    assert refused["Retry-After"]
    taken[0].close()
    taken[0].close()
    again = stream(client, running)
    assert again.status_code == 200
    assert stream(client, running).status_code == 503, "a place closed twice is given back once"
    for answer in [again, *taken[1:]]:
        answer.close()
    free = stream(client, running)
    assert free.status_code == 200
    free.close()


def test_it_sends_every_line_of_a_message_as_data():
    assert live.message("progress", "<a>\n\n<b>", 7) == "event: progress\nid: 7\ndata: <a>\ndata: \ndata: <b>\n\n"


def test_it_writes_no_script_and_no_style_into_the_live_part(running, sign_in):
    page = render_to_string(
        "runs/run.html#progress", sign_in("developer").get(reverse("run", args=[running.pk])).context[0].flatten()
    )
    assert "<script" not in page
    assert "style=" not in page


@pytest.mark.parametrize("name", ["run", "run-progress"])
def test_it_stays_within_the_ceiling(living, sign_in, django_assert_max_num_queries, name):
    client, page = sign_in("developer"), reverse(name, args=[living.runs.get().pk])
    client.get(page)
    with django_assert_max_num_queries(CEILING):
        client.get(page)


def test_a_run_that_was_stopped_can_go_on(sign_in, equipped, settings):
    settings.SANDBOX_READY_SECONDS = 600
    run = Run.objects.get(change=create(equipped))
    browser = sign_in("developer")
    browser.post(reverse("run-cancel", args=[run.pk]))
    assert carry_out(run, Clock(clock.now())).state == "cancelled"
    page = reverse("run", args=[run.pk])
    assert 'value="resume"' in text(browser.get(page))
    assert 'value="resume"' not in text(sign_in("viewer").get(page))
    settings.SANDBOX_READY_SECONDS = 0
    answer = browser.post(reverse("change-decide", args=[run.change_id]), {"decision": "resume"})
    assert answer.headers["Location"] == page
    assert carry_out(run, Clock(clock.now())).state == "succeeded"

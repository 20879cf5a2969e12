"""Trains and windows, on pages and over the API: asked for without script, watched, called off."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from governance.models import Quota
from idp.catalog.models import System, Team
from idp.kernel import clock
from provisioning.models import Change, Run, Stage, StageWindows, Train
from provisioning.services.changes import ChangeRequest, change_submit
from provisioning.services.departures import stage_windows_set
from provisioning.services.train_sweep import train_advance
from tests.provisioning.organisation import Clock, carry_out

pytestmark = pytest.mark.django_db
CEILING = 12
EVERY = [{"days": ["mon"], "from": "09:00", "to": "10:00"}]
SMALL = {"db": {"capability": "postgres@1", "inputs": {"storageGiB": 5}}}


@pytest.fixture
def two(equipped: Any) -> Any:
    """``checkout`` and ``basket`` run Ready at dev; neither has an input of its own to give at staging."""
    now = clock.now() - timedelta(hours=2)
    System.objects.create(slug="basket", name="Basket", team=Team.objects.get(slug="payments"), created_at=now)
    for system in ("checkout", "basket"):
        request = ChangeRequest("create", system, "dev", spec={"stage": "dev", "resources": SMALL})
        change = change_submit(equipped.actor("developer"), request, now=now)
        carry_out(Run.objects.get(change=change), Clock(now))
    return equipped


def text(answer: Any) -> str:
    return str(answer.content.decode())


def asked(**more: Any) -> dict[str, Any]:
    return {"to": "staging", "systems": ["checkout", "basket"], **more}


def test_it_shows_what_can_be_put_together_and_the_plan(two, sign_in):
    client = sign_in("developer")
    page = text(client.get(reverse("train-new"), {"to": "staging"}))
    assert 'value="basket"' in page
    assert "Choose at least two" in page
    page = text(client.post(reverse("train-new"), asked()))
    assert "basket / staging" in page
    assert "Can start at once" in page
    assert "All of it can be asked for." in page
    assert Train.objects.count() == 0


def test_it_is_asked_for_and_watched(two, sign_in):
    client = sign_in("developer")
    answer = client.post(reverse("train-new"), asked(do="submit", title="Autumn", reason="Together."))
    train = Train.objects.get()
    assert answer["Location"] == reverse("train", args=[train.pk])
    page = text(client.get(answer["Location"]))
    assert "Autumn" in page
    assert "Waiting to leave" in page
    train_advance(train.pk, now=clock.now())
    assert "On its way" in text(client.get(reverse("train", args=[train.pk])))
    assert "Autumn" in text(client.get(reverse("trains")))


def test_it_says_what_is_wrong_and_keeps_what_was_typed(two, sign_in):
    answer = sign_in("developer").post(reverse("train-new"), asked(do="submit", title="Mine", not_before="soon"))
    assert answer.status_code == 422
    assert "Write a moment such as" in text(answer)
    assert 'value="Mine"' in text(answer)
    assert Change.objects.filter(kind="promote").count() == 0


def test_it_is_called_off(two, sign_in):
    client = sign_in("developer")
    client.post(reverse("train-new"), asked(do="submit"))
    train = Train.objects.get()
    assert sign_in("viewer").post(reverse("train-cancel", args=[train.pk])).status_code == 403
    sign_in("maintainer").post(reverse("train-cancel", args=[train.pk]), {"reason": "Not today."})
    page = text(client.get(reverse("train", args=[train.pk])))
    assert "Called off" in page
    assert "Not today." in page


def test_a_train_hides_members_that_one_may_not_see(two, sign_in):
    sign_in("developer").post(reverse("train-new"), asked(do="submit"))
    System.objects.filter(slug="basket").update(restricted=True)
    page = text(sign_in("stranger").get(reverse("train", args=[Train.objects.get().pk])))
    assert "and 1 that you may not see" in page
    assert "basket / staging" not in page


@pytest.mark.parametrize("name", ["trains", "train-new", "train"])
def test_pages_ask_little(two, sign_in, django_assert_max_num_queries, name):
    client = sign_in("developer")
    client.post(reverse("train-new"), asked(do="submit"))
    url = reverse(name, args=[Train.objects.get().pk] if name == "train" else [])
    client.get(url)
    with django_assert_max_num_queries(CEILING):
        client.get(url)


def test_the_api_plans_asks_reads_and_calls_off(two, sign_in):
    client = sign_in("developer")
    body = {
        "title": "Release",
        "members": [{"system": one, "environment": "staging", "from": "dev"} for one in ("checkout", "basket")],
    }
    planned = client.post("/api/v1/trains/plan/", body, content_type="application/json").json()
    assert [one["outcome"] for one in planned["members"]] == ["starts", "starts"]
    answer = client.post("/api/v1/trains/", body, content_type="application/json")
    assert answer.status_code == 201
    url = answer["Location"]
    assert [one["state"] for one in client.get(url).json()["members"]] == ["approved", "approved"]
    assert client.get("/api/v1/trains/", {"state": "waiting"}).json()["items"][0]["title"] == "Release"
    off = client.post(f"{url}cancel/", {"reason": "No."}, content_type="application/json").json()
    assert (off["state"], off["state_reason"]) == ("cancelled", "No.")
    assert client.post(f"{url}cancel/", {}, content_type="application/json").status_code == 409


def test_the_api_says_which_member_is_wrong(two, sign_in):
    members = [{"system": one, "environment": "staging", "from": one} for one in ("checkout", "basket")]
    answer = sign_in("developer").post("/api/v1/trains/", {"members": members}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "members.0.from"


def test_a_train_over_quota_names_no_change(two, sign_in):
    Quota.objects.update(environments=3)
    members = [{"system": one, "environment": "staging", "from": "dev"} for one in ("checkout", "basket")]
    answer = sign_in("developer").post("/api/v1/trains/", {"members": members}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json().get("change") is None
    assert Change.objects.filter(kind="promote").count() == 0


def test_admins_edit_windows_on_the_page(two, sign_in):
    url = reverse("stage-windows", args=["staging"])
    assert "At any time" in text(sign_in("viewer").get(url))
    assert sign_in("maintainer").post(url, {}).status_code == 403
    client = sign_in("admin")
    rows = {"day-0-tue": "1", "day-0-wed": "1", "from-0": "09:00", "to-0": "16:00", "zone": "Europe/Berlin"}
    assert client.post(url, rows | {"version": "1"}).status_code == 302
    assert "Tue, Wed 09:00 to 16:00, Europe/Berlin" in text(client.get(url))
    wrong = client.post(url, {"from-0": "nine", "to-0": "10:00"})
    assert wrong.status_code == 422
    assert "Write a time of day" in text(wrong)
    assert 'value="nine"' in text(wrong)


def test_an_edit_of_windows_is_taken_back_and_back_again(two, sign_in):
    url, client = reverse("stage-windows", args=["staging"]), sign_in("admin")
    assert "Take the last edit back" not in text(client.get(url))
    assert client.post(url, {"do": "back"}).status_code == 422
    rows = {"day-0-tue": "1", "from-0": "09:00", "to-0": "16:00", "zone": "Europe/Berlin"}
    client.post(url, rows)
    client.post(url, rows | {"to-0": "17:00"})
    assert "Before the last edit: Tue 09:00 to 16:00, Europe/Berlin" in text(client.get(url))
    for ends in ("16:00", "17:00"):
        assert client.post(url, {"do": "back"}).status_code == 302
        assert f'value="{ends}"' in text(client.get(url))
    assert client.post(url, {"do": "back", "version": "2"}).status_code == 412


def test_two_admins_do_not_overwrite_each_other(two, sign_in):
    client, url = sign_in("admin"), "/api/v1/stages/staging/windows/"
    tag = client.get(url)["ETag"]
    body = {"windows": EVERY, "timezone": "UTC"}
    put = {"content_type": "application/json"}
    assert client.put(url, body, **put).status_code == 428
    first = client.put(url, body, headers={"If-Match": tag}, **put)
    assert first.json()["words"] == "Mon 09:00 to 10:00, UTC"
    assert client.put(url, body, headers={"If-Match": tag}, **put).status_code == 412
    assert StageWindows.objects.get().windows == EVERY


def test_a_promotion_says_when_it_starts(two, sign_in):
    later = clock.now() + timedelta(days=3)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[later.weekday()]
    stage_windows_set(
        two.actor("admin"),
        Stage.objects.get(name="staging"),
        windows=[{"days": [day], "from": "09:00", "to": "10:00"}],
        zone="UTC",
        now=clock.now(),
    )
    client = sign_in("developer")
    ask = reverse("environment-ask", args=["checkout", "staging", "promote"])
    page = text(client.get(ask, {"from": "dev"}))
    assert f"{later:%a} {later.day} {later:%b} 09:00 UTC" in page
    answer = client.post(ask, {"from": "dev", "chooses": "1", "resources": ["db"], "do": "submit"})
    page = text(client.get(answer["Location"]))
    assert f"It starts {later:%a} {later.day} {later:%b} 09:00 UTC" in page
    page = text(client.get("/systems/checkout/"))
    assert "waits for its time" in page


def test_a_promotion_is_put_off_on_its_page(two, sign_in):
    moment = (clock.now() + timedelta(days=1)).replace(microsecond=0)
    ask = reverse("environment-ask", args=["checkout", "staging", "promote"])
    body = {"from": "dev", "chooses": "1", "resources": ["db"], "do": "submit", "not_before": "soon"}
    wrong = sign_in("developer").post(ask, body)
    assert wrong.status_code == 422
    assert "Write a moment such as" in text(wrong)
    sign_in("developer").post(ask, body | {"not_before": moment.isoformat()})
    assert Change.objects.get(kind="promote").hold.starts_at == moment


def test_the_plan_of_a_copy_says_what_does_not_come_along(two, sign_in):
    page = text(
        sign_in("developer").get(reverse("environment-ask", args=["checkout", "dev", "clone"]), {"name": "copy"})
    )
    assert "Secrets are made new" in page
    assert "data is not copied" in page.lower()

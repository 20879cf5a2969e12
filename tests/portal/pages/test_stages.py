"""Stages on their pages: read by everybody, edited by admins who see whom it concerns first, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from governance.models import AuditEntry
from idp.kernel.errors import Conflict, Forbidden
from provisioning.models import Environment, Run, Stage
from provisioning.selectors.stages import stage_before, stage_get
from provisioning.services.stages import stage_save, stage_take_back
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db
STAGING = {
    "title": "Staging",
    "summary": "The last stop.",
    "order": "20",
    "promotes_from": "dev",
    "soak_minutes": "45",
    "default_days": "14",
    "max_days": "30",
    "drift_mode": "correct",
    "cluster": "sandbox",
}


@pytest.fixture
def organisation() -> Organisation:
    made = Organisation.found()
    equip(made, policies=())
    return made


@pytest.fixture
def admin(client, organisation):
    client.force_login(organisation.admin)
    return client


def version() -> str:
    return str(Stage.objects.get(name="staging").version)


def sent(do: str, **more: str) -> dict[str, str]:
    return {**STAGING, "version": version(), "do": do, **more}


def test_everybody_reads_what_a_stage_says(client, organisation):
    client.force_login(organisation.viewer)
    told = client.get("/stages/").content.decode()
    assert all(words in told for words in ("dev", "14 days", "Production never expires"))
    page = client.get("/stages/prod/").content.decode()
    assert "Its owners decide" in page
    assert "A namespace of its own" in page
    assert "/stages/prod/windows" in page
    assert "Edit" not in page


def test_an_edit_shows_whom_it_concerns_and_is_saved_after_that(admin, organisation):
    carry_out(Run.objects.get(change=create(organisation, "one", stage="staging")))
    Environment.objects.update(drifted=2)
    looked = admin.post("/stages/staging/edit", sent("look")).content.decode()
    assert "1 environment of 1 team in 1 system" in looked
    assert "Drift in 1 environment that is open now is put back within a minute." in looked
    assert "45 min" in looked
    assert Stage.objects.get(name="staging").drift_mode == "report"
    assert admin.post("/stages/staging/edit", sent("save")).status_code == 302
    row = Stage.objects.get(name="staging")
    assert (row.drift_mode, row.soak_minutes, row.default_days, row.max_days) == ("correct", 45, 14, 30)
    entry = AuditEntry.objects.filter(action="stage.save", object_label="staging").order_by("sequence").last()
    assert (entry.data["before"]["drift_mode"], entry.data["after"]["drift_mode"]) == ("report", "correct")


def test_the_last_edit_is_taken_back_with_one_click(admin):
    assert "Take it back" not in admin.get("/stages/staging/").content.decode()
    admin.post("/stages/staging/edit", sent("save"))
    assert "Take it back" in admin.get("/stages/staging/").content.decode()
    assert admin.post("/stages/staging/take-back", {"version": version()}).status_code == 302
    row = Stage.objects.get(name="staging")
    assert (row.drift_mode, row.soak_minutes, row.default_days) == ("report", 0, None)
    admin.post("/stages/staging/take-back", {"version": version()})
    assert Stage.objects.get(name="staging").drift_mode == "correct"


def test_a_choice_of_isolation_alone_is_taken_back(admin):
    chosen = {"isolation": "shared", "version": version()}
    assert admin.post("/stages/staging/isolation", chosen).status_code == 302
    page = admin.get("/stages/staging/").content.decode()
    assert "Kept apart" in page
    assert admin.post("/stages/staging/take-back", {"version": version()}).status_code == 302
    assert Stage.objects.get(name="staging").isolation == "namespace"
    admin.post("/stages/staging/take-back", {"version": version()})
    assert Stage.objects.get(name="staging").isolation == "shared"


def test_it_says_at_the_field_what_is_wrong(admin):
    told = admin.post("/stages/staging/edit", sent("save", default_days="40")).content.decode()
    assert "Write at most 30, the longest life of this stage." in told
    assert Stage.objects.get(name="staging").max_days is None


def test_two_who_edit_at_once_do_not_overwrite_each_other(admin):
    stale = sent("save")
    admin.post("/stages/staging/edit", sent("save", soak_minutes="10"))
    answer = admin.post("/stages/staging/edit", stale)
    assert answer.status_code == 422
    assert "changed meanwhile" in answer.content.decode()
    assert Stage.objects.get(name="staging").soak_minutes == 10


def test_a_new_stage_is_made(admin):
    body = {**STAGING, "name": "trial", "order": "25", "do": "save"}
    assert admin.post("/stages/new", body).status_code == 302
    assert Stage.objects.get(name="trial").promotes_from.name == "dev"
    assert "a stage “trial” already" in admin.post("/stages/new", {**body, "order": "26"}).content.decode()


def test_only_admins_edit(client, organisation):
    client.force_login(organisation.maintainer)
    assert client.post("/stages/staging/edit", sent("save")).status_code == 403
    with pytest.raises(Forbidden):
        stage_take_back(organisation.actor("maintainer"), name="staging", now=NOW)


def test_nothing_is_taken_back_that_was_changed_in_another_way_since(organisation):
    stage = stage_get("dev")
    given = {"title": "Dev", "order": 10, "cluster": stage.cluster, "now": NOW}
    stage_save(organisation.actor("admin"), name="dev", **given)
    assert stage_before(stage_get("dev")) is not None
    Stage.objects.filter(name="dev").update(soak_minutes=5)
    with pytest.raises(Conflict, match="no edit"):
        stage_take_back(organisation.actor("admin"), name="dev", now=NOW + timedelta(minutes=1))

"""Publishing a version and moving one from state to state, as admins do it on the pages."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime

import pytest
import yaml
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from idp.kernel.actor import PLATFORM
from portal.reading.contract_draft import START
from portal.reading.version_history import history
from provisioning.contracts import builtin_documents
from provisioning.models import Contract
from provisioning.services.contracts import contract_publish
from tests.personas import NOW, Organisation
from tests.portal.pages import estate
from tests.provisioning import wells

pytestmark = pytest.mark.django_db

CEILING = 12
STORAGE = ("spec", "inputs", "properties", "storageGiB")


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def stages(organisation):
    return estate.install()


@pytest.fixture
def admin(client, organisation, stages):
    client.force_login(organisation.admin)
    return client


def document(version="1.1.0", **storage):
    """The built-in postgres under another version, with limits of its storage changed."""
    data = deepcopy(dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data))
    data["metadata"]["version"] = version
    data["spec"]["inputs"]["properties"]["storageGiB"] |= storage
    return data


def text(data):
    return yaml.safe_dump(data, sort_keys=False)


def send(admin, body, *, do="check", name="postgres", **rest):
    address = reverse("contract-new", args=[name]) if name else reverse("capability-new")
    return admin.post(address, {"do": do, "text": body, **rest})


def test_the_page_begins_with_the_newest_version_and_a_new_one_with_a_sound_contract(admin):
    begun = admin.get(reverse("contract-new", args=["postgres"])).context["text"]
    assert yaml.safe_load(begun)["metadata"] == {"capability": "postgres", "version": "2.0.0"}
    new = admin.get(reverse("capability-new")).context["text"]
    assert new == START
    checked = send(admin, new, name="")
    assert (checked.status_code, checked.context["draft"].refused) == (200, False)
    assert checked.context["draft"].found == ()


def test_a_check_shows_form_objects_and_differences_and_stores_nothing(admin):
    shown = send(admin, text(document(maximum=900)))
    draft = shown.context["draft"]
    assert shown.status_code == 200
    assert (draft.refused, draft.before, draft.level) == (False, "1.0.0", "minor")
    page = shown.content.decode()
    assert "may now be up to 900 GiB" in page
    assert 'name="preview.inputs.storageGiB"' in page
    assert len(draft.objects) == len(document()["spec"]["examples"])
    assert "kind: StatefulSet" in draft.objects[0].yaml
    assert not Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


def test_what_is_wrong_is_named_with_its_line(admin):
    data = document()
    data["spec"]["usage"] = {"cpu": "${nonsense.x}"}
    body = text(data)
    shown = send(admin, body, do="publish")
    assert shown.status_code == 422
    [found] = [one for one in shown.context["draft"].found if one.path == "spec.usage.cpu"]
    assert "nonsense" in body.splitlines()[found.line - 1]
    assert "nonsense.x" in shown.content.decode()
    assert not Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


REFUSED = {
    "takes something away": (text(document(maximum=499)), "spec.inputs.properties.storageGiB.maximum"),
    "of another capability": (
        text(document() | {"metadata": {"capability": "shelf", "version": "1.0.0"}}),
        "metadata.capability",
    ),
    "no contract": ("kind: Contract", ""),
    "no yaml": ("a: [", ""),
    "another content under the same version": (text(document("1.0.0", maximum=900)), ""),
}


@pytest.mark.parametrize(("body", "path"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses_and_keeps_what_was_typed(admin, body, path):
    before = Contract.objects.count()
    shown = send(admin, body, do="publish")
    assert shown.status_code == 422
    found = shown.context["draft"].found
    assert found
    assert not path or path in {one.path for one in found}
    assert shown.context["text"] == body
    assert Contract.objects.count() == before


def test_it_publishes_and_leads_to_the_version(admin, organisation):
    answer = send(admin, text(document(maximum=900)), do="publish")
    assert answer["Location"] == f"{reverse('capability', args=['postgres'])}?version=1.1.0"
    row = Contract.objects.get(capability__name="postgres", version="1.1.0")
    assert row.published_by == organisation.admin


def test_a_file_takes_the_place_of_the_text(admin):
    sent = SimpleUploadedFile("contract.yaml", text(document(maximum=900)).encode(), content_type="application/yaml")
    assert send(admin, "nothing", do="publish", file=sent).status_code == 302
    assert Contract.objects.filter(version="1.1.0").exists()


BAD_FILES = {"not text": b"\xff\xfe\x00", "too large": b"#" * 1_000_001}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_file_that_is_no_contract_is_refused(admin, content):
    answer = send(admin, "kept", file=SimpleUploadedFile("contract.yaml", content))
    assert answer.status_code in (413, 422)
    assert not Contract.objects.filter(capability__name="postgres", version="1.1.0").exists()


def test_nothing_at_all_is_asked_for(admin):
    assert "Paste a contract, or choose a file." in send(admin, " ").content.decode()


def test_only_admins_see_the_ways_in(client, organisation, stages):
    client.force_login(organisation.maintainer)
    shown = client.get(reverse("capability", args=["postgres"])).content.decode()
    assert reverse("contract-new", args=["postgres"]) not in shown
    assert reverse("contract-state", args=["postgres", "1.0.0"]) not in shown


def move(admin, **body):
    return admin.post(reverse("contract-state", args=["postgres", "1.0.0"]), {"version": "1", **body})


def test_it_moves_a_version_and_the_page_says_why(admin):
    contract_publish(PLATFORM, document=document(), now=NOW)
    note = {"state": "deprecated", "reason": "Backups are slow.", "sunset": "2099-03-31", "replacement": "1.1.0"}
    assert move(admin, **note).status_code == 302
    row = Contract.objects.get(capability__name="postgres", version="1.0.0")
    assert (row.state, row.sunset_at) == ("deprecated", datetime(2099, 3, 31, tzinfo=UTC))
    page = admin.get(reverse("capability", args=["postgres"]), {"version": "1.0.0"}).content.decode()
    assert "1.0.0 is deprecated and ends on" in page
    assert "Backups are slow. Use 1.1.0 instead." in page


WRONG = {
    "no reason": ({"state": "defective"}, "Say why it is defective"),
    "no end": ({"state": "deprecated", "reason": "Old."}, "Give the day on which it ends."),
    "not a day": ({"state": "deprecated", "reason": "Old.", "sunset": "soon"}, "Write a day like 2027-03-31."),
    "not a state it may become": ({"state": "retired"}, "Select a valid choice."),
    "moved meanwhile": ({"state": "defective", "reason": "Old.", "version": "9"}, "was changed since you read it"),
}


@pytest.mark.parametrize(("body", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_move_is_shown_beside_its_field(admin, body, said):
    shown = move(admin, **body)
    assert shown.status_code == 422
    assert said in shown.content.decode()
    assert Contract.objects.get(capability__name="postgres", version="1.0.0").state == "stable"


def test_the_history_tells_what_each_version_changed(admin):
    contract_publish(PLATFORM, document=document(maximum=900), now=NOW)
    contract_publish(PLATFORM, document=document("1.10.0", maximum=950), now=NOW)
    rows = list(Contract.objects.filter(capability__name="postgres"))
    by_version = {row.version: history(rows).get(row.pk) for row in rows}
    assert by_version["1.0.0"] is None
    assert by_version["1.10.0"].before == "1.1.0"
    page = admin.get(reverse("capability", args=["postgres"])).content.decode()
    assert "1 change since 1.1.0" in page
    assert "may now be up to 950 GiB" in page


def test_pages_stay_below_their_ceiling_with_many_versions(admin):
    for minor in range(1, 25):
        contract_publish(PLATFORM, document=document(f"1.{minor}.0", maximum=900 + minor), now=NOW)
    addresses = (reverse("capability", args=["postgres"]), reverse("contract-new", args=["postgres"]))
    for address in addresses:
        admin.get(address)  # what the shell and the price list remember for seconds is not the page's
        with CaptureQueriesContext(connection) as asked:
            assert admin.get(address).status_code == 200
        assert len(asked) <= CEILING, address
    with CaptureQueriesContext(connection) as asked:
        assert send(admin, text(document("1.30.0", maximum=990))).status_code == 200
    assert len(asked) <= CEILING


def test_definitions_may_follow_the_contract_in_its_text(admin):
    both = yaml.safe_dump_all([wells.contract(pump="p1"), wells.definition("dump")], sort_keys=False)
    refused = send(admin, both, name="").context["draft"]
    assert [(one.path, one.message) for one in refused.found][:1] == [
        ("spec.objects.well.manifest.spec.pump", "There is no field pump here; did you mean dump?")
    ]
    assert both.splitlines()[refused.found[0].line - 1].strip() == "pump: p1"
    sound = yaml.safe_dump_all([wells.contract(pump="p1"), wells.definition("pump")], sort_keys=False)
    assert not send(admin, sound, name="").context["draft"].refused
    assert send(admin, sound, name="", do="publish").status_code == 302
    assert [one.key for one in Contract.objects.get(capability__name="well").definitions.all()] == [wells.KEY]

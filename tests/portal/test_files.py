"""The page on which documents are looked at and applied, and what it gives to take away."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.services.policies import policy_save
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from idp.kernel.documents import load_all_yaml
from provisioning.models import Change, Run
from tests.provisioning.organisation import Clock, carry_out, create, equip

pytestmark = pytest.mark.django_db

TEXT = """\
apiVersion: slipway.dev/v1
kind: Environment
metadata: {system: checkout, name: filed}
spec:
  stage: dev
  resources:
    api: {capability: web-service@1, inputs: {image: "registry.example/api:1.0.0", replicas: 2}}
"""
KEEPS = {
    "apiVersion": "slipway.dev/v1",
    "kind": "Policy",
    "metadata": {"name": "keeps"},
    "spec": {
        "title": "Nothing is deleted",
        "when": 'change.kind == "delete"',
        "effect": "deny",
        "message": "It stays until the audit is over.",
    },
}


@pytest.fixture
def page(client, organisation):
    equip(organisation)
    client.force_login(organisation.developer)
    return client


def send(page, text: str, do: str):
    return page.post(reverse("files"), {"text": text, "do": do})


def test_it_shows_what_would_happen_and_then_does_it(page):
    looked = send(page, TEXT, "look")
    assert looked.status_code == 200
    assert "Nothing stands against it" in looked.content.decode()
    assert 'value="apply"' in looked.content.decode()
    assert Change.objects.count() == 0
    assert "Applied." in send(page, TEXT, "apply").content.decode()
    assert Change.objects.get().environment_name == "filed"


def test_it_names_the_line_and_offers_no_button(page):
    answer = send(page, TEXT.replace("replicas: 2", "replicas: many"), "apply")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "Line 7," in text
    assert 'value="apply"' not in text
    assert Change.objects.count() == 0


@pytest.mark.parametrize("text", ["", "# nothing\n"])
def test_it_says_when_there_is_nothing_to_apply(page, text):
    assert send(page, text, "look").status_code == 422


def test_a_file_takes_the_place_of_the_text(page, tmp_path):
    sent = tmp_path / "filed.yaml"
    sent.write_text(TEXT)
    with sent.open("rb") as file:
        answer = page.post(reverse("files"), {"text": "x", "file": file, "do": "look"})
    assert "checkout/filed" in answer.content.decode()


def test_an_export_holds_what_one_may_see(page, organisation):
    carry_out(Run.objects.get(change=create(organisation)))
    answer = page.get(reverse("files-export", args=["yaml"]) + "?system=checkout")
    assert [one.data["metadata"]["name"] for one in load_all_yaml(answer.content)] == ["try"]
    assert page.get(reverse("files-export", args=["rar"])).status_code == 404


class TestRemovingWhatLeftTheFiles:
    @pytest.fixture
    def kept(self, page):
        """Two environments under a label, and a look at files that hold one of them only."""
        both = f"{TEXT}---\n{TEXT.replace('filed', 'other')}"
        page.post(reverse("files"), {"text": both, "owner": "payments/infra", "do": "apply"})
        for run in Run.objects.filter(finished_at=None):
            carry_out(run, Clock(clock.now()))
        return {"text": TEXT, "owner": "payments/infra", "prune": "true"}

    def look(self, page, kept) -> str:
        answer = page.post(reverse("files"), {**kept, "do": "look"})
        assert answer.status_code == 200
        return answer.context["applied"].pruning.digest

    def test_it_lists_what_would_go_and_removes_nothing(self, page, kept):
        text = page.post(reverse("files"), {**kept, "do": "look"}).content.decode()
        listed = text.split("What it would remove")[1]
        assert "checkout/other" in listed
        assert "checkout/filed" not in listed
        assert "Type payments/infra to remove what is listed" in text
        assert not Change.objects.filter(kind="delete").exists()

    @pytest.mark.parametrize("typed", ["", "payments", "Payments/infra"])
    def test_the_label_must_be_typed(self, page, kept, typed):
        confirm = self.look(page, kept)
        sent = {**kept, "confirm": confirm, "confirm_name": typed, "do": "apply"}
        answer = page.post(reverse("files"), sent)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.content.decode()
        assert not Change.objects.filter(kind="delete").exists()

    @pytest.mark.parametrize("confirm", ["", "0" * 64])
    def test_another_list_than_the_one_that_was_seen_is_shown_and_not_removed(self, page, kept, confirm):
        sent = {**kept, "confirm": confirm, "confirm_name": "payments/infra", "do": "apply"}
        answer = page.post(reverse("files"), sent)
        assert answer.status_code == 422
        assert "became another one meanwhile" in answer.content.decode()
        assert not Change.objects.filter(kind="delete").exists()

    def test_what_was_confirmed_is_deleted_by_a_change(self, page, kept):
        sent = {**kept, "confirm": self.look(page, kept), "confirm_name": "payments/infra", "do": "apply"}
        answer = page.post(reverse("files"), sent)
        assert answer.status_code == 200
        assert "Taken away" in answer.content.decode()
        assert Change.objects.get(kind="delete").environment_name == "other"

    def test_what_may_not_go_is_said_and_stays(self, page, kept):
        policy_save(PLATFORM, document=KEEPS, now=clock.now())
        answer = page.post(reverse("files"), {**kept, "do": "look"})
        text = answer.content.decode()
        assert answer.context["applied"].pruning.names == ()
        assert "Nothing of payments/infra has left these files that may be removed." in text
        assert "It stays until the audit is over." in text.split("What stays")[1]
        assert 'name="confirm_name"' not in text

    def test_removing_needs_a_label(self, page):
        answer = page.post(reverse("files"), {"text": TEXT, "prune": "true", "do": "look"})
        assert answer.status_code == 422
        assert "Name the label" in answer.content.decode()

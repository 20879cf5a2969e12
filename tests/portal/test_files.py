"""The page on which documents are looked at and applied, and what it gives to take away."""

from __future__ import annotations

import pytest
from django.urls import reverse

from idp.kernel.documents import load_all_yaml
from provisioning.models import Change, Run
from tests.provisioning.organisation import carry_out, create, equip

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

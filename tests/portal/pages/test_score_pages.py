"""Score in the portal: files are checked and asked for, and rules are looked at before they are saved."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from provisioning.models import Change, ScoreRules
from provisioning.selectors.score import rules_now
from tests.provisioning.domain.score.files import WHOLE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("equipped")]
FILES = {"system": "checkout", "environment": "scored", "stage": "dev", "image": "registry.example/m:1", "score": WHOLE}


def test_the_form_of_an_environment_leads_to_it(sign_in):
    page = sign_in("developer").get(reverse("environment-new") + "?system=checkout&stage=dev").content.decode()
    assert f"{reverse('environment-score')}?system=checkout&amp;stage=dev" in page


def test_checking_shows_what_becomes_of_what_and_asks_for_nothing(sign_in):
    page = sign_in("developer").post(reverse("environment-score"), FILES | {"do": "check"})
    text = page.content.decode()
    assert page.status_code == 200
    assert "redis-main-cache" in text
    assert "values only" in text
    assert "Create it" in text
    assert not Change.objects.exists()


def test_what_cannot_be_mapped_is_listed_with_its_line_and_nothing_can_be_asked_for(sign_in):
    files = FILES | {"score": WHOLE + "  queue: {type: amqp}\n"}
    page = sign_in("developer").post(reverse("environment-score"), files | {"do": "check"}).content.decode()
    assert "Line 39" in page
    assert "mailer: resources.queue.type" in page
    assert re.search(r'value="submit" disabled', page)
    refused = sign_in("developer").post(reverse("environment-score"), files | {"do": "submit"})
    assert refused.status_code == 422
    assert not Change.objects.exists()


@pytest.mark.parametrize("text", ["", "- a", "a: [", "${" * 1000, "apiVersion: score.sh/v1b1"])
def test_a_text_that_is_no_score_is_refused_in_words(sign_in, text):
    page = sign_in("developer").post(reverse("environment-score"), FILES | {"score": text, "do": "check"})
    assert page.status_code == 422
    assert "What stands against it" in page.content.decode()


def test_submitting_leads_to_the_run(sign_in):
    answer = sign_in("developer").post(reverse("environment-score"), FILES | {"do": "submit"})
    change = Change.objects.get()
    assert (change.environment_name, change.via) == ("scored", "portal")
    assert answer["Location"] == reverse("run", args=[change.runs.get().pk])


def test_a_rule_is_looked_at_then_saved_then_taken_back(sign_in):
    admin, address = sign_in("admin"), reverse("score-rule-new")
    fields = {
        "what": "resource", "type": "amqp", "does": "makes", "capability": "queue", "version": "0",
        "outputs-0-output": "host", "outputs-0-value": "${outputs.host}",
    }  # fmt: skip
    assert admin.post(address, fields | {"do": "save"}).status_code == 200
    assert not ScoreRules.objects.exists(), "nobody had looked at it"
    page = admin.post(address, fields | {"do": "look"}).content.decode()
    assert "No workload that is there would be mapped otherwise" in page
    looked_at = re.search(r'name="looked_at" value="(\w+)"', page)[1]
    assert admin.post(address, fields | {"do": "save", "looked_at": looked_at}).status_code == 302
    assert rules_now().rules[-1].label == "amqp"
    admin.post(reverse("score-rules-restore"), {"version": "0"})
    assert rules_now().version == 2
    assert rules_now().rules[-1].label != "amqp"


def test_a_rule_that_cannot_be_used_is_refused_beside_its_field(sign_in):
    fields = {"what": "resource", "type": "amqp", "does": "makes", "capability": "queue",
              "inputs-0-input": "colour", "inputs-0-value": "x",
              "sizes-0-size": "a", "sizes-0-cpu": "nan", "sizes-0-memory_gib": "1e999"}  # fmt: skip
    page = sign_in("admin").post(reverse("score-rule-new"), fields | {"do": "look"})
    assert page.status_code == 422
    fields = {name: text for name, text in fields.items() if not name.startswith("sizes")}
    text = sign_in("admin").post(reverse("score-rule-new"), fields | {"do": "look"}).content.decode()
    assert "queue has no input “colour”" in text


def test_removing_a_rule_shows_whom_it_concerns_first(sign_in):
    admin, place = sign_in("admin"), len(rules_now().rules) - 1
    address = reverse("score-rule-edit", args=[place])
    page = admin.post(address, {"do": "remove", "what": "resource"}).content.decode()
    assert "This is what its removal changes" in page
    looked_at = re.search(r'name="looked_at" value="(\w+)"', page)[1]
    admin.post(address, {"do": "remove", "what": "resource", "looked_at": looked_at})
    assert len(rules_now().rules) == place


def test_its_pages_ask_few_queries_however_many_versions_there_are(sign_in, django_assert_max_num_queries):
    admin = sign_in("admin")
    for address in (reverse("score-rules"), reverse("environment-score") + "?system=checkout"):
        admin.get(address)
        with django_assert_max_num_queries(12):
            assert admin.get(address).status_code == 200

"""The page on which a contract begins with a CRD or a chart, and what it gives to the page that publishes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from provisioning.models import Contract
from tests.personas import Organisation
from tests.portal.api.client import token_for
from tests.provisioning.organisation import equip

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parents[2] / "provisioning" / "domain" / "artifacts"
CRD = (FOLDER / "certificates.example.dev.yaml").read_text()
VALUES = (FOLDER / "podinfo.values.schema.json").read_text()


@pytest.fixture
def admin(client: Any) -> Any:
    organisation = Organisation.found()
    equip(organisation)
    client.force_login(organisation.admin)
    client.organisation = organisation
    return client


def send(client: Any, **given: Any) -> Any:
    return client.post("/capabilities/draft", {"artifact": "crd", "text": CRD, **given})


def test_a_definition_becomes_a_draft_that_can_be_published(admin: Any) -> None:
    drafted = send(admin, owner="payments")
    assert drafted.status_code == 200
    text = drafted.content.decode()
    assert "For you to decide" in text
    assert "Say what one of it takes" in text
    assert not drafted.context["draft"].refused
    assert 'action="/capabilities/publish"' in text
    published = admin.post("/capabilities/publish", {"do": "publish", "text": drafted.context["text"]})
    assert published.status_code == 302
    assert Contract.objects.get(capability__name="tls-certificate").state == "preview"


def test_a_file_takes_the_place_of_the_text(admin: Any) -> None:
    file = SimpleUploadedFile("values.schema.json", VALUES.encode())
    drafted = send(admin, artifact="values-schema", text="", file=file, chart="podinfo", release="argo")
    assert "kind: Application" in drafted.context["text"]
    assert [one.path for one in drafted.context["decisions"] if one.must and one.line]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"text": ""}, "Choose a file, or paste its text.", id="nothing"),
        pytest.param({"text": "kind: Pod"}, "There is no CustomResourceDefinition in it.", id="another-kind"),
        pytest.param({"text": "a: [", "artifact": "values-schema"}, "This is not valid YAML", id="no-yaml"),
        pytest.param({"capability": "Not A Name"}, "must be 2 to 39 lower-case letters", id="name"),
        pytest.param({"kind": "Nothing"}, "Choose one of TLSCertificate", id="kind"),
        pytest.param({"text": "x: " + "y" * 1_000_001}, "at most 1,000,000 are read", id="too-long"),
    ],
)
def test_what_cannot_be_drafted_is_told_at_its_field(admin: Any, given: dict[str, Any], words: str) -> None:
    refused = send(admin, **given)
    assert refused.status_code in (413, 422)
    if refused.status_code == 422:
        assert words in refused.content.decode()


def test_the_api_drafts_and_lists_decisions(admin: Any) -> None:
    token = token_for(admin.organisation.admin, "admin")
    headers = {"Authorization": f"Bearer {token}"}
    body = {"artifact": "crd", "text": CRD, "capability": "certificate"}
    made = admin.post("/api/v1/contract-drafts/", body, content_type="application/json", headers=headers).json()
    assert made["document"]["metadata"]["capability"] == "certificate"
    assert made["problems"] == []
    assert [one["rule"] for one in made["decisions"] if one["must"]] == ["usage", "owner"]
    assert made["yaml"].startswith("# To decide before it is published:\n# spec.usage:")

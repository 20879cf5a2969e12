"""Capabilities as documentation: schema, examples, versions, who uses what."""

from __future__ import annotations

import json

import pytest
import yaml
from django.urls import reverse

from portal.reading.capabilities import FEW, best_version, by_category, cards, examples, usage_matrix
from provisioning.contracts import builtin_documents
from provisioning.models import Capability, Contract, Resource
from tests.personas import NOW, Organisation
from tests.portal.pages import estate

pytestmark = pytest.mark.django_db

BUILT_IN = {path.partition("/")[0] for path, _ in builtin_documents()}


@pytest.fixture
def organisation():
    return Organisation.found()


@pytest.fixture
def stages(organisation):
    return estate.install()


def page(client, organisation, *arguments, persona="developer", **query):
    client.force_login(organisation.people[persona])
    name = "capability" if arguments else "capabilities"
    return client.get(reverse(name, args=arguments), query)


def publish(capability, version, state):
    """Another version with the same document, as far as pages care."""
    first = Contract.objects.filter(capability__name=capability).first()
    major, minor, patch = map(int, version.split("."))
    return Contract.objects.create(
        capability=first.capability, version=version, major=major, minor=minor, patch=patch, state=state,
        document=first.document, digest=f"{capability}-{version}", published_at=NOW,
    )  # fmt: skip


def test_cards_say_version_price_and_use(client, organisation, stages):
    estate.environment(organisation.checkout, stages["dev"], organisation.developer)
    found = {card.capability.name: card for card in cards()}
    assert set(found) == BUILT_IN
    assert (found["postgres"].in_use, found["route"].in_use) == (1, 0)
    assert found["postgres"].price.amount > found["route"].price.amount == 0
    text = page(client, organisation).content.decode()
    assert f"from €{found['postgres'].price.amount:,.2f} a month" in text


QUERIES = {
    "a word of the summary": ({"q": "postgres"}, {"postgres"}),
    "every word must fit": ({"q": "volume http"}, set()),
    "a category": ({"category": "network"}, {"route", "public-api"}),
    "all": ({}, BUILT_IN),
}


@pytest.mark.parametrize(("query", "names"), QUERIES.values(), ids=QUERIES.keys())
def test_it_filters_by_the_address(client, organisation, stages, query, names):
    groups = page(client, organisation, **query).context["groups"]
    assert {card.capability.name for _, group in groups for card in group} == names


def test_many_capabilities_are_grouped(stages):
    all_cards = cards()
    assert [name for name, _ in by_category(all_cards[:FEW])] == [""]
    assert [name for name, _ in by_category(all_cards)] == ["compute", "data", "network", "configuration"]


BEST = {
    "the newest stable": ([("1.0.0", "stable"), ("1.2.0", "stable"), ("1.10.0", "stable")], "1.10.0"),
    "stable before a newer preview": ([("1.0.0", "stable"), ("2.0.0", "preview")], "1.0.0"),
    "deprecated before defective": ([("1.0.0", "deprecated"), ("1.1.0", "defective")], "1.0.0"),
}


@pytest.mark.parametrize(("versions", "best"), BEST.values(), ids=BEST.keys())
def test_it_shows_the_best_version_first(versions, best):
    rows = []
    for version, state in versions:
        major, minor, patch = map(int, version.split("."))
        rows.append(Contract(version=version, major=major, minor=minor, patch=patch, state=state))
    assert best_version(rows).version == best


def test_it_documents_every_input_and_output(client, organisation, stages):
    contract = Contract.objects.get(capability__name="postgres", version="1.0.0")
    spec = contract.document["spec"]
    text = page(client, organisation, "postgres", version="1.0.0").content.decode()
    for name in (*spec["inputs"]["properties"], *spec["outputs"]):
        assert f"<code>{name}</code>" in text
    assert "Secret, never leaves the cluster" in text
    assert "integer, 1 to 500 GiB" in text


def test_examples_can_be_copied_as_yaml_sent_with_curl_and_opened_as_a_form(stages):
    contract = Contract.objects.select_related("capability").get(capability__name="postgres", version="1.0.0")
    for example, declared in zip(
        examples(contract, "https://slipway.test"), contract.document["spec"]["examples"], strict=True
    ):
        (resource,) = yaml.safe_load(example.yaml).values()
        assert resource == {"capability": "postgres@1", "inputs": declared["inputs"]}
        body = json.loads(example.curl.partition("-d '")[2].rstrip("'"))
        assert list(body["spec"]["resources"].values()) == [resource]
        assert example.form_url == f"/environments/new?capability=postgres&example={declared['name']}"


def test_a_quote_in_an_example_does_not_end_the_shell_string(stages):
    contract = Contract.objects.select_related("capability").get(capability__name="web-service", version="1.0.0")
    contract.document["spec"]["examples"] = [{"name": "quote", "inputs": {"command": ["it's"]}}]
    assert "it'\\''s" in examples(contract, "https://slipway.test")[0].curl


def test_it_shows_an_older_version_and_says_so(client, organisation, stages):
    publish("postgres", "0.9.0", "deprecated")
    text = page(client, organisation, "postgres", version="0.9.0").content.decode()
    assert "This is version 0.9.0. The newest is 2.0.0." in text
    assert page(client, organisation, "postgres", version="7.7.7").status_code == 404
    assert page(client, organisation, "nothing").status_code == 404


def test_who_uses_which_keeps_restricted_systems_to_themselves(client, organisation, stages):
    old = publish("postgres", "0.9.0", "deprecated")
    for system in (organisation.checkout, organisation.vault):
        made = estate.environment(system, stages["dev"], organisation.developer)
    Resource.objects.filter(environment=made, name="db").update(contract=old)
    own = page(client, organisation, "postgres", persona="viewer")
    assert [line.system.slug for line in own.context["usage"].lines] == ["checkout", "vault"]
    assert own.context["usage"].outdated == 1
    other = page(client, organisation, "postgres", persona="stranger")
    assert [line.system.slug for line in other.context["usage"].lines] == ["checkout"]
    assert b"vault" not in other.content


def test_no_use_is_an_empty_matrix():
    empty = usage_matrix([])
    assert (empty.stages, empty.lines, empty.outdated) == ([], [], 0)


def test_a_readme_cannot_bring_markup(client, organisation, stages):
    Capability.objects.filter(name="postgres").update(
        readme="# x\n\n<img src=x onerror=alert(1)> [go](javascript:alert(1))\n\n```\n</pre><script>\n```"
    )
    text = page(client, organisation, "postgres").content.decode()
    assert "<img src=x" not in text
    assert 'href="javascript' not in text
    assert "</pre><script>" not in text
    assert "&lt;img src=x" in text

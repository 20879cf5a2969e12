"""Environments over the API: lists, one, and its parts."""

from __future__ import annotations

import pytest

from provisioning.models import Cluster, ClusterWatch
from tests.personas import NOW
from tests.provisioning.organisation import create

pytestmark = pytest.mark.django_db

PARTS = ("resources", "revisions", "changes", "runs", "events")


def test_it_lists_living_environments(api, living):
    listed = api("developer").get("environments/").json()
    assert [one["url"] for one in listed["items"]] == ["/api/v1/environments/checkout/try/"]
    assert listed["next"] is None
    [row] = listed["items"]
    assert (row["state"], row["revision"], row["observed_revision"], row["sandbox"]) == ("ready", 1, 1, True)
    assert row["monthly_cost"] > 0


def test_it_reads_one_with_outputs_and_no_secret(api, living):
    read = api("viewer").get("environments/checkout/try/").json()
    resources = {one["name"]: one for one in read["resources"]}
    assert resources["db"]["outputs"]["host"] == "db.checkout-try.svc"
    assert "credentials" in resources["db"]["secret_outputs"]
    assert resources["api"]["depends_on"] == ["db"]
    assert read["document"]["spec"]["resources"]["api"]["inputs"]["replicas"] == 2
    assert read["power"] == "awake"


def test_it_says_since_when_nobody_knows_how_it_is(api, client, living, organisation):
    assert api("viewer").get("environments/checkout/try/").json()["unknown_since"] is None
    client.force_login(organisation.developer)
    assert "Unknown since" not in client.get("/systems/checkout/").content.decode()
    ClusterWatch.objects.update_or_create(
        cluster=Cluster.objects.get(name="sandbox"), defaults={"unreachable_since": NOW, "unreachable_why": "Away."}
    )
    told = NOW.isoformat().replace("+00:00", "Z")
    assert api("viewer").get("environments/checkout/try/").json()["unknown_since"] == told
    [row] = api("viewer").get("environments/").json()["items"]
    assert row["unknown_since"] == told
    page = client.get("/systems/checkout/").content.decode()
    assert "Unknown since" in page
    assert "When its cluster answers" in page


@pytest.mark.parametrize("part", PARTS)
def test_it_reads_each_part(api, living, part):
    body = api("viewer").get(f"environments/checkout/try/{part}/").json()
    assert body["items"]


@pytest.mark.parametrize("part", ["", *(f"{part}/" for part in PARTS)])
def test_it_does_not_admit_a_restricted_one(api, organisation, part):
    assert api("stranger").get(f"environments/vault/try/{part}").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        pytest.param("q=try", 1, id="name"),
        pytest.param("q=nothing", 0, id="no-such-name"),
        pytest.param("stage=dev&state=ready&team=payments&system=checkout", 1, id="all-filters"),
        pytest.param("stage=prod", 0, id="other-stage"),
        pytest.param("team=storefront", 0, id="other-team"),
    ],
)
def test_it_filters(api, living, query, found):
    assert len(api("developer").get(f"environments/?{query}").json()["items"]) == found


@pytest.mark.parametrize(
    ("query", "path", "words"),
    [
        pytest.param("sort=name", "sort", "here: cursor, drift, limit, q, stage, state, system, team", id="unknown"),
        pytest.param("limit=0", "limit", "from 1 to 200", id="limit-zero"),
        pytest.param("limit=201", "limit", "from 1 to 200", id="limit-large"),
        pytest.param("limit=ten", "limit", "whole number", id="limit-word"),
        pytest.param("state=happy", "state", "one of", id="state"),
        pytest.param("stage=a&stage=b", "stage", "once", id="twice"),
        pytest.param("q=%00", "q", "plain text", id="nul"),
        pytest.param("cursor=bm9uc2Vuc2U", "cursor", "does not belong", id="cursor"),
    ],
)
def test_it_refuses_a_query_that_is_not_as_declared(api, organisation, query, path, words):
    response = api("developer").get(f"environments/?{query}")
    assert response.status_code == 400
    [error] = [one for one in response.json()["errors"] if one["path"] == path]
    assert words in error["message"]


def test_it_pages_by_keyset_and_keeps_the_filters(api, organisation):
    for number in range(5):
        create(organisation, f"try-{number}")
    caller, seen, url = api("developer"), [], "environments/?limit=2&system=checkout"
    while url:
        body = caller.get(url).json()
        seen += [one["name"] for one in body["items"]]
        url = body["next"]
        assert url is None or "system=checkout" in url
    assert sorted(seen) == [f"try-{number}" for number in range(5)]


def test_it_costs_the_same_queries_for_few_and_for_many(api, organisation, django_assert_max_num_queries):
    caller = api("developer")
    for number in range(3):
        create(organisation, f"try-{number}")
    caller.get("environments/")
    with django_assert_max_num_queries(6) as few:
        caller.get("environments/")
    for number in range(3, 9):
        create(organisation, f"try-{number}")
    with django_assert_max_num_queries(6) as many:
        assert len(caller.get("environments/").json()["items"]) == 9
    assert len(few) == len(many)

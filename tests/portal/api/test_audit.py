"""The audit log over the API."""

from __future__ import annotations

import pytest

from governance.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("persona", "status", "teams"),
    [
        pytest.param("admin", 200, {"payments", "storefront", ""}, id="admin"),
        pytest.param("auditor", 200, {"payments", "storefront", ""}, id="auditor"),
        pytest.param("developer", 200, {"payments"}, id="developer"),
        pytest.param("maintainer", 200, {"payments"}, id="maintainer"),
        pytest.param("stranger", 200, {"storefront"}, id="stranger"),
        pytest.param("viewer", 403, set(), id="viewer"),
    ],
)
def test_it_shows_each_their_part(api, waiting, persona, status, teams):
    response = api(persona).get("audit/?limit=200")
    assert response.status_code == status
    assert {one["team"] for one in response.json().get("items", [])} == teams


def test_it_refuses_another_teams_log(api, organisation):
    assert api("developer").get("audit/?team=storefront").status_code == 403


def test_it_reads_newest_first_in_pages_and_filters(api, waiting):
    caller, seen, url = api("auditor"), [], "audit/?limit=7"
    while url:
        body = caller.get(url).json()
        seen += [one["sequence"] for one in body["items"]]
        url = body["next"]
    assert seen == list(AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True))
    found = caller.get(f"audit/?object_type=change&object_id={waiting.pk}&actor=developer&action=change").json()
    assert [one["action"] for one in found["items"]] == ["change.submit"]


def test_it_ties_an_entry_to_its_request(api, organisation):
    body = {"slug": "search", "name": "Search"}
    made = api("admin").post("teams/", body, X_Request_Id="my-own-request-1")
    assert made["X-Request-Id"] == "my-own-request-1"
    entry = AuditEntry.objects.latest("sequence")
    assert (entry.action, entry.request_id, entry.via) == ("team.create", "my-own-request-1", "api")


@pytest.mark.parametrize("said", ["", "2026-11-22", "yesterday", "2026-11-22T09:30:00", "2026-13-40T09:30:00Z"])
@pytest.mark.parametrize("name", ["since", "until"])
def test_it_refuses_what_is_no_moment(api, organisation, name, said):
    refused = api("auditor").get(f"audit/?{name}={said}")
    assert (refused.status_code, refused.json()["code"]) == (400, "bad-query")
    assert [one["path"] for one in refused.json()["errors"]] == [name]


def test_it_reads_from_one_moment_to_another(api, organisation):
    first, *_, last = AuditEntry.objects.order_by("sequence")
    since, until = (one.at.isoformat().replace("+00:00", "Z") for one in (first, last))
    asked = AuditEntry.objects.filter(at__gte=first.at, at__lt=last.at).order_by("-at", "-sequence")
    found = api("auditor").get(f"audit/?limit=200&since={since}&until={until}").json()["items"]
    assert [one["sequence"] for one in found] == list(asked.values_list("sequence", flat=True))

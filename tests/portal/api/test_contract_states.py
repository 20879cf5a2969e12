"""States of contracts over the API: moving them, opting in to previews, and the headers that announce an end."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from governance.models import AuditEntry
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from provisioning.contracts import builtin_documents
from provisioning.models import Contract
from provisioning.services.contracts import contract_publish
from tests.provisioning.organisation import spec

pytestmark = pytest.mark.django_db

ONE = "capabilities/postgres/contracts/1.0.0/"
END = datetime(2099, 3, 31, tzinfo=UTC)
DEPRECATED = {"state": "deprecated", "reason": "1.1.0 keeps backups.", "sunset": "2099-03-31", "replacement": "1.1.0"}


@pytest.fixture
def newer(organisation: Any) -> Contract:
    return publish("1.1.0")


def publish(version: str, state: str = "stable") -> Contract:
    data = deepcopy(dict(dict(builtin_documents())["postgres/1.0.0.yaml"].data))
    data["metadata"]["version"] = version
    data["spec"]["state"] = state
    return contract_publish(PLATFORM, document=data, now=clock.now())


def move(api: Any, body: dict[str, Any], *, who: str = "admin", tag: str | None = None) -> Any:
    return api(who).patch(ONE, body, If_Match=tag or '"1"')


def require_announced(response: Any) -> None:
    """Both dates in their two forms, and where to go."""
    since = int(response["Deprecation"].removeprefix("@"))
    assert abs(since - clock.now().timestamp()) < 120
    assert response["Sunset"] == "Tue, 31 Mar 2099 00:00:00 GMT"
    assert parsedate_to_datetime(response["Sunset"]) == END
    assert response["Link"] == '</api/v1/capabilities/postgres/contracts/1.1.0/>; rel="successor-version"'


def test_it_moves_a_version_and_announces_the_end(api: Any, newer: Contract) -> None:
    moved = move(api, DEPRECATED)
    assert moved.status_code == 200, moved.content
    assert moved["ETag"] == '"2"'
    require_announced(moved)
    read = api("viewer").get(ONE)
    require_announced(read)
    told = {key: read.json()[key] for key in ("state", "reason", "sunset", "replacement")}
    assert told == {**DEPRECATED, "sunset": "2099-03-31T00:00:00Z"}
    assert AuditEntry.objects.filter(action="contract.state").count() == 1


REFUSED = {
    "somebody was faster": (DEPRECATED, '"7"', 412, "precondition-failed"),
    "an illegal move": ({"state": "retired"}, '"1"', 409, "illegal-state"),
    "no such state": ({"state": "old"}, '"1"', 422, "invalid"),
    "not a day": ({**DEPRECATED, "sunset": "soon"}, '"1"', 422, "invalid"),
    "no reason": ({**DEPRECATED, "reason": ""}, '"1"', 422, "invalid"),
    "no end": ({"state": "deprecated", "reason": "Old."}, '"1"', 422, "invalid"),
    "replaced by nothing": ({**DEPRECATED, "replacement": "9.9.9"}, '"1"', 422, "invalid"),
}


@pytest.mark.parametrize(("body", "tag", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(api: Any, newer: Contract, body: dict[str, Any], tag: str, status: int, code: str) -> None:
    refused = move(api, body, tag=tag)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert Contract.objects.get(capability__name="postgres", version="1.0.0").state == "stable"


def test_plans_and_changes_announce_what_they_use(api: Any, newer: Contract) -> None:
    move(api, DEPRECATED)
    made = spec()
    made["resources"]["db"]["capability"] = "postgres@1.0.0"
    body = {"kind": "create", "system": "checkout", "environment": "old", "spec": made}
    planned = api("developer").post("plans/", body)
    require_announced(planned)
    [warning] = planned.json()["warnings"]
    assert warning.startswith("postgres 1.0.0 is deprecated and ends on 31 Mar 2099")
    submitted = api("developer").post("changes/", body)
    require_announced(submitted)
    require_announced(api("viewer").get(f"changes/{submitted.json()['id']}/"))
    require_announced(api("viewer").get("environments/checkout/old/"))
    require_announced(api("viewer").get("environments/checkout/old/resources/"))


def test_what_uses_only_stable_versions_announces_nothing(api: Any, newer: Contract) -> None:
    move(api, DEPRECATED)
    body = {"kind": "create", "system": "checkout", "environment": "new", "spec": spec()}
    planned = api("developer").post("plans/", body)
    assert planned.json()["warnings"] == []
    assert not {"Deprecation", "Sunset", "Link"} & set(planned.headers)
    assert api("developer").post("changes/", body).status_code == 202
    read = api("viewer").get("environments/checkout/new/")
    assert not {"Deprecation", "Sunset", "Link"} & set(read.headers)


def test_a_team_opts_in_to_previews_and_out(api: Any, organisation: Any) -> None:
    publish("1.1.0", "preview")
    made = spec()
    made["resources"]["db"]["capability"] = "postgres@1.1.0"
    body = {"kind": "create", "system": "checkout", "environment": "early", "spec": made}
    assert api("developer").post("plans/", body).json()["outcome"] == "invalid"
    joined = api("maintainer").post("capabilities/postgres/previews/", {"team": "payments"})
    assert (joined.status_code, joined.json()["team"]) == (200, "payments")
    [listed] = api("viewer").get("capabilities/postgres/previews/").json()["items"]
    assert listed == joined.json()
    assert api("developer").post("plans/", body).json()["outcome"] == "starts"
    assert api("maintainer").post("capabilities/postgres/previews/payments/leave/").status_code == 204
    assert api("developer").post("plans/", body).json()["outcome"] == "invalid"


@pytest.mark.parametrize(("capability", "team"), [("none", "payments"), ("postgres", "none")])
def test_there_is_nothing_to_opt_in_to(api: Any, organisation: Any, capability: str, team: str) -> None:
    assert api("admin").post(f"capabilities/{capability}/previews/", {"team": team}).status_code == 404
    assert api("admin").post(f"capabilities/{capability}/previews/{team}/leave/").status_code == 404

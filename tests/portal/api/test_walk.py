"""From the OpenAPI document alone: plan, ask, agree, run, use the outputs, change, delete. Over WSGI with httpx.

The client knows the address of the document and nothing else; paths, methods and the body it starts from are read
there. The worker is carried out by hand between two requests.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import httpx
import pytest
from django.core.wsgi import get_wsgi_application

from governance.selectors.quota import quota_state
from provisioning.models import Run
from tests.portal.api.client import token_for

pytestmark = pytest.mark.django_db


class Program:
    """Somebody's program with a token."""

    def __init__(self, token: str) -> None:
        transport = httpx.WSGITransport(app=get_wsgi_application())
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(transport=transport, base_url="http://localhost", headers=headers)
        self.document = self.http.get("/api/v1/openapi.json").raise_for_status().json()

    def do(self, operation_id: str, body: Any = None, headers: dict[str, str] | None = None, **parameters: Any) -> Any:
        """Call an operation by its id; answers its JSON. Fails on what the document does not call a success."""
        path, method, operation = self._operation(operation_id)
        names = {one["name"]: one["in"] for one in operation.get("parameters", ())}
        for name in [name for name in parameters if names[name] == "path"]:
            path = path.replace(f"{{{name}}}", str(parameters.pop(name)))
        response = self.http.request(method, path, json=body, params=parameters, headers=headers)
        successes = [int(status) for status in operation["responses"] if status.startswith("2")]
        assert response.status_code in successes, response.text
        return response.json()

    def example_of(self, operation_id: str) -> Any:
        _, _, operation = self._operation(operation_id)
        return deepcopy(operation["requestBody"]["content"]["application/json"]["examples"]["example1"]["value"])

    def _operation(self, operation_id: str) -> tuple[str, str, dict[str, Any]]:
        return next(
            (path, method, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
            if operation["operationId"] == operation_id
        )


@pytest.fixture
def developer(organisation) -> Program:
    return Program(token_for(organisation.developer, "read", "change"))


@pytest.fixture
def maintainer(organisation) -> Program:
    return Program(token_for(organisation.maintainer, "read", "approve"))


def test_it_goes_all_the_way(organisation, developer, maintainer, work):
    where = {"system": "checkout", "name": "try-out"}
    wish = developer.example_of("plans_make")
    wish["spec"]["stage"] = "prod"

    planned = developer.do("plans_make", wish)
    assert (planned["outcome"], planned["problems"]) == ("waits", [])
    assert "maintainer" in planned["approvals"][0]["who"]

    asked = developer.do("changes_submit", wish, headers={"Idempotency-Key": '"walk-1"'})
    assert asked["state"] == "pending"
    assert asked["plan_digest"] == planned["plan_digest"]

    [inbox] = maintainer.do("changes_list", waiting_on="me")["items"]
    read = maintainer.do("changes_read", change_id=inbox["id"])
    agreed = maintainer.do("changes_approve", {"plan_digest": read["plan_digest"]}, change_id=inbox["id"])
    assert agreed["state"] == "running"

    work()
    [run] = developer.do("changes_read", change_id=inbox["id"])["runs"]
    carried_out = developer.do("runs_read", run_id=run["id"])
    assert carried_out["state"] == "succeeded", carried_out["error"]
    assert {step["state"] for step in carried_out["steps"]} == {"done"}
    assert developer.do("runs_events", run_id=run["id"])["items"]

    resources = {one["name"]: one for one in developer.do("environments_resources", **where)["items"]}
    assert resources["db"]["outputs"]["host"] == "db.checkout-try-out.svc"
    assert resources["api"]["outputs"]["service"]
    assert "password" not in str(resources["db"]["outputs"])

    document = developer.do("environments_read", **where)["document"]
    document["spec"]["resources"]["api"]["inputs"]["replicas"] = 3
    update = {"kind": "update", "system": "checkout", "environment": "try-out", "spec": document["spec"], "base": 1}
    [updated] = [one for one in developer.do("plans_make", update)["plan"]["resources"] if one["action"] == "updated"]
    assert [field["path"] for field in updated["fields"]] == ["replicas"]
    second = developer.do("changes_submit", update)
    maintainer.do("changes_approve", {"plan_digest": second["plan_digest"]}, change_id=second["id"])
    work()
    assert developer.do("environments_read", **where)["observed_revision"] == 2

    farewell = {"kind": "delete", "system": "checkout", "environment": "try-out", "confirm": "try-out", "reason": "x"}
    last = developer.do("changes_submit", farewell)
    maintainer.do("changes_approve", {"plan_digest": last["plan_digest"]}, change_id=last["id"])
    work()
    assert developer.do("changes_read", change_id=last["id"])["state"] == "succeeded"
    assert developer.do("environments_list", system="checkout")["items"] == []
    assert not quota_state(organisation.payments.pk).used
    assert [one["state"] for one in developer.do("environments_runs", **where)["items"]] == ["succeeded"] * 3


def test_an_example_that_stands_in_the_document_starts_as_it_is(developer, work):
    asked = developer.do("changes_submit", developer.example_of("changes_submit"))
    assert asked["state"] == "running"
    work()
    assert Run.objects.get().state == "succeeded"

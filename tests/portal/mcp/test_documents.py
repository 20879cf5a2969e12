"""What agents read by its address: the same as its tool answers, for the same readers, and kept as a call."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client

from governance.models import AuditEntry
from idp.kernel import clock
from provisioning.models import AgentCall, Run
from tests.personas import Organisation
from tests.portal.mcp.test_door import Agent
from tests.provisioning.agents import agent
from tests.provisioning.organisation import carry_out, create, equip

pytestmark = pytest.mark.django_db


@pytest.fixture
def caller(organisation: Organisation) -> Agent:
    equip(organisation)
    return Agent(Client(), agent(organisation, now=clock.now())[1])


def read(caller: Agent, uri: str) -> Any:
    (content,) = caller.ask("resources/read", uri=uri)["result"]["contents"]
    assert (content["uri"], content["mimeType"]) == (uri, "application/yaml")
    return yaml.safe_load(content["text"])


def test_it_lists_and_reads_what_the_tools_answer(organisation: Organisation, caller: Agent) -> None:
    carry_out(Run.objects.get(change=create(organisation)))
    listed = {one["uri"] for one in caller.ask("resources/list")["result"]["resources"]}
    assert {"slipway://capabilities/postgres", "slipway://environments/checkout/try"} <= listed
    found = read(caller, "slipway://environments/checkout/try")
    assert found | {"is_error": False} == caller.call("get_environment", system="checkout", environment="try")
    assert "password" not in str([one["outputs"] for one in found["resources"] if one["name"] == "db"])
    assert read(caller, "slipway://capabilities/postgres@1.0.0")["version"] == "1.0.0"
    kept = list(AgentCall.objects.order_by("pk").values_list("tool", "outcome"))
    assert kept[:2] == [("list_resources", "done"), ("read_resource", "done")]
    assert AuditEntry.objects.filter(action="agent.call").count() == len(kept)


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        pytest.param("slipway://environments/shop/live", "not-found", id="another team's environment"),
        pytest.param("slipway://environments/checkout/nothing", "not-found", id="what is not there"),
        pytest.param("slipway://capabilities/moon", "not-found", id="an unknown capability"),
        pytest.param("slipway://changes/1", "not-found", id="another kind"),
        pytest.param("file:///etc/passwd", "not-found", id="another scheme"),
        pytest.param("slipway://capabilities/../../x", "not-found", id="a way out"),
        pytest.param(f"slipway://capabilities/{'x' * 300}", "invalid", id="too long"),
    ],
)
def test_it_refuses_what_may_not_be_read_and_keeps_that_too(caller: Agent, uri: str, code: str) -> None:
    error = caller.ask("resources/read", uri=uri)["error"]
    assert error["data"]["code"] == code
    call = AgentCall.objects.get()
    assert (call.tool, call.outcome, call.code) == ("read_resource", "refused", code)

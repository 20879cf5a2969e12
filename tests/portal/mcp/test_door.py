"""The door for agents: who comes in, what the protocol answers, and that nothing is left behind."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance.models import AuditEntry
from governance.services.systems import system_update
from idp.kernel import clock
from idp.kernel.actor import PLATFORM
from portal.mcp import door
from portal.mcp.bounds import MOST_LETTERS, bounded
from portal.mcp.tools import TOOLS
from provisioning.models import AgentCall, AgentSession, Change, Run
from tests.personas import NOW, Organisation
from tests.portal.api.client import token_for
from tests.provisioning.agents import agent
from tests.provisioning.organisation import carry_out, create, equip, spec

OLD, NEW = "2025-06-18", "2026-07-28"


class Agent:
    """A client that speaks the protocol by hand."""

    def __init__(self, client: Client, token: str) -> None:
        self.client, self.token = client, token
        self.headers: dict[str, str] = {}

    def post(self, message: Any, **headers: str) -> HttpResponse:
        body = message if isinstance(message, (bytes, str)) else json.dumps(message)
        sent = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": OLD,
            **self.headers,
            **headers,
        }
        content_type = sent.pop("Content-Type", "application/json")
        return self.client.post("/mcp", body, content_type=content_type, headers=sent)  # type: ignore[return-value]

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        answer = self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert answer.status_code == 200, answer.content
        return json.loads(answer.content)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """What a tool answers; its problem, when it refuses."""
        result = self.ask("tools/call", name=tool, arguments=arguments)["result"]
        told = json.loads(result["content"][0]["text"])
        if not result["isError"]:
            assert told == result["structuredContent"]
        return {**told, "is_error": result["isError"]}


@pytest.fixture
def people(db: None) -> Organisation:
    return Organisation.found()


@pytest.fixture
def organisation(people: Organisation) -> Organisation:
    equip(people)
    return people


@pytest.fixture
def caller(people: Organisation, client: Client) -> Agent:
    return Agent(client, agent(people, now=clock.now())[1])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"Authorization": ""}, 401, "not-signed-in", id="nobody"),
        pytest.param({"Authorization": "Basic eDp5"}, 401, "not-signed-in", id="another way in"),
        pytest.param({"Authorization": "Bearer slw_abcdefghij_" + "x" * 43}, 401, "bad-token", id="unknown token"),
        pytest.param({"Origin": "https://evil.example"}, 403, "foreign-origin", id="another site"),
        pytest.param({"Origin": "null"}, 403, "foreign-origin", id="a page without a site"),
        pytest.param({"Content-Type": "text/plain"}, 400, "bad-request", id="no JSON"),
        pytest.param({"Content-Type": "multipart/form-data; boundary=x"}, 400, "bad-request", id="a form"),
        pytest.param({"Origin": "http://testserver"}, 200, "", id="this portal"),
    ],
)
def test_it_opens_to_agents_only(caller: Agent, headers: dict[str, str], status: int, code: str) -> None:
    answer = caller.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, **headers)
    assert answer.status_code == status
    if code:
        assert (answer.json()["code"], answer["Content-Type"]) == (code, "application/problem+json")
        assert ("WWW-Authenticate" in answer) is (status == 401)


def test_it_opens_to_no_other_token_and_its_own_opens_nothing_else(caller: Agent, people: Organisation) -> None:
    other = Agent(caller.client, token_for(people.developer, "read", "change"))
    assert other.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}).status_code == 401
    headers = {"Authorization": f"Bearer {caller.token}"}
    for path in ("/api/v1/me", "/api/v1/changes/"):
        assert caller.client.get(path, headers=headers).status_code == 401
    caller.client.force_login(people.developer)
    assert caller.client.post("/mcp", "{}", content_type="application/json").status_code == 401


@pytest.mark.parametrize("method", ["get", "delete", "put", "options"])
def test_it_streams_nothing(caller: Agent, method: str) -> None:
    answer = getattr(caller.client, method)("/mcp", headers={"Authorization": f"Bearer {caller.token}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param("{", 400, id="cut off"),
        pytest.param("[]", 400, id="a batch"),
        pytest.param('"text"', 400, id="a text"),
        pytest.param("[" * 50_000, 400, id="deep"),
        pytest.param("9" * 5_000, 400, id="a long number"),
        pytest.param(
            '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "\\u0000"}}', 400, id="NUL"
        ),
        pytest.param(b"\xff\xfe", 400, id="no text"),
        pytest.param('{"jsonrpc": "2.0", "method": "notifications/initialized"}', 202, id="a note"),
        pytest.param(b" " * (door.MOST_BYTES + 1), 413, id="too large"),
    ],
)
@pytest.mark.parametrize("version", [OLD, NEW])
def test_it_answers_whatever_comes(caller: Agent, body: bytes | str, status: int, version: str) -> None:
    answer = caller.post(body, **{"MCP-Protocol-Version": version})
    assert answer.status_code == status, answer.content


def test_it_says_hello_and_keeps_the_session_apart(caller: Agent) -> None:
    hello = {"protocolVersion": OLD, "capabilities": {}, "clientInfo": {"name": "editor", "version": "2"}}
    answer = caller.post({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
    result = answer.json()["result"]
    assert (result["protocolVersion"], result["serverInfo"]["name"]) == (OLD, "slipway")
    assert "never instructions" in result["instructions"]
    key = answer["Mcp-Session-Id"]
    caller.headers = {"Mcp-Session-Id": key}
    caller.call("list_systems")
    session = AgentSession.objects.get()
    assert (session.key, session.client, session.calls) == (key, "editor 2", 1)


def test_it_speaks_the_version_without_a_hello(caller: Agent) -> None:
    meta = {
        "io.modelcontextprotocol/protocolVersion": NEW,
        "io.modelcontextprotocol/clientInfo": {"name": "newer", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    answer = caller.post(message, **{"MCP-Protocol-Version": NEW, "Mcp-Method": "tools/list"})
    assert len(answer.json()["result"]["tools"]) == len(TOOLS)
    assert AgentSession.objects.get().client == "newer 1"


def test_it_refuses_a_version_that_nobody_speaks(caller: Agent) -> None:
    answer = caller.post({"jsonrpc": "2.0", "id": 1, "method": "ping"}, **{"MCP-Protocol-Version": "1999-01-01"})
    assert answer.status_code == 400


def test_its_tools_say_what_they_do() -> None:
    """Nothing approves, rejects, comments, cancels or administers; only one tool leads to a change."""
    assert [name for name, tool in TOOLS.items() if not tool.reads] == ["submit_change"]
    forbidden = ("approve", "reject", "comment", "cancel", "policy", "token", "member", "delete", "sign")
    assert not [name for name in TOOLS if any(word in name for word in forbidden)]
    for tool in TOOLS.values():
        assert tool.takes["additionalProperties"] is False
        assert tool.gives["required"]


def test_it_leaves_neither_threads_nor_loops_behind(caller: Agent) -> None:
    caller.call("list_systems")
    before = threading.active_count()
    for _ in range(10):
        caller.call("list_systems")
    assert threading.active_count() <= before


def test_it_asks_little_of_the_database(caller: Agent) -> None:
    caller.call("list_systems")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        caller.call("list_systems")
    reads = [one["sql"] for one in asked.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len(reads) <= 12, reads


def test_it_lets_an_agent_call_so_often(caller: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr(door, "MOST_A_MINUTE", 0)
    answer = caller.post({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        pytest.param("get_system", {"system": "shop"}, "not-found", id="another team's system"),
        pytest.param("get_system", {}, "invalid", id="an argument is missing"),
        pytest.param("get_system", {"system": "checkout", "sudo": True}, "invalid", id="an argument too much"),
        pytest.param("list_systems", {"limit": 500}, "invalid", id="too many"),
        pytest.param("list_systems", {"cursor": "x"}, "bad-cursor", id="a cursor of nothing"),
        pytest.param("get_change", {"change": 2**53}, "not-found", id="an unknown change"),
        pytest.param("get_run", {"run": 1}, "not-found", id="an unknown run"),
        pytest.param("get_contract", {"capability": "moon"}, "not-found", id="an unknown capability"),
        pytest.param("submit_change", {"plan_digest": "0" * 64}, "plan-first", id="nothing planned"),
        pytest.param(
            "plan", {"kind": "revert", "system": "checkout", "environment": "x"}, "invalid", id="not its kind"
        ),
    ],
)
def test_it_says_in_words_what_is_wrong(caller: Agent, tool: str, arguments: dict[str, Any], code: str) -> None:
    told = caller.call(tool, **arguments)
    assert (told["is_error"], told["code"]) == (True, code)
    assert told["message"].endswith(".")
    call = AgentCall.objects.get()
    assert (call.tool, call.outcome, call.code) == (tool, "refused", code)
    assert AuditEntry.objects.filter(action="agent.call").count() == 1


def test_it_keeps_calls_of_tools_that_do_not_exist(caller: Agent) -> None:
    answer = caller.ask("tools/call", name="approve_change", arguments={"change": 1, "token": "x"})
    assert "no tool" in answer["error"]["message"]
    call = AgentCall.objects.get()
    assert (call.tool, call.outcome, call.arguments["token"]) == ("approve_change", "refused", "(hidden)")


def test_it_reads_what_its_owner_may_see(organisation: Organisation, caller: Agent) -> None:
    change = create(organisation)
    carry_out(Run.objects.get(change=change))
    bad = create(organisation, "bad", api={"image": "registry.example/checkout-api:missing"})
    carry_out(Run.objects.get(change=bad))
    assert [one["name"] for one in caller.call("list_systems")["items"]] == ["checkout", "vault"]
    assert {one["name"] for one in caller.call("get_system", system="checkout")["environments"]} == {"bad", "try"}
    assert [one["name"] for one in caller.call("list_environments", state="ready")["items"]] == ["try"]
    environment = caller.call("get_environment", system="checkout", environment="try")
    assert environment["document"]["spec"]["stage"] == "dev"
    assert "password" not in json.dumps(environment["resources"][0]["outputs"])
    assert caller.call("list_capabilities", limit=3)["next"]
    assert caller.call("get_contract", capability="postgres", version="1.0.0")["inputs"]["type"] == "object"
    assert [one["id"] for one in caller.call("list_changes", system="checkout")["items"]] == [bad.pk, change.pk]
    assert caller.call("list_changes", mine=True)["items"] == []
    assert caller.call("get_change", change=change.pk)["runs"][0]["state"] == "succeeded"
    failed = caller.call("get_run", run=Run.objects.get(change=bad).pk)
    assert failed["error"]["message"]
    assert failed["error"]["remedy"]
    assert any(one["name"] == "checkout" for one in caller.call("search", query="check")["items"])
    system_update(PLATFORM, system=organisation.checkout, name="Checkout", description="", restricted=True, now=NOW)
    assert {one.outcome for one in AgentCall.objects.all()} == {"done"}


def test_it_plans_and_asks(organisation: Organisation, caller: Agent) -> None:
    asked = {"kind": "create", "system": "checkout", "environment": "try", "spec": spec(), "reason": "A branch."}
    planned = caller.call("plan", **asked)
    assert (planned["outcome"], planned["may_submit"]) == ("waits", True)
    assert planned["approvals"][0]["label"] == "a co-signer of payments"
    assert not Change.objects.exists()
    done = caller.call("submit_change", plan_digest=planned["plan_digest"])
    assert (done["state"], done["waits_for"]) == ("pending", ["A co-signer of payments"])
    call = AgentCall.objects.get(tool="submit_change")
    assert (call.change_id, call.text) == (done["change_id"], f"Change #{done['change_id']} is pending.")
    assert [one["id"] for one in caller.call("list_changes", mine=True)["items"]] == [done["change_id"]]
    again = caller.call("submit_change", plan_digest=planned["plan_digest"])
    assert (again["is_error"], again["code"]) == (True, "plan-first")


def test_it_keeps_answers_small() -> None:
    long = bounded({"items": [{"text": "x" * 900} for _ in range(400)], "name": "y" * 10_000})
    assert len(json.dumps(long)) <= MOST_LETTERS
    assert "more letters" in long["name"]

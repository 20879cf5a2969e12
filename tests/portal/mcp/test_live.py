"""The official client against a server that listens, in both generations of the protocol."""

from __future__ import annotations

from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from pytest_django.live_server_helper import LiveServer

from idp.kernel import clock
from provisioning.models import AgentSession
from tests.personas import Organisation
from tests.provisioning.agents import agent
from tests.provisioning.organisation import equip

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_serves_the_official_client(live_server: LiveServer) -> None:
    organisation = Organisation.found()
    equip(organisation)
    _, token = agent(organisation, now=clock.now())
    seen = {mode: anyio.run(_work, live_server.url, token, mode) for mode in ("legacy", "auto")}
    for found in seen.values():
        assert {"plan", "submit_change", "search"} <= found["tools"]
        assert [one["name"] for one in found["systems"]] == ["checkout", "vault"]
        assert found["read"].startswith("capability: postgres\n")
        assert {"capability", "environment"} == found["templates"]
        assert (found["missing"].is_error, "nowhere" in found["missing"].content[0].text) == (True, True)
    assert AgentSession.objects.count() >= 1


async def _work(url: str, token: str, mode: Any) -> dict[str, Any]:
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        transport = streamable_http_client(f"{url}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            tools = {one.name for one in (await client.list_tools()).tools}
            systems = await client.call_tool("list_systems", {})
            missing = await client.call_tool("get_environment", {"system": "checkout", "environment": "nowhere"})
            (read,) = (await client.read_resource("slipway://capabilities/postgres")).contents
            templates = {one.name for one in (await client.list_resource_templates()).resource_templates}
            return {
                "tools": tools,
                "systems": (systems.structured_content or {})["items"],
                "missing": missing,
                "read": read.text,
                "templates": templates,
            }

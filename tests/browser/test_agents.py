"""An agent from its making to what it did: made in the portal, called by the official client, signed by its owner."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person
from tests.provisioning.git_repository import web

pytestmark = [pytest.mark.browser]


def calls_of(url: str, token: str, environment: str) -> dict[str, Any]:
    """What the agent is told; in a thread of its own, as Playwright has this one's event loop."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(anyio.run, _calls, url, token, environment).result(timeout=180)


async def _calls(url: str, token: str, environment: str) -> dict[str, Any]:
    asked = {
        "kind": "create",
        "system": "checkout",
        "environment": environment,
        "spec": web(environment)["spec"],
        "reason": "Nightly triage needs a place to reproduce it.",
    }
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http)) as client,
    ):
        await client.call_tool("list_environments", {"system": "checkout"})
        elsewhere = await client.call_tool("get_system", {"system": "shop"})
        planned = (await client.call_tool("plan", asked)).structured_content or {}
        digest = {"plan_digest": planned["plan_digest"]}
        submitted = (await client.call_tool("submit_change", digest)).structured_content or {}
        return {"elsewhere": elsewhere.is_error, "planned": planned, "submitted": submitted}


@pytest.mark.parametrize(
    ("screen", "name"),
    [pytest.param(WIDE_LIGHT, "triage-wide", id="wide"), pytest.param(NARROW_DARK, "triage-narrow", id="narrow")],
)
def test_an_agent_asks_its_owner_signs_and_its_session_is_read(
    meet: Callable[..., Person], screen: Screen, name: str
) -> None:
    owner = meet("maintainer", screen)
    page, main = owner.page, owner.page.locator("#main")
    owner.open("/agents/new")
    page.get_by_label(re.compile("^Name")).fill(name)
    page.get_by_label(re.compile("^May add a month")).fill("100")
    main.get_by_role("checkbox", name=re.compile("^checkout")).check()
    assert violations(page) == []
    owner.click("Make the agent")
    expect(page.get_by_role("heading", name=f"Copy the token of {name} now")).to_be_visible()
    token = (page.locator("#new-token").inner_text()).strip()
    assert violations(page) == []

    told = calls_of(owner.installation.url, token, name)

    assert told["elsewhere"] is True
    assert (told["planned"]["outcome"], told["submitted"]["state"]) == ("waits", "pending")
    owner.open(f"/changes/{told['submitted']['change_id']}/")
    expect(main).to_contain_text(f"Asked by the agent {name} of maintainer.")
    expect(main).to_contain_text("It waits for a co-signature.")
    expect(page.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)
    assert violations(page) == []
    owner.click("Sign it")
    expect(main).to_contain_text("maintainer signed it")
    owner.open(f"/environments/checkout/{name}/")
    expect(owner.state()).to_have_text("Ready", timeout=60_000)

    owner.open(f"/agents/{name}/")
    expect(main).to_contain_text(f"Create checkout / {name}")
    main.locator("table.list tbody a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Session of {name}")
    for tool in ("list_environments", "get_system", "plan", "submit_change"):
        expect(main.get_by_role("rowheader", name=tool, exact=True)).to_be_visible()
    expect(main.get_by_role("link", name=f"Change #{told['submitted']['change_id']}")).to_be_visible()
    assert violations(page) == []

"""Provisioning in a browser: an admin opens the door, a directory comes, and what it brought is there to see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_an_admin_lets_a_directory_in_and_sees_what_it_brings(meet: Callable[..., Person], screen: Screen) -> None:
    admin = meet("admin", screen)
    page, name = admin.page, f"ada.{'narrow' if screen.narrow else 'wide'}"
    admin.open("/provisioning/")
    page.get_by_role("button", name="token").first.click()
    token = page.locator("#new-token")
    expect(token).to_contain_text("slw_")
    assert not violations(page)

    def directory(method: str, path: str, body: object) -> int:
        headers = {"Authorization": f"Bearer {token_text}", "Content-Type": "application/scim+json"}
        address = f"{admin.installation.url}/scim/v2/{path}"
        return int(page.context.request.fetch(address, method=method, data=body, headers=headers).status)

    token_text = token.inner_text().strip()
    person = {"userName": name, "displayName": "Ada Lovelace", "emails": [{"value": f"{name}@example.com"}]}
    assert directory("POST", "Users", person) == 201
    assert directory("POST", "Groups", {"displayName": f"Guides of {name}"}) == 201
    assert directory("POST", "Users", {"userName": ""}) == 400

    admin.open("/provisioning/")
    expect(page.get_by_role("row", name=f"Guides of {name}")).to_be_visible()
    expect(page.get_by_text("userName is required and is never empty.").first).to_be_visible()
    assert not violations(page)
    admin.open(f"/people/{name}/")
    expect(page.get_by_text("The directory manages this account")).to_be_visible()
    assert not violations(page)

"""Files in Git in a browser, from a real Git server: added, looked at, started, and what it made found again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.person import Person
from tests.idp.kernel.git_servers import commit, http_server
from tests.provisioning.git_repository import web

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize(
    ("screen", "name"),
    [pytest.param(WIDE_LIGHT, "infra-wide", id="wide"), pytest.param(NARROW_DARK, "infra-narrow", id="narrow")],
)
def test_a_source_is_added_looked_at_and_started(meet: Callable[..., Person], screen: Screen, name: str) -> None:
    maintainer = meet("maintainer", screen)
    page, place = maintainer.page, f"of-{name}"
    with http_server() as server:
        files = {"one.yaml": yaml.safe_dump(web(place)).encode(), "bad.yaml": b"kind: ["}
        commit(server.repo, files, subject="Begin")
        maintainer.open("/git/new")
        page.get_by_label(re.compile(r"^Name\b")).fill(name)
        page.get_by_label(re.compile(r"^Team\b")).select_option("payments")
        page.get_by_label(re.compile(r"^Repository\b")).fill(server.url)
        page.get_by_label("Git owns its environments").check()
        page.get_by_role("button", name="Look what it will do").click()
        expect(page.get_by_text("Nothing is applied by saving")).to_be_visible()
        assert not violations(page)
        page.get_by_role("button", name="Save it").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"What {name} would do")
        expect(page.locator("#git-sync")).to_contain_text("bad.yaml", timeout=90_000)
        expect(page.locator("#git-sync")).to_contain_text(place)
        assert not violations(page)
        maintainer.open(f"/git/sources/{name}/")
        page.get_by_role("button", name="Start it").click()
        expect(page.locator("#git-sync")).to_contain_text("bad.yaml", timeout=90_000)
    maintainer.open(f"/environments/checkout/{place}/")
    expect(maintainer.state()).to_have_text("Ready", timeout=60_000)
    assert not violations(page)
    maintainer.open(f"/git/sources/{name}/")
    expect(page.get_by_text("Follows commits")).to_be_visible()
    assert not violations(page)

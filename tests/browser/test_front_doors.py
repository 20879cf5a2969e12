"""The other ways in, as people go through them: a Score file, documents, a catalog from elsewhere, a command line."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import FilePayload, expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, NARROW_LIGHT, WIDE_LIGHT
from tests.browser.installation import Installation
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

WORKLOAD = """apiVersion: score.dev/v1b1
metadata:
  name: scored
containers:
  main:
    image: registry.example/scored:1.8.3
    variables:
      DATABASE_HOST: ${resources.db.host}
service:
  ports:
    www: {port: 8080}
resources:
  db:
    type: postgres
"""
UNMAPPED = f"{WORKLOAD}  bus:\n    type: kafka\n"

DOCUMENT = """apiVersion: slipway.dev/v1
kind: Environment
metadata: {system: checkout, name: from-files}
spec:
  stage: dev
  resources:
    db:
      capability: postgres
      inputs: {size: small, storageGiB: 10}
"""

CATALOG = """apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: Shelf.Books, description: What stands on which shelf.}
spec: {owner: platform}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shelf-api}
spec: {type: service, owner: platform, system: Shelf.Books}
"""


def test_a_score_file_becomes_an_environment_once_all_of_it_can_be_mapped(meet: Callable[..., Person]) -> None:
    developer = meet("developer", NARROW_DARK)
    page, main = developer.page, developer.page.locator("#main")
    developer.open("/environments/score?system=checkout")
    page.get_by_label("Environment").fill("scored")
    page.get_by_label("Stage").select_option("dev")
    score = page.get_by_label("Score", exact=True)
    score.fill(UNMAPPED)
    page.get_by_label("Reason").focus()
    expect(main).to_contain_text("administrators have no rule for kafka")
    expect(main).to_contain_text("Line 16")
    create = developer.plan.get_by_role("button", name="Create it")
    expect(create).to_be_disabled()
    expect(page.get_by_label("Reason")).to_be_focused()
    assert violations(page) == []
    score.fill(WORKLOAD)
    page.get_by_label("Reason").focus()
    expect(developer.plan).to_contain_text("scored-db")
    expect(create).to_be_enabled()
    create.click()
    expect(page).to_have_url(re.compile(r"/runs/\d+/$"))
    expect(developer.page.get_by_role("heading", level=1)).to_contain_text("checkout / scored")


def test_documents_are_looked_at_and_applied_without_script(meet: Callable[..., Person]) -> None:
    developer = meet("developer", NARROW_LIGHT, java_script_enabled=False)
    page, main = developer.page, developer.page.locator("#main")
    developer.complaints.allowed.add(422)
    developer.open("/files/")
    documents = page.get_by_label("Documents")
    documents.fill(f"{DOCUMENT}---\nkind: Nothing\n")
    developer.click("See what it would do")
    expect(main).to_contain_text("1 document is refused.")
    expect(main.get_by_role("button", name=re.compile("Apply"))).to_have_count(0)
    expect(documents).to_have_value(re.compile("name: from-files"))
    documents.fill(DOCUMENT)
    developer.click("See what it would do")
    expect(main).to_contain_text("Nothing has been written yet.")
    expect(page.get_by_role("heading", name=re.compile("What it would do"))).to_be_in_viewport()
    developer.click("Apply 1 document")
    expect(main).to_contain_text("Applied.")
    main.get_by_role("link", name=re.compile("See change")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("checkout / from-files")


def test_what_left_the_files_is_listed_and_goes_once_the_label_was_typed(meet: Callable[..., Person]) -> None:
    developer = meet("developer", NARROW_DARK)
    page, main = developer.page, developer.page.locator("#main")
    stays, goes = DOCUMENT.replace("from-files", "kept-files"), DOCUMENT.replace("from-files", "left-files")
    developer.open("/files/")
    page.get_by_label("Documents").fill(f"{stays}---\n{goes}")
    page.get_by_label("Label", exact=True).fill("payments/walk")
    developer.click("See what it would do")
    developer.click("Apply 2 documents")
    expect(main).to_contain_text("Applied.")
    page.get_by_label("Documents").fill(stays)
    page.get_by_label("Also remove what is no longer in these files").check()
    developer.click("See what it would do")
    expect(page.locator("section", has=page.locator("#prune-head"))).to_contain_text("checkout/left-files")
    remove = page.get_by_role("button", name="Apply the files and remove 1")
    expect(remove).to_be_disabled()
    # The look leads down to its results, where the bar that stays may cover half of a box.
    page.get_by_role("heading", level=1).scroll_into_view_if_needed()
    assert violations(page) == []
    page.get_by_label("Type payments/walk to remove what is listed").fill("payments/walk")
    expect(page.get_by_role("button", name="Look again")).to_be_enabled()
    remove.click()
    expect(main).to_contain_text("It is being deleted.")


def test_a_catalog_is_looked_at_and_imported_with_a_report(meet: Callable[..., Person]) -> None:
    admin = meet("admin", WIDE_LIGHT)
    page, main = admin.page, admin.page.locator("#main")
    admin.open("/backstage/new")
    expect(page.get_by_label("Address")).to_be_hidden()
    main.get_by_label(re.compile("^Name")).fill("shelves")
    admin.click("See what it will do")
    expect(main).to_contain_text("nothing is imported by saving")
    admin.click("Save the source")
    files = {"org.yaml": CATALOG, "broken.yaml": "kind: [broken\n"}
    page.get_by_label("Files", exact=True).set_input_files(
        [FilePayload(name=name, mimeType="text/yaml", buffer=text.encode()) for name, text in files.items()]
    )
    admin.click("Preview the import")
    apply = page.get_by_role("button", name="Import this")
    expect(apply).to_be_visible(timeout=60_000)
    expect(main).to_contain_text("broken.yaml:2")
    expect(main).to_contain_text("This is not valid YAML")
    assert violations(page) == []
    apply.click()
    expect(admin.state()).to_have_text("Done", timeout=60_000)
    expect(main).to_contain_text("A Component has spec.lifecycle.")
    admin.open("/backstage/entities/?q=shelf")
    main.get_by_role("link", name="Shelf.Books").click()
    main.get_by_role("link", name="shelf-books").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("shelf-books")


def test_a_command_line_is_let_in_by_keyboard_alone(meet: Callable[..., Person], installation: Installation) -> None:
    asked = sent(installation, "login/", {"client": "walking-laptop"})
    developer = meet("developer", NARROW_DARK)
    page = developer.page
    developer.open(asked["page"])
    page.get_by_label("Code from the terminal").focus()
    page.keyboard.type(asked["code"].lower())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("May a command line act for you?")
    expect(page.locator("#main")).to_contain_text("walking-laptop")
    assert violations(page) == []
    page.get_by_role("checkbox", name=re.compile("^Read")).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("checkbox", name=re.compile("^Change"))).to_be_checked()
    for _ in range(5):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Allow")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("may act for you")
    token = sent(installation, "login/token/", {"device_code": asked["device_code"]})
    assert sorted(token["scopes"]) == ["change", "read"]


def sent(installation: Installation, path: str, body: object) -> Any:
    """The answer to a program without a session."""
    request = urllib.request.Request(
        f"{installation.url}/api/v1/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)

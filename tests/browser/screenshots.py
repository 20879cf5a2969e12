"""The pictures of the documentation, taken from a demo of their own: ``make screenshots`` writes docs/pictures/.

They show what a visitor sees who follows the README, so nothing in them is staged but what is typed into the form.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, expect

from tests.browser.chromium import (
    NARROW_LIGHT,
    PATIENCE_MS,
    WIDE_DARK,
    WIDE_LIGHT,
    ChromiumMissing,
    Screen,
    chromium,
)
from tests.browser.installation import ROOT, Installation, running_installation
from tests.browser.person import Person, someone

FOLDER = ROOT / "docs" / "pictures"
IMAGE = "registry.example/checkout-api:2.31.0"
WORKLOAD = """apiVersion: score.dev/v1b1
metadata:
  name: shop-api
containers:
  main:
    image: registry.example/shop-api:1.8.3
    variables:
      DATABASE: postgresql://${resources.db.username}:${resources.db.password}@${resources.db.host}/${resources.db.name}
service:
  ports:
    www: {port: 80, targetPort: 8080}
resources:
  db:
    type: postgres
    params: {storage: 20Gi}
"""
CATALOG = {
    "org.yaml": """apiVersion: backstage.io/v1alpha1
kind: System
metadata: {name: Press.Room, description: "What is printed, where and when."}
spec: {owner: platform}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: press-room-api}
spec: {type: service, lifecycle: production, owner: platform, system: Press.Room, providesApis: [printing]}
---
apiVersion: backstage.io/v1alpha1
kind: API
metadata: {name: printing}
spec: {type: openapi, lifecycle: production, owner: platform, definition: "openapi: 3.0.0"}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: proof-report}
spec: {type: job, lifecycle: production, owner: platform}
""",
    "shop.yaml": """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: "not a name"}
spec: {type: service, lifecycle: production, owner: payments}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: counted, annotations: {acme.example/replicas: 5}}
spec: {type: service, owner: payments}
---
kind: [broken
""",
    "skeleton.yaml": """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: ${{ values.name }}}
spec: {type: service, lifecycle: production, owner: ${{ values.owner }}}
""",
}


def main() -> int:
    expect.set_options(timeout=PATIENCE_MS)
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="slipway-pictures-") as folder,
            chromium() as browser,
            running_installation(Path(folder), ready_seconds=8) as installation,
        ):
            as_maintainer(browser, installation)
            as_developer(browser, installation)
            as_admin(browser, installation)
    except ChromiumMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 1
    return 0


def as_maintainer(browser: Browser, installation: Installation) -> None:
    """Home with what waits, and the decision on it on three screens."""
    with someone(browser, installation, WIDE_LIGHT) as maintainer:
        maintainer.sign_in("maintainer")
        take(maintainer, "home")
        maintainer.page.get_by_role("link", name="Update checkout / prod").first.click()
        expect(maintainer.page.get_by_role("button", name=re.compile("Approve"))).to_be_visible()
        take(maintainer, "change")
        take(maintainer, "change-dark", WIDE_DARK)
        take(maintainer, "change-narrow", NARROW_LIGHT)


def as_developer(browser: Browser, installation: Installation) -> None:
    with someone(browser, installation, WIDE_LIGHT) as developer:
        developer.sign_in("developer")
        for name, path in (
            ("system", "/systems/checkout/"),
            ("environment", "/environments/checkout/prod/"),
            ("capabilities", "/capabilities/"),
            ("capability", "/capabilities/web-service/"),
        ):
            developer.open(path)
            take(developer, name)
        developer.open("/environments/invoicing/staging/")
        developer.page.get_by_role("link", name="See what to do").click()
        expect(developer.state()).to_have_text("Failed")
        take(developer, "run-failed")
        score_file(developer)
        documents(developer)
        new_environment(developer)
        watch(developer)


def as_admin(browser: Browser, installation: Installation) -> None:
    """What the company's rules are: a route, a rule that observes and what it would have done, and freezes."""
    with someone(browser, installation, WIDE_LIGHT) as admin:
        admin.sign_in("admin")
        page = admin.page
        for name, path in (
            ("freezes", "/freezes/"),
            ("approval-route", "/approval-routes/production/edit"),
        ):
            admin.open(path)
            take(admin, name)
        admin.open("/policies/nothing-late-in-the-day/edit")
        editor = page.get_by_label("Policy", exact=True)
        editor.fill(editor.input_value().replace("hour(now.time", "hour(noww.time"))
        expect(page.locator("#check")).to_contain_text("did you mean")
        take(admin, "policy-editor")
        admin.open("/policies/nothing-late-in-the-day/")
        page.get_by_role("button", name="Replay").click()
        expect(page.locator(".page-lede")).to_contain_text("It would have", timeout=60_000)
        take(admin, "policy-replay")
        catalog_import(admin)


def new_environment(developer: Person) -> None:
    """A form that is half filled: what is right is planned, what is missing is said."""
    page = developer.page
    developer.open("/environments/new?system=checkout&stage=dev")
    page.get_by_label("Name", exact=True).fill("express")
    developer.add("postgres")
    developer.name_resource("postgres", "db")
    developer.add("web-service")
    developer.name_resource("web-service", "api")
    developer.add("route")
    developer.choose("api", "Component", "checkout-api")
    developer.fill("api", "Image", IMAGE)
    developer.add_variable("api", "DB_HOST").fill("${resources.db.outputs.host}")
    developer.add_variable("api", "DB_PASSWORD").fill("${resources.db.outputs.credentials.password}")
    page.locator("details#r-db > summary").click()
    page.get_by_role("heading", level=1).click()
    expect(developer.resource("api").locator("> summary .summary-text")).to_contain_text("checkout-api")
    take(developer, "new-environment")
    take(developer, "new-environment-narrow", NARROW_LIGHT)
    developer.choose("route", "Leads to", "api.service")
    developer.fill("route", "Host name", "express.checkout.example")
    page.get_by_label("Reason", exact=True).fill("CHK-1202: try the express checkout with real orders.")
    expect(developer.plan.locator("button.primary")).to_be_enabled()


def score_file(developer: Person) -> None:
    """A workload with its database, mapped and planned."""
    page = developer.page
    developer.open("/environments/score?system=checkout")
    page.get_by_label("Environment").fill("shop")
    page.get_by_label("Stage").select_option("dev")
    page.get_by_label("Score", exact=True).fill(WORKLOAD)
    page.get_by_label("Reason").focus()
    expect(developer.plan.locator("button.primary")).to_be_enabled()
    page.get_by_label("Reason").blur()
    take(developer, "score")


def documents(developer: Person) -> None:
    """What is there as files, with one change in them, before it is applied."""
    page = developer.page
    exported = page.context.request.get(f"{developer.installation.url}/files/export.yaml?system=invoicing").text()
    developer.open("/files/")
    page.get_by_label("Documents").fill(exported.replace("replicas: 2", "replicas: 3"))
    page.get_by_label("Reason").fill("Three of each for the end of the month.")
    developer.click("See what it would do")
    expect(page.locator("#results")).to_contain_text("Nothing has been written yet.")
    take(developer, "files")


def catalog_import(admin: Person) -> None:
    """A preview: what would come, and what is refused with its line and why."""
    page = admin.page
    admin.open("/backstage/new")
    page.locator("#main").get_by_label(re.compile("^Name")).fill("acme")
    admin.click("See what it will do")
    admin.click("Save the source")
    page.get_by_label("Files", exact=True).set_input_files(
        [FilePayload(name=name, mimeType="text/yaml", buffer=text.encode()) for name, text in CATALOG.items()]
    )
    admin.click("Preview the import")
    expect(page.get_by_role("button", name="Import this")).to_be_visible(timeout=60_000)
    take(admin, "catalog-import")


def watch(developer: Person) -> None:
    """In the middle of the run: some steps are done, some wait for the cluster."""
    developer.plan.locator("button.primary").click()
    developer.page.wait_for_url(re.compile(r"/runs/\d+/$"))
    expect(developer.page.locator(".step-list")).to_contain_text("Waiting")
    developer.page.wait_for_timeout(3000)
    take(developer, "run-live")


def take(person: Person, name: str, screen: Screen = WIDE_LIGHT) -> None:
    """Save what fits on the screen, from the top of the page."""
    page = person.page
    page.emulate_media(color_scheme=screen.scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": screen.width, "height": screen.height})
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(300)
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled", caret="hide")
    page.emulate_media(color_scheme=person.screen.scheme, reduced_motion="no-preference")
    page.set_viewport_size({"width": person.screen.width, "height": person.screen.height})


if __name__ == "__main__":
    sys.exit(main())

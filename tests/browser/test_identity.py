"""Identity as admins set it: group rules and hand-overs looked at, saved and taken back; passwords that are closed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations
from tests.browser.chromium import NARROW_DARK, WIDE_LIGHT, Screen
from tests.browser.installation import Installation
from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

KNOWN = """
from governance.services.group_rules import memberships_follow
from idp.catalog.models import User
from idp.kernel import clock

memberships_follow(User.objects.get(username="auditor"), source="scim", groups=frozenset({"readers"}), now=clock.now())
"""
CLOSE = """
from governance.models import LocalSignInRule, SignInProvider
from idp.kernel import clock

now, issuer = clock.now(), "https://login.example.com"
SignInProvider.objects.create(
    name="work", title="Work", issuer=issuer, client_id="x", scopes=["openid"], updated_at=now, updated_by="x"
)
LocalSignInRule.objects.update_or_create(pk=1, defaults={"open_to": "admins"})
"""
OPEN = """
from governance.models import LocalSignInRule, SignInProvider

LocalSignInRule.objects.all().delete()
SignInProvider.objects.filter(name="work").delete()
"""


@pytest.fixture
def closed(installation: Installation) -> Iterator[None]:
    """Passwords are for platform admins; everybody else comes through Work."""
    installation.printed(CLOSE)
    yield
    installation.printed(OPEN)


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_a_group_rule_is_looked_at_saved_and_taken_back(
    meet: Callable[..., Person], installation: Installation, screen: Screen
) -> None:
    installation.printed(KNOWN)
    admin = meet("admin", screen)
    page = admin.page
    admin.open("/group-rules/")
    page.get_by_label(re.compile("^From")).select_option("scim")
    page.get_by_label(re.compile("^Group")).fill("readers")
    page.get_by_label(re.compile("^Team")).select_option("storefront")
    page.get_by_label(re.compile("^Role")).select_option("viewer")
    admin.click("Look who is affected")
    look = page.get_by_role("region", name="What the rule does")
    expect(look).to_contain_text("1 person moves at once")
    expect(look).to_contain_text("Becomes viewer")
    assert violations(page) == []
    admin.click("Save")
    row = page.get_by_role("row", name=re.compile("readers"))
    expect(row).to_contain_text("Viewer of")
    page.get_by_role("button", name=re.compile("Take back: .*readers")).first.click()
    expect(page.get_by_text("Taken back by admin").first).to_be_visible()
    expect(row).to_have_count(0)
    assert violations(page) == []


def test_an_account_is_handed_over_and_taken_back_with_its_password(meet: Callable[..., Person]) -> None:
    admin = meet("admin", WIDE_LIGHT)
    page = admin.page
    admin.open("/provisioning/hand-over")
    page.get_by_role("checkbox", name=re.compile("^auditor")).check()
    admin.click("Look what ends")
    expect(page.get_by_role("region", name="1 person is handed over")).to_contain_text("Has a password here")
    assert violations(page) == []
    admin.click("Hand over")
    back = page.get_by_role("button", name="Take back: Hand auditor over to the directory")
    expect(back).to_be_visible()
    back.click()
    expect(page.get_by_text("Taken back by admin").first).to_be_visible()
    expect(page.get_by_role("checkbox", name=re.compile("^auditor"))).to_be_visible()
    meet("auditor", WIDE_LIGHT)


@pytest.mark.parametrize("screen", [WIDE_LIGHT, NARROW_DARK], ids=str)
def test_closed_passwords_are_refused_in_words(meet: Callable[..., Person], closed: None, screen: Screen) -> None:
    person = meet("", screen)
    page = person.page
    person.open("/login/")
    expect(page.get_by_role("link", name="Sign in with Work")).to_be_visible()
    assert violations(page) == []
    page.get_by_text("With a password, for platform admins").click()
    page.get_by_label("Name").fill("viewer")
    page.get_by_label("Password").fill(person.installation.password)
    person.complaints.allowed.add(403)
    person.click("Sign in")
    expect(page.get_by_role("alert")).to_contain_text("You sign in through your provider")
    assert violations(page) == []

"""News on an open page: what somebody writes survives them, and a page that is only read shows them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person

pytestmark = [pytest.mark.browser]

ASK_FOR_NEWS = "document.querySelectorAll('[data-awake]').forEach(one => htmx.trigger(one, 'awake'))"
DRAWN_ANEW = """() => {
    const main = document.querySelector('#main');
    main.setAttribute('hx-ext', 'morph');
    return htmx.ajax('GET', location.pathname, {source: main, target: main, select: '#main', swap: 'morph:outerHTML'});
}"""


@pytest.fixture
def comment(meet: Callable[..., Person]) -> Locator:
    """The field for a comment on a change of one's own that waits for somebody else."""
    developer = meet("developer")
    developer.open("/systems/checkout/")
    developer.page.get_by_role("link", name=re.compile("waits for|Review the change|See the change")).first.click()
    field = developer.page.get_by_label(re.compile("^(Comment|Your answer)$"))
    expect(field).to_be_visible()
    return field


@pytest.mark.parametrize("focused", [True, False], ids=["while it is written", "when the focus is elsewhere"])
def test_a_comment_survives_that_its_page_is_drawn_anew(comment: Locator, focused: bool) -> None:
    comment.fill("Half a thought")
    if not focused:
        comment.blur()
    comment.page.evaluate(DRAWN_ANEW)
    expect(comment).to_have_value("Half a thought")


def test_a_page_waits_with_its_news_while_somebody_writes(comment: Locator, meet: Callable[..., Person]) -> None:
    page, maintainer = comment.page, meet("maintainer")
    comment.fill("Half a thought")
    maintainer.open(re.sub(r"^https?://[^/]*", "", page.url))
    maintainer.page.get_by_label("Comment", exact=True).fill("Which of the two hosts?")
    maintainer.page.get_by_role("button", name=re.compile("^Ask")).click()
    expect(maintainer.page.get_by_role("main")).to_contain_text("Which of the two hosts?")
    page.evaluate("window.sameVisit = true")
    page.evaluate(ASK_FOR_NEWS)
    assert page.evaluate("window.sameVisit"), "the page was loaded anew under the writer's hands"
    expect(comment).to_have_value("Half a thought")
    comment.fill("")
    page.evaluate(ASK_FOR_NEWS)
    expect(page.get_by_role("main")).to_contain_text("Which of the two hosts?")

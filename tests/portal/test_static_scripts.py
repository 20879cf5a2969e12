"""The scripts in a real browser, each behaviour on a page of a few lines: no server, and a clock that stands still."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from portal.drawing import words
from tests.services.programs import required

pytestmark = pytest.mark.browser

STATIC = Path(__file__).resolve().parents[2] / "static"
SCRIPTS = [STATIC / "js" / name for name in ("app.js", "forms.js", "live.js")]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--no-first-run"]  # fmt: skip
NOW = datetime(2026, 11, 24, 14, 32, tzinfo=UTC)
ADDRESS = "http://slipway.example/"


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM:
        (pytest.fail if required() else pytest.skip)("Chromium is not installed")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def show(browser):
    """Opens a body on a page of its own with all scripts and a clock that stands at NOW."""
    page = browser.new_page()

    def opened(body: str, attributes: str = ""):
        markup = f"<!doctype html><html lang=en><title>x</title><body {attributes}>{body}</body></html>"
        page.route("**/*", lambda route: route.fulfill(body=markup, content_type="text/html; charset=utf-8"))
        page.clock.install(time=NOW - timedelta(minutes=1))
        page.clock.pause_at(NOW)
        page.goto(ADDRESS)
        for script in SCRIPTS:
            page.add_script_tag(path=str(script))
        return page

    yield opened
    page.close()


DISTANCES = [0, 9, 10, 59, 60, 119, 3599, 7200, 86_399, 86_400, 12 * 86_400, 60 * 86_400, 364 * 86_400, 365 * 86_400,
             -5, -900, -3590, -3 * 86_400 + 1, -129_600, -400 * 86_400]  # fmt: skip


def test_it_words_times_as_the_server_does(show):
    moments = [NOW - timedelta(seconds=seconds) for seconds in DISTANCES]
    times = "".join(
        f'<time datetime="{at.isoformat()}" data-when="{kind}">?</time>' for at in moments for kind in ("ago", "age")
    )
    page = show(times)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    said = page.locator("time").all_text_contents()
    assert said == [word(at, NOW) for at in moments for word in (words.relative, words.age)]


LENGTHS = [1, 41, 60, 124, 3599, 11_400, 86_400, 100_800, 172_800, 12 * 86_400, 1200 * 86_400]


def test_it_words_elapsed_time_as_the_server_does(show):
    page = show(
        "".join(f'<time datetime="{(NOW - timedelta(seconds=s)).isoformat()}" data-since></time>' for s in LENGTHS)
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("time").all_text_contents() == [words.duration(seconds) for seconds in LENGTHS]


def test_it_counts_on_while_something_runs(show):
    page = show(f'<time datetime="{NOW.isoformat()}" data-since></time>')
    page.clock.run_for(125_000)
    assert page.locator("time").text_content() == "2 min 5 s"


def test_it_trusts_the_clock_of_the_server(show):
    server = NOW + timedelta(minutes=10)
    page = show(f'<time datetime="{server.isoformat()}" data-when="ago"></time>', f'data-now="{server.isoformat()}"')
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert page.locator("time").text_content() == "just now"


FORM = '<form method="post" action="/x"><input name="a"><button name="do" value="save">Save</button></form>'


def test_it_sends_a_form_once(show):
    page = show(FORM)
    sent = page.evaluate(
        """() => { const form = document.forms[0]; let sent = 0;
        addEventListener("submit", (event) => { if (!event.defaultPrevented) sent += 1; event.preventDefault(); });
        form.requestSubmit(); form.requestSubmit(); return sent; }"""
    )
    assert sent == 1
    assert page.locator("button").get_attribute("aria-busy") == "true"


def test_it_waits_for_the_name_to_be_typed(show):
    page = show(
        '<form method="post"><input data-must-equal="checkout-staging"><button id="go" data-destroys>Delete</button>'
        '<button id="look">Look again</button></form>'
    )
    button = page.locator("#go")
    assert button.is_disabled()
    assert page.locator("#look").is_enabled()
    page.fill("input", "checkout-stagin")
    assert button.is_disabled()
    page.fill("input", "checkout-staging")
    assert button.is_enabled()


def test_it_leaves_unset_filters_out_of_the_address(show):
    options = '<option value=""></option><option value="a">a</option>'
    page = show(f'<form data-autosubmit><input name="q"><select name="team">{options}</select></form>')
    with page.expect_navigation():
        page.select_option("select", "a")
    assert page.url == f"{ADDRESS}?team=a"


def test_it_narrows_a_list(show):
    page = show(
        '<input data-filters="list"><ul id="list"><li>postgres, a database</li><li>route</li></ul>'
        '<p id="list-none" hidden>None</p>'
    )
    page.fill("input", "data post")
    assert page.locator("li:visible").all_text_contents() == ["postgres, a database"]
    page.fill("input", "queue")
    assert page.locator("li:visible").count() == 0
    assert page.locator("#list-none").is_visible()


ROWS = (
    "".join(
        f'<div data-row><input type="checkbox"><a class="row-title" href="/{n}">{n}</a></div>'
        for n in ("one", "two", "three")
    )
    + '<div data-bulk hidden><b data-bulk-count></b><button type="button" data-key="a">Approve</button></div>'
)


def test_it_moves_through_rows_by_keyboard(show):
    page = show(ROWS)
    for key in "jjx":
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.textContent") == "two"
    assert page.locator("[data-bulk-count]").text_content() == "1 selected"
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.textContent") == "Approve"
    page.locator("[data-row]").first.locator("input").focus()
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent") == "one"


def test_it_leaves_keys_to_those_who_type(show):
    page = show(ROWS + "<textarea></textarea>")
    page.locator("textarea").focus()
    page.keyboard.type("jax")
    assert page.locator("textarea").input_value() == "jax"


def test_it_opens_a_dialog_and_closes_it(show):
    page = show(
        '<a href="/search" data-opens="palette">Search</a>'
        '<dialog id="palette"><input><button data-closes>x</button></dialog>'
    )
    page.keyboard.press("Control+k")
    assert page.evaluate("document.activeElement.tagName") == "INPUT"
    page.click("[data-closes]")
    assert not page.locator("dialog").is_visible()
    page.click("a")
    assert page.locator("dialog").is_visible()
    assert page.url == ADDRESS


PALETTE = (
    '<dialog class="palette" id="palette"><form><input type="search" value="sho"></form>'
    '<div data-query="sho"><ul><li><a href="#one">one</a></li><li><a href="#two">two</a></li></ul></div></dialog>'
)


def test_it_walks_a_palette_by_keyboard(show):
    page = show(PALETTE)
    page.keyboard.press("Control+k")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "two"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.tagName") == "INPUT"
    page.keyboard.press("Enter")
    assert page.url == f"{ADDRESS}#one"


def test_typing_on_a_result_goes_on_in_the_field(show):
    page = show(PALETTE)
    page.keyboard.press("Control+k")
    page.keyboard.press("End")
    page.keyboard.press("ArrowDown")
    page.keyboard.type("p")
    assert page.locator("input").input_value() == "shop"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Backspace")
    assert page.locator("input").input_value() == "sho"
    page.keyboard.press("Enter")
    assert page.url == f"{ADDRESS}#one"


TABS = (
    '<div role="tablist"><button role="tab" aria-controls="one" aria-selected="true">One</button>'
    '<button role="tab" aria-controls="two" tabindex="-1">Two</button></div><p id="one">1</p><p id="two" hidden>2</p>'
)


def test_it_switches_tabs_by_arrow(show):
    page = show(TABS)
    page.locator("[role=tab]").first.focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("p:visible").text_content() == "2"
    assert page.locator("[aria-selected=true]").text_content() == "Two"


def test_it_remembers_the_theme(show):
    page = show('<button type="button" data-theme-toggle>Theme</button>')
    page.click("button")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("document.cookie") == "theme=dark"


TOASTS = (
    '<div id="toasts"></div>'
    '<template id="toast-bad"><div class="toast bad"><b data-title></b><p data-text></p></div></template>'
    '<template id="toast-ok"><div class="toast"><b data-title></b><p data-text></p></div></template>'
)


def test_it_shows_a_toast_as_text(show):
    page = show(TOASTS)
    page.evaluate("document.dispatchEvent(new CustomEvent('toast', {detail: {tone: 'ok', title: '<b>Saved</b>'}}))")
    assert page.locator("#toasts .toast").text_content() == "<b>Saved</b>"
    page.clock.run_for(9000)
    assert page.locator("#toasts .toast").count() == 0


ANSWERS = {
    "a problem document": ("application/problem+json", '{"title": "Over quota", "remedy": "Take less."}', "", 422,
                           "Over quotaTake less."),
    "a fragment": ("text/html", '<div class="problem"><p>Too much.</p><p>Take less.</p></div>', "Over quota", 409,
                   "Over quotaToo much. Take less."),
    "nothing but a status": ("text/html", "", "", 503,
                             "Slipway cannot answer right nowNothing was changed. Try again in a minute."),
    "a status without a sentence": ("text/html", "", "", 418,
                                    "That did not workNothing was stored. Your text is kept; try again, or reload the "
                                    "page."),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "body", "header", "status", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_it_says_why_a_fragment_was_refused(show, kind, body, header, status, said):
    page = show(TOASTS)
    page.evaluate(
        """([kind, body, header, status]) => {
        const headers = {"content-type": kind, "X-Slipway-Problem": header};
        const xhr = {status, responseText: body, getResponseHeader: (name) => headers[name] || null};
        document.dispatchEvent(new CustomEvent("htmx:responseError", {detail: {xhr}})); }""",
        [kind, body, header, status],
    )
    assert page.locator("#toasts .toast").text_content() == said


def test_it_tells_a_field_that_its_error_came_and_went(show):
    page = show('<input id="f"><span data-error-of="f"></span>')
    slot = "document.querySelector('[data-error-of]')"
    page.evaluate(f"{slot}.append(Object.assign(document.createElement('i'), {{className: 'error'}}))")
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:afterSettle', {detail: {}}))")
    assert page.locator("input").get_attribute("aria-invalid") == "true"
    page.evaluate(f"{slot}.replaceChildren()")
    page.evaluate("document.dispatchEvent(new CustomEvent('htmx:afterSettle', {detail: {}}))")
    assert page.locator("input").get_attribute("aria-invalid") is None

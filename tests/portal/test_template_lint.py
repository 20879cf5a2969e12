"""The templates keep the house rules, and each rule catches its own bad example."""

from __future__ import annotations

import pytest

from tests.portal.template_lint import TEMPLATES, lint, templates

ALL = templates()


@pytest.mark.parametrize("path", ALL, ids=[str(path.relative_to(TEMPLATES)) for path in ALL])
def test_it_keeps_the_house_rules(path):
    broken = lint(path.read_text(encoding="utf-8"))
    assert not broken, f"{path.name} breaks rules:\n" + "\n".join(broken)


BAD = {
    "inline script": ("<script>go()</script>", "script without src"),
    "style element": ("<style>a{}</style>", "style element"),
    "inline style": ('<p style="width: 3%">', "inline style"),
    "inline handler": ('<a href="/x" onclick="go()">', "inline handler"),
    "htmx handler": ('<div hx-on:click="go()">', "hx-on"),
    "htmx trigger filter": ('<div hx-trigger="click[ctrlKey]">', "hx-trigger"),
    "htmx script values": ("<div hx-vals='js:{a: 1}'>", "hx-vals"),
    "script address": ('<a href="javascript:go()">', "javascript:"),
    "link to nowhere": ('<a href="#">x</a>', "goes nowhere"),
    "empty link": ('<a href="">x</a>', "goes nowhere"),
    "button without type": ("<button>x</button>", "without type"),
    "image without alt": ('<img src="/a.png">', "without alt"),
    "escaping off": ("{% autoescape off %}{% endautoescape %}", "autoescape"),
    "safe": ("{{ text|safe }}", "switches escaping off"),
    "logic": ("{% regroup a by b as c %}", "the tag regroup"),
    "post without token": ('<form method="post" action="/x"></form>', "without csrf_token"),
    "token in a get form": ('<form method="get" action="/x">{% csrf_token %}</form>', "travel in the URL"),
    "unknown icon": ('{% icon "unicorn" %}', "the icon unicorn"),
    "unknown icon of an include": ('{% include "components/_empty.html" with icon="unicorn" %}', "the icon unicorn"),
    "unknown symbol": ('{% sprite "unicorn" %}', "the symbol unicorn"),
    "unknown state": ('{% state "happy" kind="change" %}', "the state happy"),
    "state of another kind": ('{% state "asks" kind="change" %}', "the state asks"),
    "missing include": ('{% include "components/_nothing.html" %}', "does not exist"),
    "other host": ('<script src="https://cdn.test/x.js"></script>', "another host"),
}


@pytest.mark.parametrize(("source", "words"), BAD.values(), ids=BAD.keys())
def test_it_catches_what_breaks_a_rule(source, words):
    assert any(words in line for line in lint(source)), lint(source)


GOOD = {
    "a whole form": '<form method="post" action="/x">{% csrf_token %}<button type="submit">Go</button></form>',
    "a known icon and state": '{% icon "plus" %}{% state "pending" kind="change" %}{% state one.state kind="run" %}',
    "a rule named in a comment": '{% comment %}never <p style="x"> nor onclick="y"{% endcomment %}',
    "words that look like handlers": "<p>Money on = off</p>",
    "htmx with plain triggers": '<form hx-trigger="input delay:300ms, change" hx-post="/x" method="get"></form>',
}


@pytest.mark.parametrize("source", GOOD.values(), ids=GOOD.keys())
def test_it_leaves_good_templates_alone(source):
    assert lint(source) == []


def test_it_says_the_line():
    assert lint('<p>\n{% comment %}\n{% endcomment %}\n<p style="x">') == [
        "4: an inline style: use a class, or an SVG attribute for data"
    ]

"""Tags and partials draw what they are told, escape it, and need neither a database nor a request."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django import forms
from django.template import Context, Template
from django.template.loader import render_to_string
from django.urls import path

from portal.reading.matrix import Cell
from provisioning.models import Environment, Revision, Stage
from tests.portal.template_lint import TEMPLATES

NOW = datetime(2026, 11, 24, 14, 32, tzinfo=UTC)
EVIL = "<b>\"'&"
PARTIALS = sorted(p.name for p in (TEMPLATES / "components").glob("_*.html"))
SECTIONS = (
    "home",
    "changes",
    "systems",
    "environments",
    "capabilities",
    "teams",
    "guides",
    "account",
    "login",
    "login-passkey",
    "logout",
    "search",
)

urlpatterns = [path(f"{name}/", lambda request: None, name=name) for name in SECTIONS]
urlpatterns += [path("environments/new", lambda request: None, name="environment-new")]


@pytest.fixture(autouse=True)
def _only_our_addresses(settings):
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def _at_two_thirty():
    with time_machine.travel(NOW, tick=False):
        yield


def draw(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


CELL = Cell(Stage(name="dev"), Environment(name=EVIL, state="ready", desired=Revision(number=3)), url="/x")

TAGS = {
    "env_cell": (
        "{% env_cell cell %}",
        {"cell": CELL},
        '<a class="env-cell" href="/x"><span class="visually-hidden">&lt;b&gt;',
        "<b>\"'&: Ready r3",
    ),
    "state": ('{% state "ready" %}', {}, 'class="state ok"', "Ready"),
    "state with a kind": ('{% state "pending" kind="resource" %}', {}, 'class="state"', "Not started"),
    "state with a word": ('{% state "pending" word=w pill=True %}', {"w": "1 of 2"}, "state wait pill", "1 of 2"),
    "mark that turns": ('{% mark "running" %}', {}, 'class="state-mark turning"', ""),
    "icon": ('{% icon "database" "large" %}', {}, 'class="icon large" aria-hidden="true"', ""),
    "icon it lacks": ("{% icon name %}", {"name": "unicorn"}, "icons.svg#box", ""),
    "avatar": ("{% avatar 'second-maintainer' %}", {}, 'class="avatar"', "SM"),
    "avatar of a machine": ("{% avatar 'payments-ci' %}", {}, 'class="avatar machine"', "CI"),
    "avatar of a team": ("{% avatar 'Payments' kind='team' size='large' %}", {}, 'class="avatar team large"', "PA"),
    "who": ("{% who 'developer' %}", {}, 'class="who"', "DE developer"),
    "when": ("{% when at %}", {"at": NOW - timedelta(minutes=38)}, 'title="2026-11-24 13:54:00 UTC"', "38 min ago"),
    "when, short": ("{% when at short=True %}", {"at": NOW - timedelta(minutes=38)}, 'data-when="age"', "38 min"),
    "when, a day": ("{% when at %}", {"at": date(2026, 11, 27)}, "<time", "in 2 days"),
    "when, never": ("{% when at %}", {"at": None}, "", ""),
    "since": ("{% since at %}", {"at": NOW - timedelta(seconds=221)}, "data-since", "3 min 41 s"),
    "exact": ("{% exact at %}", {"at": NOW}, "<time", "14:32:00"),
    "exact, a date": ('{% exact at "date" %}', {"at": NOW}, "<time", "24 Nov 2026"),
    "duration": ("{% duration 124 %}", {}, "", "2 min 4 s"),
    "duration as a filter": ("{{ none|duration }}{{ 124|duration }}", {"none": None}, "", "2 min 4 s"),
    "money": ('{{ 1200|money:"EUR" }}', {}, "", "€1,200.00"),
    "money, none": ("{{ none|money }}", {"none": None}, "", ""),
    "money change": ('{{ 17.4|money_change:"EUR" }}', {}, "", "+€17.40"),
    "number": ("{{ 26.50|number }}", {}, "", "26.5"),
    "count": ('{{ 3|count:"replica,replicas" }}', {}, "", "3 replicas"),
    "count of a list": ('{{ these|count:"step" }}', {"these": [1, 2]}, "", "2 step"),
    "bytes": ("{{ 1536|bytes }}", {}, "", "1.5 KiB"),
    "digest": ("{% digest d %}", {"d": "sha256:7f3a00000000c91e"}, 'title="sha256:7f3a00000000c91e"', "7f3a…c91e"),
    "revision": ("{% rev 38 %}", {}, 'class="rev"', "r38"),
    "revision, none": ("{% rev none %}", {"none": None}, "", ""),
    "quota bar": ('{% quota_bar 1 0 2 10 "CPU" %}', {}, 'aria-label="CPU: 1 used, 2 asked, 7 left of 10"', ""),
    "swatch": ('{% swatch "asked" %}', {}, 'class="asked"', ""),
    "run bar": ('{% run_bar 0 3 10 "done" %}', {}, 'class="done"', ""),
    "graph": ('{% graph nodes edges "Resources" %}', {"nodes": [{"id": "a", "title": "a"}], "edges": []},
              'role="region"', "a Unknown"),
    "highlight": ("{% highlight_yaml text %}", {"text": "a: 1"}, '<span class="k">a</span>', "a : 1"),
    "verdict": ('{% verdict "warns" "Memory is short" "Take less." %}', {}, 'class="verdict tone warn"',
                "Memory is short Warns Take less."),
    "tone": ('{{ "failed"|tone:"run" }}', {}, "bad", "bad"),
    "word": ('{{ "failed"|word:"run" }}', {}, "", "Failed"),
}  # fmt: skip


@pytest.mark.usefixtures("_at_two_thirty")
@pytest.mark.parametrize(("source", "context", "markup", "said"), TAGS.values(), ids=TAGS.keys())
def test_it_draws(source, context, markup, said):
    drawn = draw(source, **context)
    assert markup in drawn
    assert words(drawn) == said


ESCAPED = {
    "a word of a state": "{% state 'ready' word=evil %}",
    "a state": "{% state evil %}",
    "a name": "{% who evil %}",
    "an avatar": "{% avatar evil evil evil %}",
    "a digest": "{% digest evil %}",
    "a label": "{% quota_bar 1 1 1 9 evil evil evil %}",
    "owners": "{% owner_bar owners 9 evil %}",
    "a verdict": "{% verdict evil evil evil word=evil %}",
    "code": "{% highlight evil 'yaml' %}",
    "a count": "{{ 2|count:evil }}",
    "a graph": "{% graph nodes edges evil %}",
}


@pytest.mark.parametrize("source", ESCAPED.values(), ids=ESCAPED.keys())
def test_it_escapes(source):
    nodes = [{"id": "x", "title": EVIL, "kind": EVIL, "icon": EVIL, "state": EVIL, "href": EVIL, "word": EVIL}]
    drawn = draw(source, evil=EVIL, owners=[(EVIL, 1)], nodes=nodes, edges=[])
    assert "<b>" not in drawn
    assert '"\'&"' not in drawn


AT = NOW - timedelta(minutes=38)
CHANGE = {
    "url": "/changes/7/", "number": 7, "title": EVIL, "requester": EVIL, "reason": EVIL, "state": "pending",
    "stage": EVIL, "cost": EVIL, "at": AT,
}  # fmt: skip
FIELD = {"id": "f", "name": "f", "label": EVIL, "kind": "text", "value": EVIL, "hint": EVIL, "unit": EVIL}
SAMPLES = {
    "_activity.html": {"items": [{"icon": "history", "text": EVIL, "by": EVIL, "at": AT, "url": "/x"}]},
    "_banner.html": {"text": EVIL, "strong": EVIL, "tone": "warn", "action_url": "/x", "action_label": EVIL},
    "_code.html": {"id": "c", "text": EVIL, "language": "yaml"},
    "_confirm_name.html": {"must_equal": EVIL, "label": EVIL, "losses": [EVIL], "button": EVIL},
    "_choose_many.html": {"name": "systems", "legend": EVIL, "what": EVIL, "hint": EVIL, "none": EVIL,
                          "options": [{"value": EVIL, "label": EVIL, "hint": EVIL, "selected": True}]},
    "_diff.html": {"resources": [{"name": EVIL, "action": "updated", "contract": EVIL, "effect": EVIL,
                                  "lines": [{"path": EVIL, "before": EVIL, "after": None}]}], "unchanged": EVIL},
    "_empty.html": {"title": EVIL, "text": EVIL, "icon": "plus", "action_url": "/x", "action_label": EVIL},
    "_event.html": {"event": {"at": AT, "step": EVIL, "text": EVIL, "bad": True}},
    "_facts.html": {"facts": [{"label": EVIL, "value": EVIL, "small": EVIL}]},
    "_field.html": {"field": FIELD},
    "_field_note.html": {"field": {"id": "f", "error": EVIL}},
    "_filter.html": {"name": "team", "label": EVIL, "options": [{"value": EVIL, "label": EVIL}], "value": EVIL},
    "_head.html": {},
    "_inbox_row.html": {"change": CHANGE, "tick": "change"},
    "_messages.html": {"messages": []},
    "_nav_item.html": {"url": "/x", "icon": "home", "text": EVIL, "here": True, "path": "/x", "count": 3},
    "_pager.html": {"summary": EVIL, "newer_url": "/x", "older_url": "/y"},
    "_pairs.html": {"pairs": [{"label": EVIL, "value": EVIL, "total": True}], "ends": True},
    "_palette_results.html": {"query": EVIL, "results": [{"url": "/x", "icon": "box", "title": EVIL, "kind": EVIL}]},
    "_problem.html": {"title": EVIL, "status": 404, "code": "x", "remedy": EVIL, "request_id": EVIL},
    "_quota.html": {"quota": {"label": EVIL, "used": 1, "held": 2, "asked": 3, "limit": 9, "unit": EVIL, "rest": EVIL}},
    "_row.html": {"url": "/x", "title": EVIL, "sub": EVIL, "avatar": EVIL, "state": "ready", "tag": EVIL, "at": AT},
    "_steps.html": {"steps": [{"state": "running", "name": EVIL, "detail": EVIL, "start": 0, "length": 2, "total": 9,
                               "started_at": AT}]},
    "_verdicts.html": {"verdicts": [{"state": "asks", "title": EVIL, "text": EVIL}], "kind": "policy"},
}  # fmt: skip


@pytest.mark.parametrize("name", PARTIALS)
def test_it_draws_each_partial_from_plain_values(name):
    drawn = render_to_string(f"components/{name}", SAMPLES[name])
    assert "<b>" not in drawn
    assert "\"'&" not in drawn.replace("&quot;&#x27;&amp;", "")
    if EVIL in str(SAMPLES[name]):
        assert "&lt;b&gt;" in drawn


KINDS = {
    "text": ({}, '<input class="input" id="f" name="f" type="text" value="v"'),
    "number": ({"kind": "number", "unit": "GiB"}, 'inputmode="numeric"'),
    "password": ({"kind": "password"}, 'type="password"'),
    "select": ({"kind": "select", "options": [{"value": 1, "label": "one", "selected": True}]},
               '<option value="1" selected>one</option>'),
    "textarea": ({"kind": "textarea", "rows": 2}, 'rows="2"'),
    "checkbox": ({"kind": "checkbox"}, 'type="checkbox" id="f" name="f" value="true" checked'),
    "choices": ({"kind": "choices", "options": [{"value": "dev", "label": "dev"}]}, 'role="radiogroup"'),
    "hidden": ({"kind": "hidden"}, '<input type="hidden" id="f" name="f" value="v">'),
    "suggestions": ({"suggestions": [{"value": "${x}", "label": "x"}]}, '<option value="${x}">x</option>'),
    "attributes": ({"attributes": {"data-x": EVIL}}, 'data-x="&lt;b&gt;'),
    "required": ({"required": True}, 'aria-required="true"'),
}  # fmt: skip


@pytest.mark.parametrize(("more", "markup"), KINDS.values(), ids=KINDS.keys())
def test_it_draws_every_kind_of_field(more, markup):
    field = {"id": "f", "name": "f", "label": "F", "kind": "text", "value": "v"} | more
    assert markup in render_to_string("components/_field.html", {"field": field})


def test_it_ties_an_error_to_its_field():
    field = {
        "id": "f",
        "name": "f",
        "label": "F",
        "kind": "text",
        "value": "",
        "error": "Too short.",
        "hint": "3 letters",
    }
    drawn = render_to_string("components/_field.html", {"field": field})
    assert 'aria-invalid="true" aria-describedby="f-note"' in drawn
    assert re.search(r'class="error" id="f-note">.*Too short\.', drawn)
    assert "3 letters" not in drawn


class SampleForm(forms.Form):
    name = forms.CharField(help_text="Lower case", max_length=20)
    size = forms.ChoiceField(choices=[("s", "small"), ("m", "medium")])
    why = forms.CharField(widget=forms.Textarea(attrs={"rows": 4}))
    word = forms.CharField(widget=forms.PasswordInput)


def test_it_draws_a_form_as_every_other_field():
    form = SampleForm({"name": "", "size": "m", "why": "because", "word": "secret"})
    drawn = draw(
        "{% bound_field f.name mono=True %}{% bound_field f.size %}{% bound_field f.why %}{% bound_field f.word %}",
        f=form,
    )
    assert 'class="input mono" id="id_name"' in drawn
    assert 'maxlength="20"' in drawn
    assert "This field is required." in drawn
    assert '<option value="m" selected>medium</option>' in drawn
    assert 'rows="4"' in drawn
    assert "because</textarea>" in drawn
    assert "secret" not in drawn


SHELL = {
    "nav": "changes",
    "shell": {
        "user": {"username": "maintainer", "initials": "MA", "team": "Payments"},
        "waiting_count": 3,
        "starred": [{"name": EVIL, "url": "/systems/checkout/"}],
        "banners": [{"tone": "warn", "strong": "Work is delayed.", "text": EVIL}],
    },
}


def test_it_draws_the_shell():
    drawn = render_to_string("base.html", SHELL)
    assert re.search(
        r'href="/changes/" aria-current="true".*?3<span class="visually-hidden"> waiting on you', drawn, re.S
    )
    assert drawn.count("aria-current") == 1
    assert "Work is delayed." in words(drawn)
    assert "<b>" not in drawn
    assert "data-theme=" not in drawn


def test_it_draws_the_theme_that_was_chosen():
    assert '<html lang="en" data-theme="dark">' in render_to_string("base.html", {**SHELL, "theme": "dark"})


def test_it_draws_the_shell_for_nobody():
    assert "Sign out" not in render_to_string("base.html", {})


def test_it_draws_an_error_without_database_or_request():
    error = {"message": EVIL, "remedy": "Wait a minute.", "code": "rate"}
    context = {"status": 429, "title": "Too many requests", "error": error, "request_id": "01JD4R7Q2M", "theme": EVIL}
    drawn = render_to_string("errors/problem.html", context)
    said = words(drawn)
    assert "429 rate Too many requests" in said
    assert "Wait a minute." in said
    assert "request 01JD4R7Q2M" in said
    assert not [bad for bad in ("<b>", "<script", "data-theme") if bad in drawn]


@pytest.mark.parametrize("name", ["developer", EVIL])
def test_it_offers_the_names_of_a_demo(name):
    drawn = render_to_string("login.html", {"demo_names": [name], "demo_password": "pass", "next": "/changes/"})
    assert html.escape(name) in drawn
    assert 'name="next" value="/changes/"' in drawn
    assert "<b>" not in drawn
    assert "demo-names" not in render_to_string("login.html", {})

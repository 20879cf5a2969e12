"""The house rules of templates, as a function from a template's text to the sentences it breaks.

`test_template_lint.py` runs it over every template of the project and over one bad example per rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from portal.drawing.icons import ICONS, MARKS
from portal.drawing.states import STATES
from portal.templatetags import slipway

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"

COMMENT = re.compile(r"\{% comment %\}.*?\{% endcomment %\}|\{#.*?#\}", re.DOTALL)
TAG = re.compile(r"\{%\s*(\w+)(.*?)%\}", re.DOTALL)
EXPRESSION = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)

# if, for, with and include; the rest only places or fetches
TAGS = (
    {"if", "elif", "else", "endif", "for", "empty", "endfor", "with", "endwith", "include"}
    | {"extends", "block", "endblock", "partialdef", "endpartialdef", "partial", "load", "comment", "endcomment"}
    | {"url", "static", "csrf_token", "now", "querystring", "templatetag"}
    | set(slipway.register.tags)
)
SAFE_FILTERS = re.compile(r"\|\s*(safe|safeseq|escapejs)\b")
ICON = re.compile(
    r"""\{%\s*icon\s+["']([\w-]+)["']|\b(?:action_)?icon=["']([\w-]+)["']|\|default:["']([\w-]+)["'][^%]*icon"""
)
STATE = re.compile(r"""\{%\s*(?:state|mark)\s+["']([\w-]+)["'](?:\s+(?:kind=)?["'](\w+)["'])?""")
SYMBOL = re.compile(r"""\{%\s*sprite\s+["']([\w-]+)["']""")
INCLUDED = re.compile(r"""\{%\s*(?:include|extends)\s+["']([^"']+)["']""")
FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL | re.IGNORECASE)

PATTERNS = (
    (re.compile(r"<script\b(?![^>]*\bsrc=)", re.I), "a script without src: move it to static/js"),
    (re.compile(r"<style\b", re.I), "a style element: move it to static/css"),
    (re.compile(r"[\s\"']style\s*=", re.I), "an inline style: use a class, or an SVG attribute for data"),
    (re.compile(r"[\s\"']on[a-z]+\s*=", re.I), "an inline handler: use a data attribute that static/js knows"),
    (re.compile(r"\bhx-on\b", re.I), "hx-on evaluates text as script"),
    (
        re.compile(r"\bhx-trigger\s*=\s*(['\"])[^'\"]*\[[^'\"]*\1", re.I),
        "a filter in hx-trigger is evaluated as script",
    ),
    (
        re.compile(r"\bhx-(?:vals|headers)\s*=\s*['\"]\s*(?:js|javascript):", re.I),
        "js: in hx-vals is evaluated as script",
    ),
    (re.compile(r"javascript:", re.I), "a javascript: address"),
    (re.compile(r"href\s*=\s*(['\"])#?\1", re.I), "a link that goes nowhere: link a page, or use a button"),
    (re.compile(r"<button\b(?![^>]*\btype=)", re.I), "a button without type: in a form it would submit"),
    (re.compile(r"<img\b(?![^>]*\balt=)", re.I), "an image without alt"),
    (re.compile(r"\{%\s*autoescape\b"), "autoescape: escaping stays on everywhere"),
    (SAFE_FILTERS, "a filter that switches escaping off: draw markup in a tag"),
    (
        re.compile(
            r"https?://(?!127\.0\.0\.1|localhost|\w+\.example|slipway\.example)[^\s\"'<]+\.(?:js|css|woff2?)", re.I
        ),
        "a file from another host",
    ),
)


def templates() -> list[Path]:
    """Every template of the project, in a stable order."""
    return sorted(TEMPLATES.rglob("*.html"))


def lint(source: str) -> list[str]:
    """The broken rules as "line: what", in the order in which they stand."""
    text = COMMENT.sub(lambda found: "\n" * found.group().count("\n"), source)
    found = [(text.count("\n", 0, at) + 1, what) for at, what in _broken(text)]
    return [f"{line}: {what}" for line, what in sorted(found)]


def _broken(text: str) -> Iterator[tuple[int, str]]:
    for pattern, what in PATTERNS:
        for found in pattern.finditer(text):
            yield found.start(), what
    yield from _tags(text)
    yield from _forms(text)
    yield from _names(text)


def _tags(text: str) -> Iterator[tuple[int, str]]:
    for found in TAG.finditer(text):
        if found.group(1) not in TAGS:
            yield (
                found.start(),
                f"the tag {found.group(1)}: templates hold if, for, with, include and our tags",
            )


def _forms(text: str) -> Iterator[tuple[int, str]]:
    for found in FORM.finditer(text):
        head = found.group().split(">", 1)[0].lower()
        posts = re.search(r"""method=["']?post""", head)
        if posts and "{% csrf_token %}" not in found.group():
            yield found.start(), "a form that posts without csrf_token"
        if not posts and "{% csrf_token %}" in found.group():
            yield found.start(), "a csrf_token in a form that does not post would travel in the URL"


def _names(text: str) -> Iterator[tuple[int, str]]:
    for found in ICON.finditer(text):
        name = next(filter(None, found.groups()), "")
        if name not in ICONS:
            yield found.start(), f"the icon {name}, which static/icons.svg does not have"
    for found in SYMBOL.finditer(text):
        if found.group(1) not in ICONS | MARKS | {"slipway"}:
            yield found.start(), f"the symbol {found.group(1)}, which static/icons.svg does not have"
    for found in STATE.finditer(text):
        key, kind = found.groups()
        tables = [STATES.get(kind, {})] if kind else STATES.values()
        if not any(key in table for table in tables):
            yield found.start(), f"the state {key}, which portal/drawing/states.py does not have"
    for found in INCLUDED.finditer(text):
        name = found.group(1).partition("#")[0]
        if not (TEMPLATES / name).is_file():
            yield found.start(), f"the template {name}, which does not exist"

"""A guide as markup: nothing of it becomes a script, and its links and pictures lead where the portal has them."""

from __future__ import annotations

import pytest

from portal.drawing.guide import Picture, Places, parts
from portal.reading.guides import page_of
from provisioning.selectors.guides import guide_names

PLACES = Places(
    link={"score.md": "/docs/score/", "score.md#rules": "/docs/score/#rules"}.get,
    picture={"pictures/a.png": Picture("/docs/pictures/a.png", 10, 20)}.get,
)


def drawn(source: str) -> str:
    return "".join(one.markup for one in parts(source, PLACES)).strip()


@pytest.mark.parametrize(
    ("source", "markup"),
    [
        pytest.param("# Title\n\nWords", "<p>Words</p>", id="the title is the page's"),
        pytest.param("## A b", '<h2 id="a-b">A b</h2>', id="an anchor"),
        pytest.param("[x](score.md#rules)", '<p><a href="/docs/score/#rules">x</a></p>', id="another guide"),
        pytest.param("[**x**](../deploy/x.yaml) y", "<p><strong>x</strong> y</p>", id="a file of the source"),
        pytest.param("[x](#rules)", '<p><a href="#rules">x</a></p>', id="a place of this page"),
        pytest.param(
            "[x](https://a.example)", '<p><a href="https://a.example" rel="noreferrer">x</a></p>', id="the web"
        ),
        pytest.param("[x](//a.example/score.md)", "<p>x</p>", id="no scheme"),
        pytest.param("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>", id="a script"),
        pytest.param("![What](https://a.example/a.png)", "<p>What</p>", id="a picture from elsewhere"),
        pytest.param(
            "![A “b”](pictures/a.png)",
            '<p><img src="/docs/pictures/a.png" alt="A “b”" width="10" height="20" loading="lazy" /></p>',
            id="a picture",
        ),
        pytest.param("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>", id="markup is text"),
        pytest.param("a <img src=x onerror=y>", "<p>a &lt;img src=x onerror=y&gt;</p>", id="markup in a line is text"),
        pytest.param(
            "1. x\n\n   ```yaml\n   a: <b>\n   ```",
            '<ol>\n<li>\n<p>x</p>\n<div class="code"><pre tabindex="0">'
            '<span class="k">a</span>: &lt;b&gt;\n</pre></div></li>\n</ol>',
            id="code in a list",
        ),
    ],
)
def test_it_draws(source: str, markup: str) -> None:
    assert drawn(source) == markup


def test_a_table_stands_in_its_box_without_styles() -> None:
    markup = drawn("| | b |\n|---|:-:|\n| c | <i> |")
    assert markup.startswith('<div class="list-box"><table class="list top">')
    assert '<td></td>\n<th scope="col">b</th>' in markup
    assert "style" not in markup
    assert "&lt;i&gt;" in markup


def test_code_on_its_own_can_be_copied() -> None:
    found = parts("One\n\n```sh\nls\n```\n\nTwo\n", PLACES)
    assert [(one.markup.strip(), one.code, one.language) for one in found] == [
        ("<p>One</p>", "", ""),
        ("", "ls", "shell"),
        ("<p>Two</p>", "", ""),
    ]


@pytest.mark.parametrize("name", guide_names())
def test_every_guide_is_whole(name: str) -> None:
    """Each picture is shown, and each link to a guide leads to one that is there, at a place that it has."""
    page = page_of(name)
    markup = "".join(piece.markup for piece in page.pieces)
    assert page.title
    assert "pictures/" not in markup.replace('src="/docs/pictures/', "")
    for target in (one.split('"')[0] for one in markup.split('href="/docs/')[1:]):
        other, _, anchor = target.partition("#")
        there = "".join(piece.markup for piece in page_of(other.rstrip("/")).pieces)
        assert not anchor or f'id="{anchor}"' in there, target

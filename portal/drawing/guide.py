"""A guide as markup: Markdown by markdown-it, with its links, pictures, tables and code as pages have them.

HTML in the text is shown as text, and links lead to the web, to other guides or nowhere; so what comes out is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from markdown_it.token import Token

from portal.drawing import code
from provisioning.domain.guide import MARKDOWN, anchors

LANGUAGES: Final = {"yaml": "yaml", "yml": "yaml", "json": "json", "sh": "shell", "bash": "shell"}
_AWAY: Final = ("https://", "http://", "mailto:")


class Picture(NamedTuple):
    """Where a picture is, and its size in pixels."""

    url: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where a link or a picture of a guide leads, from what is written; nothing when there is none."""

    link: Callable[[str], str | None]
    picture: Callable[[str], Picture | None]


@dataclass(frozen=True, slots=True)
class Part:
    """Either ``markup``, or ``code`` in a ``language``."""

    markup: str = ""
    code: str = ""
    language: str = ""


def parts(source: str, places: Places) -> list[Part]:
    """The text but its title, split where code stands on its own."""
    tokens = MARKDOWN.parse(source)
    for at, anchor in anchors(tokens).items():
        tokens[at].attrSet("id", anchor)
    if tokens and tokens[0].tag == "h1":
        tokens = tokens[3:]
    _mend_cells(tokens)
    for token in tokens:
        _mend(token.children or [], places)
    return list(_parts(tokens))


def _parts(tokens: Sequence[Token]) -> Iterator[Part]:
    kept: list[Token] = []
    for token in tokens:
        if token.type not in ("fence", "code_block") or token.level:
            kept.append(token)
            continue
        yield Part(markup=_markup(kept))
        yield Part(code=token.content.rstrip("\n"), language=_language(token))
        kept = []
    yield Part(markup=_markup(kept))


def _language(token: Token) -> str:
    return LANGUAGES.get(token.info.strip().lower(), "text")


def _markup(tokens: Sequence[Token]) -> str:
    """Tokens as markup, tables in their boxes and code in colours."""
    pieces: list[str] = []
    kept: list[Token] = []
    for token in tokens:
        if token.type in ("table_open", "table_close", "fence", "code_block"):
            pieces += [MARKDOWN.renderer.render(kept, MARKDOWN.options, {}), _piece(token)]
            kept = []
        else:
            kept.append(token)
    return "".join([*pieces, MARKDOWN.renderer.render(kept, MARKDOWN.options, {})])


def _piece(token: Token) -> str:
    if token.type == "table_open":
        return '<div class="list-box"><table class="list top">'
    if token.type == "table_close":
        return "</table></div>"
    return f'<div class="code"><pre tabindex="0">{code.highlight(token.content, _language(token))}</pre></div>'


def _mend_cells(tokens: Sequence[Token]) -> None:
    """A head that says nothing is a cell like others; alignment is the stylesheet's, as no style may stand inline."""
    for at, token in enumerate(tokens):
        if token.type not in ("th_open", "td_open"):
            continue
        token.attrs.pop("style", None)
        if token.type == "th_open" and tokens[at + 1].content:
            token.attrSet("scope", "col")
        elif token.type == "th_open":
            token.tag = tokens[at + 2].tag = "td"


def _mend(inline: Sequence[Token], places: Places) -> None:
    hidden = False
    for token in inline:
        if token.type == "image":
            _mend_picture(token, places.picture(str(token.attrGet("src"))))
        elif token.type == "link_open":
            to = _to(str(token.attrGet("href")), places)
            hidden = token.hidden = to is None
            token.attrs = {"href": to or "", **({"rel": "noreferrer"} if (to or "").startswith(_AWAY) else {})}
        elif token.type == "link_close":
            token.hidden, hidden = hidden, False


def _to(written: str, places: Places) -> str | None:
    return written if written.startswith((*_AWAY, "#")) else places.link(written)


def _mend_picture(token: Token, found: Picture | None) -> None:
    """A picture from elsewhere is not fetched: it becomes what it shows, in words."""
    if found is None:
        token.type, token.tag, token.content = "text", "", token.content
        return
    shown = {"src": found.url, "alt": "", "width": str(found.width), "height": str(found.height)}
    token.attrs = {**shown, "loading": "lazy"}

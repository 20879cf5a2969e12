"""Guides as pages show them: in groups, and each with its links mended to pages of the portal."""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from portal.drawing.guide import Part, Picture, Places, parts
from provisioning.domain.guide import Guide
from provisioning.selectors.guides import PICTURES, guide_names, guide_text, guides, picture_file, pictures

# What is in none of these groups comes after them.
GROUPS: Final = (
    (
        "Every day",
        ("environments", "sharing", "promotion", "approvals", "drift", "campaigns", "notifications", "search"),
    ),
    ("From elsewhere", ("cli", "api", "ci", "files", "git-sync", "score", "backstage", "webhooks", "chat", "mcp")),
    ("Who comes in", ("sign-in", "second-factor", "scim")),
    ("Rules and limits", ("contracts", "policies", "quotas", "freezes", "administration", "audit")),
    ("Running it", ("running", "settings", "kubernetes", "clusters", "observability", "troubleshooting", "benchmarks")),
)
REST: Final = "More"
DECISIONS: Final = "Why it is built so"
_DECISION: Final = "adr/"


@dataclass(frozen=True, slots=True)
class Line:
    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a guide: markup, or code with the ``id`` that its copy button names."""

    markup: SafeString
    code: str
    language: str
    id: str


@dataclass(frozen=True, slots=True)
class GuidePage:
    title: str
    sections: list[tuple[str, str]]
    pieces: list[Piece]


@cache
def groups() -> list[tuple[str, list[Line]]]:
    """All guides by group, in the order of the table; decisions last. No query."""
    by_name = {one.name: one for one in guides()}
    grouped = {name for _, names in GROUPS for name in names}
    found = [(title, [by_name[name] for name in names if name in by_name]) for title, names in GROUPS]
    decisions = [one for one in by_name.values() if one.name.startswith(_DECISION)]
    rest = [one for one in by_name.values() if one.name not in grouped and one not in decisions]
    shown = [*found, (REST, rest), (DECISIONS, decisions)]
    return [(title, [_line(one) for one in rows]) for title, rows in shown if rows]


def _line(guide: Guide) -> Line:
    """Decisions are told by their titles; what they begin with is whether they still hold."""
    text = "" if guide.name.startswith(_DECISION) else guide.line
    return Line(reverse("guide", args=[guide.name]), guide.title, text)


@lru_cache(maxsize=128)
def page_of(name: str) -> GuidePage:
    """One guide, drawn once for each process. Raises NotFound for what is none."""
    source = guide_text(name)
    guide = next(one for one in guides() if one.name == name)
    drawn = parts(source, Places(lambda to: _link(name, to), lambda to: _picture(name, to)))
    return GuidePage(guide.title, [(one.anchor, one.title) for one in guide.sections], list(_pieces(drawn)))


def _pieces(drawn: list[Part]) -> Iterator[Piece]:
    for number, part in enumerate(drawn):
        if part.markup or part.code:
            # portal.drawing.guide escapes what a guide says
            yield Piece(mark_safe(part.markup), part.code, part.language, f"code-{number}")  # noqa: S308


def _link(name: str, written: str) -> str | None:
    """Where a link of a guide leads: to another guide; files of the source are not shown here."""
    path, _, anchor = written.partition("#")
    target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)).removesuffix(".md")
    if not path.endswith(".md") or target not in guide_names():
        return None
    return reverse("guide", args=[target]) + (f"#{anchor}" if anchor else "")


def _picture(name: str, written: str) -> Picture | None:
    folder, _, file = posixpath.normpath(posixpath.join(posixpath.dirname(name), written)).rpartition("/")
    if folder != PICTURES or file not in pictures():
        return None
    width, height = _size(file)
    return Picture(reverse("guide-picture", args=[file.removesuffix(".png")]), width, height)


@cache
def _size(file: str) -> tuple[int, int]:
    """Width and height of a PNG, which stand at the same place in each."""
    with picture_file(file).open("rb") as opened:
        width, height = struct.unpack(">II", opened.read(24)[16:24])
    return width, height

"""What goes to standard output (results only) and to standard error (everything said to a person).

Tables for people, JSON and YAML for machines. Colour only on a terminal and never with ``NO_COLOR``; text that comes
from elsewhere loses its control characters, so that nobody's name moves somebody's cursor.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Final

import typer
import yaml
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE: Final = 10_000
"""Columns of what is no terminal: nothing is cut off."""
TONES: Final[Mapping[str, str]] = {
    "green": "ready succeeded approved done stable starts passes added in-sync",
    "yellow": "pending waiting waits progressing requested queued running preview degraded asleep warns "
    "updated asks differs",
    "red": "failed denied rejected defective invalid denies errors removed refused",
    "dim": "gone cancelled expired superseded retired unknown nothing skipped next unchanged deleting stopped released",
    "magenta": "deprecated",
}
GAP: Final = 3
LONGEST: Final = 40
"""Signs of a word that is never broken."""
SHORT: Final = 12
STYLES: Final = {word: tone for tone, words in TONES.items() for word in words.split()}


class Form(StrEnum):
    table = "table"
    json = "json"
    yaml = "yaml"


class PlanForm(StrEnum):
    table = "table"
    json = "json"
    yaml = "yaml"
    markdown = "markdown"


Output = Annotated[Form, typer.Option("--output", "-o", help="table for people, json or yaml for machines.")]
Most = Annotated[int, typer.Option("--limit", "-n", min=1, max=5000, help="How many rows at most.")]


def out() -> Console:
    return _console(sys.stdout)


def err() -> Console:
    return _console(sys.stderr)


def say(text: str, *, style: str = "") -> None:
    """A line to the person, on standard error."""
    err().print(Text(clean(text), style=style), soft_wrap=True)


def show(text: str) -> None:
    """A line of the result, on standard output, as it is."""
    sys.stdout.write(f"{clean(text)}\n")


def data(value: Any, form: str) -> None:
    """A result for machines."""
    if form == "yaml":
        sys.stdout.write(yaml.safe_dump(value, sort_keys=False, allow_unicode=True))
    else:
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, none: str = "There are none.") -> None:
    """A table on standard output; a cell that is a known state has its colour. Says ``none`` where there are no rows.

    On a terminal that is too narrow, words stay whole: columns are left out from the right, which is said.
    """
    cells = [[cell(one) for one in row] for row in rows]
    widths = widths_in(out().width, headers, [[one.plain for one in row] for row in cells])
    made = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for name, width in zip(headers, widths, strict=False):
        made.add_column(Text(name), overflow="fold", width=width)
    for row in cells:
        made.add_row(*row[: len(widths)])
    _aligned(made)
    if gone := headers[len(widths) :]:
        say(f"No room for {', '.join(gone)}; make the terminal wider, or use -o json.", style="dim")
    if not cells:
        say(none, style="dim")


def widths_in(room: int, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """How wide each column is in ``room``; fewer than there are headers where not all of them fit."""
    columns = [[name, *(row[number] for row in rows)] for number, name in enumerate(headers)]
    wanted = [max(map(cell_len, one)) for one in columns]
    least = [min(max((cell_len(word) for text in one for word in _words(text)), default=0), LONGEST) for one in columns]
    while len(wanted) > 1 and sum(least) + GAP * (len(least) - 1) > room:
        wanted.pop()
        least.pop()
    while (over := sum(wanted) + GAP * (len(wanted) - 1) - room) > 0:
        slack = [width - narrow for width, narrow in zip(wanted, least, strict=True)]
        widest = max(range(len(wanted)), key=lambda one: wanted[one] if slack[one] > 0 else -1)
        if slack[widest] <= 0:
            break
        rivals = [wanted[one] for one in range(len(wanted)) if one != widest and slack[one] > 0]
        step = wanted[widest] - max(rivals, default=0)
        wanted[widest] -= min(slack[widest], over, max(step, 1))
    return wanted


def _words(text: str) -> list[str]:
    """What stays on one line: words, and short texts such as ``12.20 EUR``."""
    return [text] if cell_len(text) <= SHORT else text.split()


def facts(pairs: Iterable[tuple[str, Any]]) -> None:
    """Short answers, one a line; what has no value is left out."""
    made = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False, show_edge=False)
    made.add_column(style="dim")
    made.add_column(overflow="fold")
    for name, value in pairs:
        if value not in (None, "", []):
            made.add_row(Text(name), cell(value))
    _aligned(made)


def _aligned(made: Table) -> None:
    """A table without the blanks at the ends of its lines."""
    console = out()
    with console.capture() as drawn:
        console.print(made)
    sys.stdout.write("".join(f"{one.rstrip()}\n" for one in drawn.get().splitlines()))


def cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    text = ", ".join(str(one) for one in value) if isinstance(value, (list, tuple)) else str(value)
    text = "" if value is None else clean(text).replace("\n", " ")
    return Text(text, style=STYLES.get(text, ""))


def said_once(message: str, errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong, each at its place; then what ``message`` says beyond that."""
    lines = []
    for one in errors:
        lines.append(f"{one['path']}: {one['message']}" if one["path"] else str(one["message"]))
        for said in (lines[-1], str(one["message"])):
            message = message.removeprefix(said).strip()
    return [*lines, message] if message else lines


def clean(text: str) -> str:
    """``text`` without control characters but line feeds and tabs."""
    return "".join(one if one in "\n\t" or (one >= " " and not "\x7f" <= one <= "\x9f") else "�" for one in text)


def moment(value: str | None) -> str:
    """``2026-11-22 09:30`` of an RFC 3339 moment, in UTC."""
    return f"{value[:10]} {value[11:16]}" if value else ""


def money(value: float | None, currency: str) -> str:
    return "" if value is None else f"{value:,.2f} {currency}"


def more(is_more: bool, rows: Sequence[object]) -> None:
    """Say that the list goes on, without touching the result."""
    if is_more:
        say(f"The first {len(rows)}; there are more (--limit).", style="dim")


def _console(file: Any) -> Console:
    terminal = file.isatty()
    width = None if terminal else WIDE
    return Console(
        file=file,
        width=width,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=terminal,
        no_color=bool(os.environ.get("NO_COLOR")) or not terminal,
    )

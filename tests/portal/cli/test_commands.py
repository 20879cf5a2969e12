"""That no command is without a test against a server, and that the manual names each of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from portal.cli.main import app

LIVE = Path(__file__).with_name("test_live.py")
MANUAL = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
Words = tuple[str, ...]


def commands(found: click.Command | None = None, above: Words = ()) -> Iterator[Words]:
    """The words of every command, such as ``("env", "list")``."""
    found = found or typer.main.get_command(app)
    inner = getattr(found, "commands", None)
    if inner is None:
        yield above
        return
    for name, one in inner.items():
        yield from commands(one, (*above, name))


@cache
def typed() -> tuple[Words, ...]:
    """What the tests against a server type: the leading words of every call and every list of theirs."""
    tree = ast.parse(LIVE.read_text(encoding="utf-8"))
    parts = [one.args for one in ast.walk(tree) if isinstance(one, ast.Call)]
    parts += [one.elts for one in ast.walk(tree) if isinstance(one, ast.List)]
    return tuple(_leading(one) for one in parts)


def _leading(parts: list[ast.expr]) -> Words:
    words: list[str] = []
    for one in parts:
        if not isinstance(one, ast.Constant) or not isinstance(one.value, str):
            break
        words.append(one.value)
    return tuple(words)


def names(words: Words) -> str:
    return " ".join(words)


@pytest.mark.parametrize("words", sorted(commands()), ids=names)
def test_each_command_is_tried_against_a_server(words: Words) -> None:
    assert any(one[: len(words)] == words for one in typed()), f"test_live.py never runs slipway {names(words)}"


@pytest.mark.parametrize("words", sorted(commands()), ids=names)
def test_each_command_is_in_the_manual(words: Words) -> None:
    rows = [
        line.partition("|")[2] for line in MANUAL.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    said = " ".join(rows).replace("\\|", " ")
    head, tail = words[0], words[-1]
    assert any(f"`{head}" in row and tail in row.replace("\\|", " ").split("| ")[0] for row in rows), said

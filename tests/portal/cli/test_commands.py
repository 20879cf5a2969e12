"""That no command is without a test against a server, and that guides show all of them and none besides."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import typer

from portal.cli.main import app

LIVE = Path(__file__).with_name("test_live.py")
MANUAL = Path(__file__).resolve().parents[3] / "docs" / "cli.md"
GUIDES = (*sorted(MANUAL.parent.glob("*.md")), MANUAL.parents[1] / "README.md")
Words = tuple[str, ...]


@cache
def root() -> click.Command:
    return typer.main.get_command(app)


def commands(found: click.Command | None = None, above: Words = ()) -> Iterator[Words]:
    """The words of every command, such as ``("env", "list")``."""
    found = found or root()
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
    rows = [line for line in MANUAL.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    first = [row.replace("\\|", " ").split(" | ")[0] for row in rows]
    assert any(f"`{words[0]}" in row and words[-1] in row for row in first), f"docs/cli.md lacks {names(words)}"


def shown(file: Path) -> Iterator[str]:
    """Every call of the command line that a guide shows, in blocks and within sentences."""
    text = file.read_text(encoding="utf-8")
    blocks = re.findall(r"```(?:sh|console|yaml|bash)\n(.*?)```", text, re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        for part in re.split(r"[;|]|&&", line.partition(" #")[0]):
            if found := re.match(r"\s*(?:\$ |- run: |- )?(?:CI=\S+ )?(slipway .*)", part):
                yield found[1].partition(" >")[0].partition(" <")[0]
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    yield from re.findall(r"`(slipway [a-z][^`]*)`", plain.replace("\n", " "))


def wrong_in(call: str) -> str:
    """What of a call there is not; empty when all of it is."""
    found = root()
    for word in call.split()[1:]:
        inner = getattr(found, "commands", None)
        if word.startswith("-") and word != "-":
            options = {one for param in found.params for one in (*param.opts, *param.secondary_opts)}
            if word.partition("=")[0].rstrip(",.") not in options | {"--help"}:
                return f"{word} of {found.name}"
        elif inner and word in inner:
            found = inner[word]
    return "" if getattr(found, "commands", None) is None or "--" in call else f"a command in “{call}”"


@pytest.mark.parametrize("file", GUIDES, ids=lambda one: one.stem)
def test_each_call_that_a_guide_shows_is_one(file: Path) -> None:
    assert [(call, wrong) for call in shown(file) if (wrong := wrong_in(call))] == []


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("slipway fly checkout/prod", "a command in “slipway fly checkout/prod”"),
        ("slipway env vanish checkout/prod", "a command in “slipway env vanish checkout/prod”"),
        ("slipway apply -f a.yaml --quickly", "--quickly of apply"),
        ("slipway -c work env list -o json", ""),
        ("slipway changes 41", ""),
    ],
)
def test_it_sees_calls_that_there_are_not(call: str, wrong: str) -> None:
    assert wrong_in(call) == wrong

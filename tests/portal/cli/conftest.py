"""The command line as somebody types it, in this process, with a home of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from portal.cli.main import app

Slipway = Callable[..., Result]
TAKEN = ("SLIPWAY_URL", "SLIPWAY_TOKEN", "SLIPWAY_CONTEXT", "CI", "NO_COLOR")


@pytest.fixture(autouse=True)
def own_sandbox() -> None:
    """The installation, where there is one, has its sandbox in its own folder."""


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings of whoever runs the tests; contexts are kept below this folder."""
    for name in TAKEN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


@pytest.fixture
def slipway() -> Slipway:
    """``slipway("plan", "-f", file, typed="…", SLIPWAY_URL="…")``: what it printed and how it ended."""

    def run(*words: str, typed: str = "", **environment: str) -> Result:
        return CliRunner().invoke(app, list(words), input=typed, env=environment, prog_name="slipway")

    return run

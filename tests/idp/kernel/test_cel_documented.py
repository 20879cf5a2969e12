"""The page about policies lists every function that there is, as the register has it."""

from __future__ import annotations

from pathlib import Path

import pytest

from idp.kernel.cel import REGISTER

PAGE = Path(__file__).parents[3] / "docs" / "policies.md"


@pytest.mark.parametrize("function", REGISTER, ids=[one.name for one in REGISTER])
def test_it_is_documented(function) -> None:
    assert f"| `{function.signature}` | {function.text} `{function.example}` |" in PAGE.read_text(encoding="utf-8")

"""Exports checked offline agree with the program that auditors are given, whatever was done to the file."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portal.cli.audit_export import FORMAT, NoExport, export_check, text_of
from tests.portal.cli.conftest import Slipway

VERIFIER = Path(__file__).resolve().parents[3] / "deploy" / "audit" / "verify_export.py"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(Ed25519PrivateKey.from_private_bytes(b"o" * 32).public_key().public_bytes_raw()).decode()
Lines = list[dict[str, Any]]


def export(*, signed: bool = True) -> Lines:
    lines: Lines = [{"format": FORMAT, "first": 3, "previous_hash": "before"}]
    before = "before"
    for number in range(3, 8):
        entry = {"sequence": number, "actor": "añn", "data": {"b": 1.0, "a": [number]}, "previous_hash": before}
        before = hashlib.sha256(text_of(entry)).hexdigest()
        lines.append({**entry, "hash": before})
    head = {"sequence": 7, "hash": before}
    last: dict[str, Any] = {"head": head}
    if signed:
        last |= {"signature": base64.b64encode(KEY.sign(text_of(head))).decode(), "public_key": PUBLIC}
    return [*lines, last]


def written(lines: Lines) -> list[str]:
    return [json.dumps(one) for one in lines]


def altered(lines: Lines) -> None:
    lines[2]["actor"] = "eve"


def removed(lines: Lines) -> None:
    del lines[3]


def moved(lines: Lines) -> None:
    lines[2], lines[3] = lines[3], lines[2]


def cut(lines: Lines) -> None:
    del lines[-1]


def shortened(lines: Lines) -> None:
    del lines[-2]


def rewritten(lines: Lines) -> None:
    lines[-1]["head"] = {**lines[-1]["head"], "sequence": 8}


def lengthened(lines: Lines) -> None:
    lines.append(lines[1])


TAMPERED = (altered, removed, moved, cut, shortened, rewritten, lengthened)


def test_a_whole_export_has_nothing_against_it() -> None:
    found = export_check(written(export()), key=PUBLIC)
    assert (found.faults, found.count, found.first, found.last) == ([], 5, 3, 7)
    assert (found.signature, found.own_key) == ("good", False)


def test_its_own_key_proves_only_that_it_is_whole() -> None:
    assert export_check(written(export())).own_key
    assert export_check(written(export(signed=False))).signature == "unsigned"


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda one: one.__name__)
def test_it_says_what_the_auditors_program_says(tamper: Callable[[Lines], None], tmp_path: Path) -> None:
    lines = export()
    tamper(lines)
    file = tmp_path / "audit.jsonl"
    file.write_text("\n".join(written(lines)) + "\n", encoding="utf-8")
    theirs = subprocess.run(
        [sys.executable, str(VERIFIER), str(file), "--key", PUBLIC], capture_output=True, text=True, timeout=60
    )
    ours = export_check(written(lines), key=PUBLIC).faults
    assert theirs.returncode == 1
    assert ours == theirs.stderr.splitlines() != []


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        pytest.param(export(), OTHER, "does not fit the key", id="another key"),
        pytest.param(export(), "no base64!", "does not fit the key", id="no key"),
        pytest.param(export(signed=False), PUBLIC, "is not signed", id="no signature"),
    ],
)
def test_a_key_that_was_noted_must_fit(lines: Lines, key: str, words: str) -> None:
    assert words in export_check(written(lines), key=key).faults[0]


@pytest.mark.parametrize("lines", [["{}"], ["[1]"], ["no JSON"], []], ids=["another", "a list", "no JSON", "nothing"])
def test_what_is_no_export_is_told(lines: list[str]) -> None:
    with pytest.raises(NoExport):
        export_check(lines)


def test_the_command_names_what_is_wrong_and_ends_with_1(slipway: Slipway, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    lines = export()
    file.write_text("\n".join(written(lines)), encoding="utf-8")
    whole = slipway("audit", "verify", str(file), "--key", PUBLIC)
    assert (whole.exit_code, whole.stdout) == (
        0,
        "5 entries (3 to 7), whole and in order. The signature fits the key.\n",
    )
    del lines[2]["hash"]
    file.write_text("\n".join(written(lines)), encoding="utf-8")
    assert slipway("audit", "verify", str(file)).exit_code == 1
    assert slipway("audit", "verify", str(tmp_path / "none")).exit_code == 2


def test_without_the_package_for_signatures_a_noted_key_is_no_success(
    slipway: Slipway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [one for one in sys.modules if one.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    file = tmp_path / "audit.jsonl"
    file.write_text("\n".join(written(export())), encoding="utf-8")
    assert slipway("audit", "verify", str(file), "--key", PUBLIC).exit_code == 1
    plain = slipway("audit", "verify", str(file))
    assert plain.exit_code == 0
    assert "was not checked" in plain.stdout

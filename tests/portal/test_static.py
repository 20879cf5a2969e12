"""Static files: nothing vendored was touched, nothing points nowhere, nothing needs a weaker content policy."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from portal.drawing.icons import ICONS, MARKS, known

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
LOCK = json.loads((STATIC / "vendor" / "vendor.lock.json").read_text())["files"]
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
SHEETS = sorted((STATIC / "css").glob("*.css"))


@pytest.mark.parametrize("entry", LOCK, ids=[entry["name"] for entry in LOCK])
def test_it_serves_what_was_locked(entry):
    found = (ROOT / entry["file"]).read_bytes()
    assert hashlib.sha256(found).hexdigest() == entry["sha256"], f"{entry['file']} is not {entry['source']}"


@pytest.mark.parametrize("entry", LOCK, ids=[entry["name"] for entry in LOCK])
def test_it_carries_the_licence_of_what_it_serves(entry):
    assert entry["licence"] in {"0BSD", "MIT", "OFL-1.1", "MPL-2.0"}
    assert entry["version"] in entry["source"]
    assert len((ROOT / entry["licence_file"]).read_text()) > 500


def test_it_locks_everything_that_others_wrote():
    locked = {entry["file"] for entry in LOCK}
    folders = [STATIC / "vendor", STATIC / "fonts", ROOT / "tests" / "browser" / "vendor"]
    there = {
        str(path.relative_to(ROOT))
        for folder in folders
        for path in folder.iterdir()
        if path.suffix not in {".LICENSE", ".json"}
    }
    assert there == locked


def test_it_knows_every_symbol_of_the_sprite():
    symbols = re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text())
    assert len(symbols) == len(set(symbols))
    assert set(symbols) == ICONS | MARKS | {"slipway"}


NAMES = {"known": ("database", "database"), "unknown": ("unicorn", "box"), "a mark is no icon": ("s-ready", "box")}


@pytest.mark.parametrize(("name", "drawn"), NAMES.values(), ids=NAMES.keys())
def test_it_draws_a_box_for_an_icon_it_lacks(name, drawn):
    assert known(name) == drawn


@pytest.mark.parametrize("sheet", SHEETS, ids=[sheet.name for sheet in SHEETS])
def test_it_points_to_files_that_are_there(sheet):
    for address in re.findall(r'url\("?([^")]+)"?\)', sheet.read_text()):
        assert (sheet.parent / address).is_file(), address


def test_it_defines_every_token_it_uses():
    text = "".join(sheet.read_text() for sheet in SHEETS)
    used = set(re.findall(r"var\((--[\w-]+)", text))
    assert used <= set(re.findall(r"(--[\w-]+)\s*:", text))


LAYERS = ["tokens", "base", "layout", "components", "pages"]


def test_it_keeps_each_sheet_to_its_layer():
    assert {sheet.stem for sheet in SHEETS} == set(LAYERS)
    for name in LAYERS:
        assert (
            re.findall(r"^@layer ([\w, ]+)[{;]", (STATIC / "css" / f"{name}.css").read_text(), re.M)[-1].strip() == name
        )


def test_it_links_the_sheets_in_the_order_of_the_layers():
    head = (ROOT / "templates" / "components" / "_head.html").read_text()
    assert re.findall(r"css/(\w+)\.css", head) == LAYERS


def test_it_uses_colours_only_from_tokens():
    """A colour may be mixed by hand with light-dark and oklch, but no sheet has a hex colour of its own."""
    for sheet in SHEETS:
        assert not re.findall(r"#[0-9a-fA-F]{3,8}\b(?![\w-]*\{)", sheet.read_text()), sheet.name


UNSAFE = (
    r"\beval\(|new Function|\.innerHTML\b|insertAdjacentHTML|\.style\b|setAttribute\(\"(?:style|on)|document\.write"
)


@pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
def test_it_runs_under_the_strict_policy(script):
    text = script.read_text()
    assert not re.findall(UNSAFE, text)
    assert '"use strict"' in text
    assert "http://" not in text
    assert "https://" not in text


def test_it_tells_htmx_to_evaluate_nothing():
    head = (ROOT / "templates" / "components" / "_head.html").read_text()
    config = json.loads(re.search(r"name=\"htmx-config\" content='([^']+)'", head).group(1))
    assert (config["allowEval"], config["includeIndicatorStyles"], config["allowScriptTags"]) == (False, False, False)
    swapped = {rule["code"]: rule["swap"] for rule in config["responseHandling"]}
    assert swapped == {"204": False, "[23]..": True, "422": True, "[45]..": False}

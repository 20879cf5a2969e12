"""The command line stands alone: it needs nothing of the server, in the checkout and as a wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from portal.cli import __version__

ROOT = Path(__file__).resolve().parents[3]
CLI = ROOT / "portal" / "cli"
SERVER = ("django", "rest_framework", "celery", "kubernetes", "guardian", "idp", "governance", "provisioning")

BLOCKED = f"""
import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {SERVER!r} or name.startswith("portal.") and not name.startswith("portal.cli"):
            raise ImportError(f"{{name}} is of the server")

sys.meta_path.insert(0, Refusal())
sys.argv = ["slipway", *{{words!r}}]
from portal.cli.main import run
run()
"""


def alone(*words: str, tmp_path: Path, **told: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLIPWAY_", "DJANGO_"))}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path), **told}
    environment["_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION"] = "1"  # whoever runs the tests may be no shell
    program = BLOCKED.replace("{words!r}", repr(list(words)))
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


def test_it_runs_where_nothing_of_the_server_can_be_imported(tmp_path: Path) -> None:
    done = alone("--version", tmp_path=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"slipway {__version__}\n"), done.stderr


def test_every_command_can_be_read_about_without_the_server(tmp_path: Path) -> None:
    done = alone("--help", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in ("login", "plan", "apply", "promote", "approve", "runs", "contract", "policy", "score", "audit"):
        assert command in done.stdout


def test_the_refusal_of_the_server_is_one(tmp_path: Path) -> None:
    program = BLOCKED.replace("from portal.cli.main import run", "import django").replace("{words!r}", "[]")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "django is of the server" in done.stderr


def test_a_command_without_an_installation_says_what_to_do(tmp_path: Path) -> None:
    done = alone("systems", tmp_path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "slipway login --url" in done.stderr


def test_it_completes_words_in_a_shell(tmp_path: Path) -> None:
    done = alone("--show-completion", "bash", tmp_path=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "_SLIPWAY_COMPLETE=complete_bash" in done.stdout


OFFERED = {
    "any command": ("slipway ", {"env", "plan", "apply", "login"}, set()),
    "one that begins so": ("slipway p", {"plan", "promote", "policy"}, {"env", "apply"}),
    "one of a group": ("slipway env ", {"list", "show"}, {"plan"}),
}


@pytest.mark.parametrize(("typed", "offered", "not_offered"), OFFERED.values(), ids=OFFERED)
def test_a_shell_that_asks_is_offered_the_words_that_fit(
    tmp_path: Path, typed: str, offered: set[str], not_offered: set[str]
) -> None:
    asked = {"_SLIPWAY_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = alone(tmp_path=tmp_path, **asked)
    assert done.returncode == 0, done.stderr
    words = set(done.stdout.split())
    assert offered <= words
    assert not words & not_offered


def test_the_folder_above_imports_nothing() -> None:
    assert (ROOT / "portal" / "__init__.py").read_text(encoding="utf-8").strip() == ""


def test_its_wheel_asks_for_nothing_of_the_server() -> None:
    project = tomllib.loads((CLI / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {one.partition(">")[0].partition("[")[0] for one in project["dependencies"]}
    assert names == {"httpx", "pyyaml", "rich", "typer"}
    assert project["scripts"] == {"slipway": "slipway_cli.main:run"}


def test_modules_import_each_other_relatively_because_the_wheel_has_another_name() -> None:
    for file in CLI.glob("*.py"):
        lines = file.read_text(encoding="utf-8").splitlines()
        imports = [one.strip() for one in lines if one.strip().startswith(("import ", "from "))]
        assert not [one for one in imports if one.startswith(("import portal", "from portal"))], file.name


@pytest.mark.skipif(find_spec("hatchling") is None, reason="the build backend hatchling is not installed")
def test_the_wheel_installs_the_command_line_alone(tmp_path: Path) -> None:
    program = f"import hatchling.build; print(hatchling.build.build_wheel({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=CLI, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        folders = {name.partition("/")[0] for name in wheel.namelist()}
        modules = {name for name in wheel.namelist() if name.startswith("slipway_cli/")}
    assert folders == {"slipway_cli", f"slipway_cli-{__version__}.dist-info"}
    assert modules == {f"slipway_cli/{one.name}" for one in CLI.glob("*.py")}

"""Settings come from the environment only, are documented, and are safe when nothing is set."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from idp import environ

ROOT = Path(__file__).resolve().parents[2]
READ = re.compile(r"""(?:environ\.(?:text|flag|number|words)|environ\.get)\(\s*["\x27]([A-Z_]+)["\x27]""")
PRODUCTION = {
    "SLIPWAY_SECRET_KEY": "x" * 30 + "aB3$kfLq9vVzT7wYpRs2",
    "SLIPWAY_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "SLIPWAY_HOSTS": "slipway.example",
}


def _manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SLIPWAY_") and key != "REDIS_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=kept | {"DJANGO_SETTINGS_MODULE": "idp.settings"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_documents_every_variable_and_no_other():
    sources = [*ROOT.glob("idp/*.py"), *ROOT.glob("deploy/*.py"), *ROOT.glob("provisioning/management/commands/*.py")]
    read = {name for path in sources for name in READ.findall(path.read_text())} - {"DJANGO_SETTINGS_MODULE"}
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    assert read == documented


def test_it_refuses_to_start_without_a_secret_key():
    answer = _manage("check")
    assert answer.returncode != 0
    assert "SLIPWAY_SECRET_KEY is not set" in answer.stderr


def test_it_passes_djangos_deployment_checks(tmp_path):
    answer = _manage("check", "--deploy", "--fail-level", "WARNING", SLIPWAY_DATA_DIR=str(tmp_path), **PRODUCTION)
    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


def test_it_keeps_debug_off_and_inline_code_out():
    from django.conf import settings

    assert settings.DEBUG is False
    assert "unsafe-inline" not in str(settings.CONTENT_SECURITY_POLICY)
    assert "unsafe-eval" not in str(settings.CONTENT_SECURITY_POLICY)


def test_it_has_no_missing_migration():
    answer = _manage("makemigrations", "--check", "--dry-run", SLIPWAY_TESTING="1")
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("sqlite:////data/s.sqlite3", {"NAME": "/data/s.sqlite3"}, id="absolute-file"),
        pytest.param("sqlite:///s.sqlite3", {"NAME": "s.sqlite3"}, id="relative-file"),
        pytest.param(
            "postgresql://me:p%40ss@db:5433/slipway?sslmode=require",
            {"NAME": "slipway", "USER": "me", "PASSWORD": "p@ss", "HOST": "db", "PORT": "5433"},
            id="postgres",
        ),
        pytest.param("postgresql://me@/slipway?host=/run/pg", {"HOST": "/run/pg", "OPTIONS": {}}, id="socket"),
    ],
)  # fmt: skip
def test_it_reads_database_addresses(url, expected):
    assert expected.items() <= environ.database(url).items()


def test_it_says_which_databases_it_knows():
    with pytest.raises(Exception, match="use sqlite"):
        environ.database("mysql://x/y")


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_it_refuses_a_flag_that_is_neither(value, monkeypatch):
    monkeypatch.setenv("SLIPWAY_DEBUG", value)
    with pytest.raises(Exception, match="write 1 or 0"):
        environ.flag("SLIPWAY_DEBUG")

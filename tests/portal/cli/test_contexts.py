"""Contexts: kept privately, chosen in a fixed order, and a token never leaves the address it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.cli.client import base_url
from portal.cli.contexts import Context, Contexts, contexts_file, contexts_read, contexts_write
from portal.cli.exits import Fault
from portal.cli.session import Session
from tests.portal.cli.conftest import Slipway

HOME = Context("https://home.example", "slw_home", "ann")
WORK = Context("https://work.example", "slw_work", "ann", "2030-01-31T09:00:00Z")


@pytest.fixture
def kept() -> Path:
    path = contexts_file()
    contexts_write(path, Contexts("work", {"home": HOME, "work": WORK}))
    return path


def test_it_reads_what_it_wrote_and_nobody_else_may(kept: Path) -> None:
    assert contexts_read(kept) == Contexts("work", {"home": HOME, "work": WORK})
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in kept.parent.iterdir()] == ["contexts.yaml"]


def test_it_makes_a_file_private_that_others_could_read(kept: Path) -> None:
    kept.chmod(0o644)
    contexts_read(kept)
    assert kept.stat().st_mode & 0o777 == 0o600


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert contexts_read(tmp_path / "none.yaml") == Contexts()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[1, 2]", id="a list"),
        pytest.param("contexts: {a: {token: x}}", id="no address"),
        pytest.param("contexts: [", id="no YAML"),
        pytest.param("contexts: {a: 3}", id="no context"),
    ],
)
def test_a_file_that_is_none_is_told_and_left(kept: Path, text: str) -> None:
    kept.write_text(text, encoding="utf-8")
    with pytest.raises(Fault) as told:
        contexts_read(kept)
    assert str(kept) in told.value.message
    assert kept.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("options", "environment", "url", "token"),
    [
        pytest.param({}, {}, WORK.url, "slw_work", id="the current one"),
        pytest.param({"context": "home"}, {}, HOME.url, "slw_home", id="named by an option"),
        pytest.param({}, {"SLIPWAY_CONTEXT": "home"}, HOME.url, "slw_home", id="named by the environment"),
        pytest.param({"context": "work"}, {"SLIPWAY_CONTEXT": "home"}, WORK.url, "slw_work", id="the option wins"),
        pytest.param({}, {"SLIPWAY_URL": HOME.url}, HOME.url, "slw_home", id="an address that is known"),
        pytest.param({}, {"SLIPWAY_URL": "https://other.example"}, "https://other.example", "", id="another address"),
        pytest.param({}, {"SLIPWAY_TOKEN": "slw_ci"}, WORK.url, "slw_ci", id="only a token"),
        pytest.param(
            {"url": "https://other.example/api/v1/"},
            {"SLIPWAY_TOKEN": "slw_ci", "SLIPWAY_URL": HOME.url},
            "https://other.example",
            "slw_ci",
            id="both from outside",
        ),
    ],
)
def test_it_chooses(
    kept: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, str],
    environment: dict[str, str],
    url: str,
    token: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    chosen = Session(**options).chosen
    assert (chosen.url, chosen.token) == (url, token)


def test_a_context_that_is_not_there_is_told_with_those_that_are(kept: Path) -> None:
    with pytest.raises(Fault) as told:
        _ = Session(context="nowhere").chosen
    assert (told.value.exit_code, "home, work" in told.value.remedy) == (2, True)


@pytest.mark.parametrize(
    ("typed", "kept_as"),
    [
        ("https://slipway.example", "https://slipway.example"),
        ("https://slipway.example/", "https://slipway.example"),
        (" https://slipway.example/api/v1/ ", "https://slipway.example"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://example.com/slipway/", "https://example.com/slipway"),
    ],
)
def test_an_address_is_kept_as_that_of_the_portal(typed: str, kept_as: str) -> None:
    assert base_url(typed) == kept_as


@pytest.mark.parametrize(
    "typed", ["", "slipway.example", "ftp://slipway.example", "https://", "https://a:b@slipway.example", "http://[::"]
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(Fault) as told:
        base_url(typed)
    assert told.value.exit_code == 2


def test_the_list_marks_the_current_one_and_shows_no_token(kept: Path, slipway: Slipway) -> None:
    done = slipway("contexts", "list")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert [one.split()[:2] for one in lines[1:]] == [["home", HOME.url], ["*", "work"]]
    assert "slw_" not in done.output


def test_it_forgets_and_takes_another(kept: Path, slipway: Slipway) -> None:
    assert slipway("contexts", "use", "home").exit_code == 0
    assert slipway("contexts", "remove", "home").exit_code == 0
    assert contexts_read(kept) == Contexts("work", {"work": WORK})


def test_a_token_typed_by_mistake_is_refused_before_anything_is_asked(slipway: Slipway) -> None:
    done = slipway("login", "--url", "http://127.0.0.1:1", "--token", typed="hunter2\n")
    assert (done.exit_code, "slw_" in done.stderr) == (2, True)

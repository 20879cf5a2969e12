"""Patches against files in Git: only the lines that are meant, always the data that is wanted, always for Git."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from idp.kernel.documents import load_all_yaml
from idp.kernel.errors import InvalidInput
from provisioning.domain.git_files import commit_link, file_edited, patch, same_wish, spec_towards

FILE = """\
# The staging of checkout
apiVersion: slipway.dev/v1
kind: Environment
metadata: {system: checkout, name: staging}
spec:
  stage: staging   # never prod
  resources:
    db:
      capability: postgres@1
      inputs: {storageGiB: 20}   # grows

    # What people see
    api:
      capability: web-service@2
      component: checkout-api
      inputs:
        image: registry.example/api:1.8.3
        port: 8080
        env:
          A: "1"
"""
OTHER = "---\napiVersion: slipway.dev/v1\nkind: Environment\nmetadata: {system: a, name: b}\nspec: {stage: dev}\n"


def data(text: str = FILE) -> dict[str, Any]:
    return load_all_yaml(text)[0].data


def changed(path: str, value: Any) -> dict[str, Any]:
    """FILE's document with one place set, or taken out by None."""
    document = load_all_yaml(FILE)[0].data
    at = document
    *folders, last = path.split(".")
    for part in folders:
        at = at[part]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return document


EDITS = {
    "a-scalar": ("spec.resources.api.inputs.port", 9090),
    "a-word-that-yaml-1.1-misreads": ("spec.resources.api.inputs.image", "on"),
    "inside-braces": ("spec.resources.db.inputs", {"storageGiB": 40}),
    "a-new-key": ("spec.expires", "2026-12-01T00:00:00Z"),
    "a-new-resource": ("spec.resources.cache", {"capability": "redis@1.0.0", "inputs": {}}),
    "a-resource-less": ("spec.resources.db", None),
    "the-last-resource-less": ("spec.resources.api", None),
    "a-nested-key": ("spec.resources.api.inputs.env.B", "two\nlines\n"),
    "the-last-key-of-a-block": ("spec.resources.api.inputs.env.A", None),
    "a-list": ("spec.resources.api.inputs.args", ["--a", {"b": None}]),
    "a-scalar-to-a-map": ("spec.resources.api.inputs.port", {"number": 1}),
    "nothing-left": ("spec.resources", {}),
}


@pytest.mark.parametrize(("path", "value"), EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("text", [FILE, FILE + OTHER, OTHER + "---\n" + FILE, FILE.rstrip("\n")], ids=range(4))
def test_an_edit_says_what_is_wanted_and_leaves_its_neighbours(text: str, path: str, value: Any) -> None:
    wanted = changed(path, value)

    edited = file_edited(text, data(), wanted)

    others = [one.data for one in load_all_yaml(text) if one.data != data()]
    assert [one.data for one in load_all_yaml(edited) if one.data in others] == others
    assert wanted in [one.data for one in load_all_yaml(edited)]


@pytest.mark.parametrize("name", ["a-scalar", "inside-braces", "a-new-key", "a-new-resource", "a-nested-key"])
def test_an_edit_keeps_the_comments(name: str) -> None:
    edited = file_edited(FILE, data(), changed(*EDITS[name]))

    assert [line for line in FILE.split("\n") if "#" in line and "grows" not in line] == [
        line for line in edited.split("\n") if "#" in line and "grows" not in line
    ]
    assert len(patch("a.yaml", FILE, edited).split("\n")) < 16


HARD = {
    "braces-all-over": '{"apiVersion": "slipway.dev/v1", "kind": "Environment", "spec": {"stage": "dev"}}',
    "an-alias": "spec:\n  a: &x {b: 1}\n  c: *x\nkind: E\n",
    "beside-its-mark": "--- {kind: A, spec: {b: 1}}\n",
    "a-block-scalar": "spec:\n  text: |\n    one\n    two\n\n# end\nkind: E\n",
    "umlauts": "spec:\n  text: äöü €\n  other: 1\nkind: Ü\n",
    "windows": "spec:\r\n  text: a\r\n  other: 1\r\nkind: E\r\n",
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD)
def test_what_cannot_be_cut_is_written_anew(text: str) -> None:
    document = data(text)
    wanted = {**document, "spec": {**document["spec"], "new": [1], "text": "x"}}

    assert load_all_yaml(file_edited(text, document, wanted))[0].data == wanted


def test_a_document_is_taken_out_of_its_stream_or_with_its_file() -> None:
    assert file_edited(FILE, data(), None) == ""
    assert data(file_edited(FILE + OTHER, data(), None))["metadata"] == {"system": "a", "name": "b"}
    assert load_all_yaml(file_edited(OTHER + "---\n" + FILE, data(), None))[0].data == data(OTHER)
    with pytest.raises(InvalidInput):
        file_edited(OTHER, data(), None)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("text", [FILE, FILE + OTHER, FILE.rstrip("\n")], ids=["one", "stream", "no-newline"])
@pytest.mark.parametrize("name", [*EDITS, "deleted"])
def test_git_applies_the_patch(tmp_path: Path, text: str, name: str) -> None:
    after = file_edited(text, data(), None if name == "deleted" else changed(*EDITS[name]))
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "a b.yaml").write_text(text)
    made = patch("envs/a b.yaml", text, after)

    subprocess.run(["git", "apply", "-"], input=made.encode(), cwd=tmp_path, check=True, timeout=30)

    there = tmp_path / "envs" / "a b.yaml"
    assert (there.read_text() if there.exists() else "") == after


def revision(**inputs: Any) -> dict[str, Any]:
    api = {"capability": "web-service", "contract": "2.1.0", "component": "api", "inputs": {"port": 80, **inputs}}
    return {"stage": "dev", "power": "awake", "expires": None, "resources": {"api": api}}


WRITTEN = {"stage": "dev", "resources": {"api": {"capability": "web-service@2", "component": "api"}}}


def test_what_is_equal_stays_as_it_is_written() -> None:
    assert spec_towards(WRITTEN, revision(), revision()) == WRITTEN
    assert same_wish(revision(), {**revision(), "power": "asleep"})


TOWARDS = {
    "input": (revision(port=81), {"inputs": {"port": 81}}),
    "version": (
        {**revision(), "resources": {"api": {**revision()["resources"]["api"], "contract": "2.2.0"}}},
        {"capability": "web-service@2.2.0"},
    ),
    "component": (
        {**revision(), "resources": {"api": {**revision()["resources"]["api"], "component": ""}}},
        {"component": None},
    ),
}


@pytest.mark.parametrize(("target", "said"), TOWARDS.values(), ids=TOWARDS)
def test_what_differs_is_written(target: dict[str, Any], said: dict[str, Any]) -> None:
    spec = spec_towards(WRITTEN, revision(), target)

    wanted = {**WRITTEN["resources"]["api"], **said}
    assert spec["resources"]["api"] == {name: value for name, value in wanted.items() if value is not None}
    assert not same_wish(revision(), target)


def test_resources_come_and_go_and_an_end_is_written() -> None:
    target = revision() | {"expires": "2026-12-01T00:00:00Z"}
    target["resources"] = {"db": {"capability": "postgres", "contract": "1.2.0", "component": None, "inputs": {}}}

    spec = spec_towards(WRITTEN, revision(), target)

    assert spec["resources"] == {"db": {"capability": "postgres@1.2.0", "inputs": {}}}
    assert spec["expires"] == "2026-12-01T00:00:00Z"


def test_what_is_lent_is_written_as_where_it_comes_from() -> None:
    origin = {"system": "shop", "environment": "dev", "resource": "db"}
    lent = {"capability": "postgres", "contract": "1.2.0", "component": None, "inputs": {}, "from": origin, "lent": {}}
    target = revision() | {"resources": {"orders": lent}}
    spec = spec_towards(WRITTEN, revision(), target)
    assert spec["resources"] == {"orders": {"from": origin}}
    assert spec_towards(spec, target, {**target, "resources": {"orders": {**lent, "contract": "1.3.0"}}}) == spec
    other = {**lent, "from": {**origin, "resource": "other"}}
    elsewhere = {**target, "resources": {"orders": other}}
    assert same_wish(target, {**target, "resources": {"orders": {**lent, "contract": "1.3.0", "lent": {"x": 1}}}})
    assert not same_wish(target, elsewhere)
    assert spec_towards(spec, target, elsewhere)["resources"] == {"orders": {"from": other["from"]}}


LINKS = {
    "github": ("https://github.com/acme/app.git", "https://github.com/acme/app/commit/abc"),
    "gitlab": ("https://gitlab.example/a/b/app", "https://gitlab.example/a/b/app/-/commit/abc"),
    "ssh": ("ssh://git@git.example:2222/team/app.git", "https://git.example/team/app/commit/abc"),
    "port": ("https://git.example:3000/team/app", "https://git.example:3000/team/app/commit/abc"),
    "nowhere": ("nothing", ""),
}


@pytest.mark.parametrize(("url", "link"), LINKS.values(), ids=LINKS)
def test_a_commit_has_a_page(url: str, link: str) -> None:
    assert commit_link(url, "abc") == link

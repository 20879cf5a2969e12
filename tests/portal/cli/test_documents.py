"""Files of environments: read strictly, with their lines, and told by name when they are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.cli.asking import place, told_with_lines, worst
from portal.cli.documents import MOST_BYTES, environments_in, files_named, is_one_environment, texts_read
from portal.cli.exits import Fault

TEXT = """# staging
apiVersion: slipway.dev/v1
kind: Environment
metadata: {system: checkout, name: staging}
spec:
  stage: dev
  expires: 2026-12-31
  resources:
    api:
      capability: web-service@1
      inputs:
        port: 8080
        hosts:
          - a.example
          - b.example
"""


def environment(text: str = TEXT):
    (found,) = environments_in([("staging.yaml", text.encode())])
    return found


def test_it_reads_a_document_and_keeps_a_date_as_it_is_written() -> None:
    found = environment()
    assert (found.place, found.data["spec"]["expires"]) == ("checkout/staging", "2026-12-31")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param("spec.resources.api.inputs.port", 12, id="a field"),
        pytest.param("spec.resources.api.inputs.replicas", 11, id="one that is missing"),
        pytest.param("spec.resources.api.inputs.hosts.1", 15, id="an item"),
        pytest.param("spec.resources.api.inputs.hosts[0]", 14, id="an item in brackets"),
        pytest.param("nothing.here", 2, id="nowhere"),
        pytest.param("", 2, id="the whole"),
    ],
)
def test_it_knows_the_line_of_a_place(path: str, line: int) -> None:
    assert environment().line_of(path) == line


def test_a_refusal_is_told_with_the_lines_of_the_file() -> None:
    fault = Fault("1 field needs fixing.", places=("spec.stage: Use dev.", "policy.tight: Full."), status=422)
    told = told_with_lines(fault, environment())
    assert told.message == "staging.yaml: 1 field needs fixing."
    assert told.places == ("spec.stage (line 6): Use dev.", "policy.tight: Full.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(TEXT.replace("  stage: dev", "  stage: dev\n  stage: prod"), "staging.yaml:7", id="a key twice"),
        pytest.param(TEXT.replace("port: 8080", "port: [8080"), "staging.yaml:", id="no YAML"),
        pytest.param(TEXT.replace("kind: Environment", "kind: Policy"), "slipway.dev/v1 Policy", id="another kind"),
        pytest.param(TEXT.replace("slipway.dev/v1", "v1"), "v1 Environment", id="another version"),
        pytest.param(TEXT.replace(", name: staging", ""), "metadata needs system and name", id="no name"),
        pytest.param(TEXT.partition("spec:")[0], "spec must be a map", id="no spec"),
        pytest.param("- 1\n- 2\n", "A document is a map", id="a list"),
        pytest.param("", "There is no document", id="nothing"),
        pytest.param(TEXT + "  more: &a {again: *a}\n", "what JSON cannot say", id="an alias of itself"),
        pytest.param(TEXT.replace("8080", ".nan"), "what JSON cannot say", id="no number"),
    ],
)
def test_what_is_no_environment_is_told_by_file_and_line(text: str, words: str) -> None:
    with pytest.raises(Fault) as told:
        environment(text)
    assert words in told.value.message


def test_it_reads_several_documents_of_a_file() -> None:
    text = f"{TEXT}---\n{TEXT.replace('name: staging', 'name: dev')}---\n"
    assert [one.name for one in environments_in([("all.yaml", text.encode())])] == ["staging", "dev"]


@pytest.mark.parametrize(
    ("texts", "is_one"),
    [
        pytest.param([TEXT], True, id="one"),
        pytest.param([f"{TEXT}---\n"], True, id="one and nothing"),
        pytest.param([TEXT, TEXT], False, id="two files"),
        pytest.param([f"{TEXT}---\n{TEXT}"], False, id="two in a file"),
        pytest.param([TEXT.replace("Environment", "Policy")], False, id="another kind"),
        pytest.param(["a: ["], True, id="no YAML is told as that of an environment"),
    ],
)
def test_one_environment_goes_its_own_way(texts: list[str], is_one: bool) -> None:
    assert is_one_environment([(f"{number}.yaml", one.encode()) for number, one in enumerate(texts)]) is is_one


def test_a_folder_stands_for_its_documents_and_a_file_for_itself(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "readme.md", "c.json"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    named = [str(tmp_path), str(tmp_path / "a.yml"), "-"]
    assert [Path(one).name for one in files_named(named)] == ["a.yml", "b.yaml", "c.json", "-"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot be read"):
        texts_read([str(tmp_path / "none.yaml")])
    with pytest.raises(Fault, match="holds no YAML"):
        texts_read([str(tmp_path)])
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(Fault, match="larger than 1 MB"):
        texts_read([str(large)])


@pytest.mark.parametrize("text", ["checkout", "checkout/", "/staging", "a/b/c", ""])
def test_what_names_no_environment_is_refused(text: str) -> None:
    with pytest.raises(Fault) as told:
        place(text)
    assert told.value.exit_code == 2


@pytest.mark.parametrize(("ends", "status"), [([], 0), ([0, 4], 4), ([4, 1], 1), ([1, 3, 4], 3), ([3, 5], 5)], ids=str)
def test_the_worst_of_several_ends_counts(ends: list[int], status: int) -> None:
    assert worst(ends) == status

"""Policies as text: written out in the order in which they are read, and moved to another mode in place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from governance.domain.policy_text import policy_text, with_mode
from governance.services.policies import starter_policies
from idp.kernel.canonical import canonical, digest
from idp.kernel.documents import load_yaml
from tests.governance.domain.test_policy import DOCUMENT

ALL = [DOCUMENT, *starter_policies()]


@pytest.mark.parametrize("document", ALL, ids=[one["metadata"]["name"] for one in ALL])
def test_it_writes_what_reads_the_same(document: dict[str, Any]) -> None:
    text = policy_text(canonical(document))
    assert digest(load_yaml(text).data) == digest(document)
    assert next(iter(load_yaml(text).data["spec"])) == "title"
    for mode in ("observe", "enforce"):
        wanted = deepcopy(document)
        wanted["spec"]["mode"] = mode
        assert digest(load_yaml(with_mode(text, mode)).data) == digest(wanted)


HEAD = "apiVersion: slipway.dev/v1\nkind: Policy\nmetadata: {name: a}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(
            "spec:\n  # why\n  title: x\n  mode: observe  # for now\n", "  mode: enforce  # for now", id="line"
        ),
        pytest.param("spec:\n  title: x\n  mode: 'observe'\n", "  mode: enforce", id="quoted"),
        pytest.param("spec:\n  # why\n  title: x\n", "  mode: enforce", id="left-out"),
        pytest.param("spec: {title: x, mode: observe}\n", "spec: {title: x, mode: enforce}", id="flow"),
        pytest.param("spec:\n  title: 'mode: observe'\n  mode: observe\n", "  title: 'mode: observe'", id="in-a-title"),
    ],
)
def test_it_changes_the_line_of_the_mode_alone(text: str, line: str) -> None:
    made = with_mode(HEAD + text, "enforce")
    assert line in made.splitlines()
    assert load_yaml(made).data["spec"]["mode"] == "enforce"
    assert ("# why" in made) is ("# why" in text)


def test_it_writes_out_what_it_cannot_edit_in_place() -> None:
    text = HEAD + 'spec: {title: "mode: observe", mode: observe, when: "true", effect: warn, message: x}\n'
    assert load_yaml(with_mode(text, "enforce")).data["spec"]["mode"] == "enforce"

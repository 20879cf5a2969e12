"""Any catalog that comes in goes out as it came, and comes in again as what it was."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.domain.backstage.outgoing import marked
from governance.domain.backstage.writing import as_yaml
from governance.services.backstage_reading import SourceFile, gather

LETTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\x00")
TRICKY = (
    "1e3",
    "0o17",
    "no",
    "~",
    "2020-01-01",
    "12:30:00",
    "a\nb\n",
    "  x",
    "{{ x }}",
    "- a",
    "#",
    "---",
    "a\n---\nb",
)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(LETTERS, max_size=12),
    st.sampled_from(TRICKY),
)
keys = st.text(LETTERS, min_size=1, max_size=6).filter(lambda key: not key.startswith("$"))
maps = st.dictionaries(keys, st.one_of(leaves, st.lists(leaves, max_size=3)), max_size=4)
names = st.from_regex(r"\A[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?\Z").filter(str.isascii)


def out_and_in(data: list[dict[str, Any]]) -> dict[str, Any]:
    """As a database keeps it, as the stream writes it, and as an import reads it."""
    kept = [json.loads(json.dumps(one)) for one in data]
    text = "".join(f"---\n{as_yaml(one)}" for one in kept)
    found = gather([SourceFile("a", text.encode())])
    assert found.refused == []
    return {ref: (item.data, item.digest) for ref, item in found.items.items()}


@settings(max_examples=200, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(names, maps), max_size=3))
def test_any_catalog_comes_back_the_same(found: list[tuple[str, dict[str, Any]]]) -> None:
    data = [
        {"apiVersion": "acme.example/v1", "kind": "Thing", "metadata": {"name": name, "x": spec}, "spec": spec}
        for name, spec in {name.lower(): (name, spec) for name, spec in found}.values()
    ]
    first = gather([SourceFile(f"{number}.yaml", as_yaml(one).encode()) for number, one in enumerate(data)])

    back = out_and_in([item.data for item in first.items.values()])

    assert back == {ref: (item.data, item.digest) for ref, item in first.items.items()}
    assert [one for one, _ in back.values()] == data


@settings(max_examples=50, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from("abc"), st.text(LETTERS, max_size=5), max_size=2))
def test_the_mark_of_an_orphan_does_not_stay(notes: dict[str, str]) -> None:
    metadata = {"name": "one", **({"annotations": notes} if notes else {})}
    data = {"apiVersion": "acme.example/v1", "kind": "Thing", "metadata": metadata, "spec": {}}

    ((back, _),) = out_and_in([marked(data)]).values()

    assert back == data
